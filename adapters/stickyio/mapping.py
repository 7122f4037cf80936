"""The rules, as rows: a word selects, the values lower, and nothing is ever raised to a sale.

Each meaning has its rows, read from the top; the first that fits decides.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from adapters.stickyio.state import State
from adapters.stickyio.words import NOTICES, Means


class Does(StrEnum):
    """What a postback comes to."""

    IGNORE = "ignore"
    PLACED = "placed"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    REFUND = "refund"
    FULL_REFUND = "full refund"
    CHARGEBACK = "chargeback"
    CHECKOUT = "checkout"
    UNKNOWN = "unknown"
    UNKNOWN_STATUS = "unknown status"
    NO_STATUS = "no status"
    NOT_CANCELLED = "not cancelled"


class Verdict(NamedTuple):
    does: Does
    reason: str = ""
    notice: Means | None = None


class Row(NamedTuple):
    when: Callable[[State], bool]
    then: Verdict


def ignore(reason: str) -> Verdict:
    return Verdict(Does.IGNORE, reason)


def _notice(means: Means) -> Verdict:
    return Verdict(Does.IGNORE, NOTICES[means].reason, means)


def _always(then: Verdict) -> Row:
    return Row(lambda _: True, then)


_REFUND: Final = Verdict(Does.REFUND)
_CANCELLED: Final = Verdict(Does.CANCELLED)
_CHARGEBACK: Final = Verdict(Does.CHARGEBACK)

_CHARGED_BACK: Final = Row(lambda s: s.charged_back, _CHARGEBACK)
_GIVEN_BACK: Final = Row(lambda s: s.given_back_some, _REFUND)
_ENDED: Final = Row(lambda s: s.order == "ended", Verdict(Does.FULL_REFUND))
_DECLINED: Final = (
    Row(lambda s: s.order == "declined" and s.rebill, _notice(Means.REBILL_DECLINED)),
    Row(lambda s: s.order == "declined", _notice(Means.DECLINED)),
)
_UNPAID: Final = (
    *_DECLINED,
    Row(lambda s: s.order == "pending", ignore("not paid yet")),
    Row(lambda s: s.order == "unknown", Verdict(Does.UNKNOWN_STATUS)),
    Row(lambda s: s.may_be_declined, Verdict(Does.NO_STATUS)),
)

# Nothing is voided in part, and one token serves both.
_VOID: Final = (
    Row(lambda s: s.given_back_in_part, _REFUND),
    Row(lambda s: s.given_back_some, _CANCELLED),
    *_DECLINED,
)

RULES: Final[dict[Means, tuple[Row, ...]]] = {
    # A sale of which something was given back is past: what is left to tell is the refund.
    Means.SALE: (_CHARGED_BACK, _GIVEN_BACK, _ENDED, *_UNPAID, _always(Verdict(Does.PLACED))),
    # What is left after a partial refund is still shipped.
    Means.SHIPPED: (
        _CHARGED_BACK,
        Row(lambda s: s.given_back_some and not s.given_back_in_part, _REFUND),
        _ENDED,
        *_UNPAID,
        _always(Verdict(Does.FULFILLED)),
    ),
    Means.VOID: (*_VOID, _always(_CANCELLED)),
    # The platform's own "Cancel" stops a subscription, and leaves the paid order as it is.
    Means.CANCELLED: (
        *_VOID,
        Row(lambda s: s.is_kept and s.order != "ended", Verdict(Does.NOT_CANCELLED)),
        _always(_CANCELLED),
    ),
    Means.REFUND: (_GIVEN_BACK, _CHARGED_BACK, _ENDED, *_DECLINED, _always(_REFUND)),
    Means.CHARGEBACK: (_CHARGED_BACK, *_DECLINED, _always(_CHARGEBACK)),
    Means.CHECKOUT: (
        *_DECLINED,
        Row(lambda s: s.has_order, ignore("no longer a prospect: it has an order id")),
        _always(Verdict(Does.CHECKOUT)),
    ),
    Means.DECLINED: (
        Row(lambda s: s.rebill, _notice(Means.REBILL_DECLINED)),
        _always(_notice(Means.DECLINED)),
    ),
}
# Approved, shipped and stopped look alike in the values, so that none of them is taken for granted.
STATE_RULES: Final = (
    Row(lambda s: s.is_prospect, Verdict(Does.CHECKOUT)),
    _CHARGED_BACK,
    _GIVEN_BACK,
    *_UNPAID,
    _always(Verdict(Does.UNKNOWN)),
)
"""Where no word says what happened."""


def judge(means: Means | None, state: State) -> Verdict:
    """What a word comes to with these values; without a word, what the values alone say."""
    if means is not None and means not in RULES:
        return _notice(means)
    rows = STATE_RULES if means is None else RULES[means]
    return next(row.then for row in rows if row.when(state))

"""The rules, as rows: a word selects, the order's state lowers, and nothing is ever raised to a sale.

Bodies are snapshots taken when they are sent, a quarter of an hour or more after the trigger, so a "sale"
may already be refunded. Each meaning has its rows, read from the top; the first that fits decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from adapters.checkoutchamp import words
from adapters.checkoutchamp.state import State
from adapters.checkoutchamp.words import NOTICES, Means


class Does(IntEnum):
    """What a postback comes to, from the lowest to the highest."""

    IGNORE = 0
    CHARGEBACK = 1
    PARTIAL_REFUND = 2
    REFUND = 3  # of an amount yet to be read
    FULL_REFUND = 4
    CANCELLED = 5
    CHECKOUT = 6
    FULFILLED = 7
    PLACED = 8
    PLACED_AND_SINCE = 9  # and what has happened to it since
    UNKNOWN_STATUS = 10
    UNKNOWN_SHIPMENT = 11
    UNKNOWN = 12
    CONTRADICTION = 13
    UNKNOWN_SUBSCRIPTION = 14
    NOT_CANCELLED = 15


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


def _always(_: State) -> bool:
    return True


PLACED: Final = Verdict(Does.PLACED)
PLACED_AND_SINCE: Final = Verdict(Does.PLACED_AND_SINCE)
FULFILLED: Final = Verdict(Does.FULFILLED)
CANCELLED: Final = Verdict(Does.CANCELLED)
CHECKOUT: Final = Verdict(Does.CHECKOUT)
REFUND: Final = Verdict(Does.REFUND)
FULL_REFUND: Final = Verdict(Does.FULL_REFUND)
PARTIAL_REFUND: Final = Verdict(Does.PARTIAL_REFUND)
CHARGEBACK: Final = Verdict(Does.CHARGEBACK)

_INCOMPLETE: Final = Row(lambda s: s.order == "partial", ignore("not complete yet"))
_CANCELLED: Final = Row(lambda s: s.cancelled, CANCELLED)
_DECLINED: Final = (
    Row(lambda s: s.declined and s.rebill, _notice(Means.REBILL_DECLINED)),
    Row(lambda s: s.declined, _notice(Means.DECLINED)),
)
# Whatever was said, the order has come to an end, or never was one. responseType SUCCESS and
# fulfillmentStatus CANCELLED prove nothing alone: both are seen on orders in other states.
_ENDED: Final = (
    Row(lambda s: s.order == "refunded", FULL_REFUND),
    Row(lambda s: s.charged_back, CHARGEBACK),
    _CANCELLED,
    *_DECLINED,
)
_UNPAID: Final = (
    Row(lambda s: s.unpaid, ignore("not paid yet")),
    Row(lambda s: s.waits, ignore("pending: waiting for the capture")),
)
# Cycle 2 on the first order itself is a subscription paused or resumed: a rebill has an id of its own.
_UNCHARGED: Final = Row(
    lambda s: s.uncharged, ignore("nothing was charged: a later cycle of the first order")
)
# A full order of the query API says that it was placed, and besides what was shipped and given back since.
_FULL_ORDER: Final = Row(lambda s: s.api and s.order == "complete", PLACED_AND_SINCE)
_SALE: Final = (
    *_ENDED,
    _INCOMPLETE,
    Row(lambda s: s.nothing_remains, FULL_REFUND),
    _UNCHARGED,
    *_UNPAID,
    _FULL_ORDER,
    Row(lambda s: s.order in ("", "complete", "pending"), PLACED),
    Row(_always, Verdict(Does.UNKNOWN_STATUS)),
)
_SHIPPED: Final = (
    *_ENDED,
    _INCOMPLETE,
    *_UNPAID,
    Row(lambda s: s.shipment in words.NOT_YET, ignore("not shipped yet")),
    Row(lambda s: s.coming_back, ignore("returned, not shipped")),
    Row(lambda s: s.shipment in words.STOPPED, ignore("shipment cancelled or failed")),
    Row(lambda s: bool(s.shipment) and not s.shipped, ignore("not shipped: unknown fulfilment status")),
    Row(lambda s: s.order not in ("", "complete", "pending"), Verdict(Does.UNKNOWN_STATUS)),
)
_REFUND: Final = (
    Row(lambda s: s.order == "refunded", FULL_REFUND),
    Row(lambda s: s.order == "chargeback", CHARGEBACK),
    _INCOMPLETE,
    Row(lambda s: s.order == "declined" and s.cancelled, CANCELLED),
    *_DECLINED,
)
_PAID_BACK_IN_PART: Final = tuple(row for row in _REFUND if row.then is not FULL_REFUND)

RULES: Final[dict[Means, tuple[Row, ...]]] = {
    Means.SALE: _SALE,
    Means.QA_PENDING: _SALE,
    Means.CHECKOUT: (
        Row(lambda s: s.order == "partial", CHECKOUT),
        *_DECLINED,
        Row(lambda s: s.order == "", CHECKOUT),
        Row(lambda s: s.order == "unknown", Verdict(Does.UNKNOWN_STATUS)),
        Row(_always, ignore("no longer a partial")),
    ),
    Means.SHIPPED: (*_SHIPPED, Row(_always, FULFILLED)),
    Means.SHIPMENT: (
        *_SHIPPED,
        Row(lambda s: s.shipped, FULFILLED),
        Row(_always, Verdict(Does.UNKNOWN_SHIPMENT)),
    ),
    # Complete beside it: the profile is on the trigger Cancel, which leaves the order as it is.
    Means.CANCELLED: (
        _CANCELLED,
        *_DECLINED,
        _INCOMPLETE,
        Row(lambda s: s.order == "complete", Verdict(Does.NOT_CANCELLED)),
        Row(_always, CANCELLED),
    ),
    Means.REFUND: (*_REFUND, Row(_always, REFUND)),
    Means.FULL_REFUND: (*_REFUND, Row(_always, FULL_REFUND)),
    # What orderStatus is after a partial refund is not documented: REFUNDED must not make it a full one.
    Means.PARTIAL_REFUND: (*_PAID_BACK_IN_PART, Row(_always, PARTIAL_REFUND)),
    Means.CHARGEBACK: (
        _INCOMPLETE,
        Row(lambda s: s.order == "declined" and not s.charged_back, _notice(Means.DECLINED)),
        Row(_always, CHARGEBACK),
    ),
    # "Cancel Order" fires the trigger Decline; the state tells the two apart.
    Means.DECLINED: (_CANCELLED, *_DECLINED, Row(_always, _notice(Means.DECLINED))),
    Means.REBILL_DECLINED: (_CANCELLED, Row(_always, _notice(Means.REBILL_DECLINED))),
    Means.SUBSCRIPTION_CANCELLED: (_CANCELLED, Row(_always, _notice(Means.SUBSCRIPTION_CANCELLED))),
}
STATE_RULES: Final = (
    Row(lambda s: s.order == "partial", CHECKOUT),
    *_ENDED,
    Row(lambda s: s.dated_refund and s.order != "unknown", REFUND),
    _UNCHARGED,
    _FULL_ORDER,
    Row(lambda s: s.coming_back and s.order != "unknown", ignore("returned, not sold")),
    # A sale whose subscription was stopped since, or an old order whose subscription stops now.
    Row(
        lambda s: s.stopped and s.order != "unknown" and not s.unpaid and not s.waits,
        Verdict(Does.UNKNOWN_SUBSCRIPTION),
    ),
    Row(lambda s: s.shipped and s.order in ("", "complete") and not s.unpaid, FULFILLED),
    Row(lambda s: s.order == "", Verdict(Does.UNKNOWN)),
    *_UNPAID,
    Row(lambda s: s.shipped and s.order == "pending", FULFILLED),
    Row(lambda s: s.order in ("complete", "pending"), PLACED),
    Row(_always, Verdict(Does.UNKNOWN_STATUS)),
)
"""Where no word says what happened."""


def judge(means: Means | None, state: State) -> Verdict:
    """What a word comes to in this state; without a word, what the state alone says."""
    if means is not None and means not in RULES:
        return _notice(means)
    rows = STATE_RULES if means is None else RULES[means]
    return next((row.then for row in rows if row.when(state)), Verdict(Does.UNKNOWN))


# A word that only says less of the same thing takes nothing back: FULFILLMENT beside event=shipped.
_VAGUE: Final[Mapping[Does, Does]] = {
    Does.REFUND: Does.FULL_REFUND,
    Does.UNKNOWN_SHIPMENT: Does.FULFILLED,
}
_NEW: Final = (Does.PLACED, Does.PLACED_AND_SINCE)
_BACK: Final = (Does.CHARGEBACK, Does.PARTIAL_REFUND, Does.REFUND, Does.FULL_REFUND)
_ENDS: Final = (*_BACK, Does.CANCELLED)


def reconcile(said: Verdict, fired: Verdict) -> Verdict:
    """What stands where `event=` says one thing and customerType another: the lower, if one is.

    Else neither is believed: the one would mail about what did not happen, the other lose what did.
    """
    if said.does in (Does.IGNORE, fired.does) or _VAGUE.get(fired.does) == said.does:
        return said
    if _VAGUE.get(said.does) == fired.does:
        return fired
    if fired.does == Does.IGNORE or (said.does in _NEW and fired.does in _ENDS):
        return fired
    if said.does in _BACK and fired.does in _BACK:
        return min(said, fired, key=lambda verdict: verdict.does)
    if said.does in _ENDS and fired.does in _ENDS:
        return said
    return Verdict(Does.CONTRADICTION)

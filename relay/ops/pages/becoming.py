"""What a source's postbacks become: its adapter's words, and the calls by the rules the source has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from relay.compose.policy import Policy
from relay.normalise.contract import Adapter, Meaning
from relay.normalise.events import KINDS, Kind
from relay.ops.pages.saying import span

_CALLS: Final[dict[Kind, str]] = {
    "checkout.started": "/checkouts",
    "order.placed": "/orders, placed",
    "order.fulfilled": "/orders, fulfilled",
    "order.cancelled": "/orders, cancelled",
    "order.refunded": "/orders, refunded",
    "stock.requested": "/back-in-stock",
    "products.upserted": "/products",
    "customer.event": "/subscribers/events",
}


@dataclass(frozen=True, slots=True)
class Row:
    """`kind` and `call` are "" for what is ignored."""

    said: Sequence[str]
    kind: str
    call: str
    means: str
    note: str = ""


def becomes(adapter: Adapter, policy: Policy) -> tuple[Row, ...]:
    """An adapter that does not say what it reads may read every kind there is."""
    said = getattr(adapter, "meanings", None)
    rows: Sequence[Meaning] = said() if said else [Meaning((), kind) for kind in KINDS]
    return tuple(_row(meaning, policy) for meaning in rows)


def _row(meaning: Meaning, policy: Policy) -> Row:
    if not meaning.kind:
        return Row(meaning.said, "", "", "", meaning.note)
    return Row(meaning.said, meaning.kind, _CALLS[meaning.kind], _rule(meaning.kind, policy), meaning.note)


def _rule(kind: Kind, policy: Policy) -> str:
    match kind:
        case "checkout.started":
            oldest = span(policy.checkout_max_age.total_seconds())
            return f"An abandoned checkout, once, unless an order follows; none older than {oldest}"
        case "order.placed":
            return _PLACED[policy.upsell].format(span(policy.upsell_hold.total_seconds()))
        case "order.refunded":
            return f"Money back, {_REFUNDED[policy.refund_amount]}{_CHARGEBACK[policy.chargeback]}"
        case _:
            return _RULES[kind]


_PLACED: Final = {
    "push_again": "A sale, once for each total",
    "hold": "A sale, after {}, with the total that it has then",
    "event": "A sale, once; a higher total is an event",
}
_REFUNDED: Final = {"step": "once for each step", "cumulative": "as the sum so far, once for each"}
_CHARGEBACK: Final = {
    "refunded": "",
    "event": "; a chargeback is an event",
    "ignore": "; a chargeback is ignored",
}
_RULES: Final[dict[Kind, str]] = {
    "order.fulfilled": "Shipped, once",
    "order.cancelled": "Cancelled, once; ends the order",
    "stock.requested": "Tell me when it is back",
    "products.upserted": "The catalog",
    "customer.event": "Anything else worth a sequence",
}

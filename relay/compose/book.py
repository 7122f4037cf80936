"""The order book: what is known of one order so far, folded from what was seen and what was sent.

Each relay has its own part; mapping it again or editing it replaces that part, and never adds it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any

from relay.compose.calls import Call
from relay.normalise.events import (
    BookedEvent,
    Customer,
    Item,
    OrderEvent,
    OrderPlaced,
    OrderRefunded,
    told_in,
)


@dataclass(frozen=True, slots=True)
class Part:
    """What one relay said of the order. Relay ids sort by receipt."""

    relay: str
    received_at: datetime
    events: tuple[BookedEvent, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """What the destination has accepted, by meaning. `digests` tell whether a repeat says something else."""

    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def placed(self) -> frozenset[int]:
        """Every total a `placed` went out with."""
        return frozenset(self._amounts("placed@"))

    @property
    def refunded(self) -> int:
        """The cumulative sum of the last `refunded`, 0 for none."""
        return max(self._amounts("refunded@"), default=0)

    def refunded_below(self, told: int) -> int:
        """The cumulative sum before `told`."""
        return max((amount for amount in self._amounts("refunded@") if amount < told), default=0)

    def __contains__(self, meaning: str) -> bool:
        return meaning in self.digests

    def _amounts(self, prefix: str) -> Iterable[int]:
        return (int(m.removeprefix(prefix)) for m in self.digests if m.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Facts:
    """One order. `order_id` is the name it goes by at the destination, fixed by the first accepted call.
    `checkout_id` is that of the checkout it came from, `first_seen` when the order itself was.

    `dead_placed` is the relay whose `placed` of this order is a dead letter, `dropped_placed` one that a
    person discarded.
    """

    order_id: str
    order_number: str | None = None
    checkout_id: str | None = None
    names: frozenset[str] = frozenset()
    customer: Customer = field(default_factory=Customer)
    currency: str | None = None
    total_minor: int | None = None
    ordered_at: datetime | None = None
    items: tuple[Item, ...] | None = None
    first_seen: datetime | None = None
    kinds: frozenset[str] = frozenset()
    sales: tuple[tuple[str, OrderPlaced], ...] = ()
    refunds: tuple[tuple[str, OrderRefunded], ...] = ()
    sent: Sent = field(default_factory=Sent)
    dead_placed: str | None = None
    dropped_placed: str | None = None

    @property
    def largest_placed(self) -> int | None:
        return max((sale.total_minor for _, sale in self.sales if sale.total_minor is not None), default=None)

    def with_upsells(self, sale: OrderPlaced) -> OrderPlaced:
        """`sale` as it became: with the total and the items of the largest told."""
        largest = max(self._sales_like(sale), key=_total, default=sale)
        if _total(largest) <= _total(sale):
            return sale
        changes = {"total_minor": largest.total_minor, "currency": largest.currency}
        return sale.model_copy(update=changes | {"items": largest.items or sale.items})

    def sold(self, event: BookedEvent) -> int | None:
        """The largest total of a sale, in the currency of `event`: no other can be compared with it."""
        return max((_total(sale) for sale in self._sales_like(event)), default=None)

    def sold_in_another(self, event: BookedEvent) -> str | None:
        """The currency of a sale that went out, where it is another than that of `event`."""
        currency = event.currency or self.currency
        sent = (sale for _, sale in self.sales if sale.total_minor in self.sent.placed)
        return next((sale.currency for sale in sent if sale.currency != currency), None)

    def _sales_like(self, event: BookedEvent) -> Iterable[OrderPlaced]:
        currency = event.currency or self.currency
        return (s for _, s in self.sales if s.total_minor is not None and s.currency == currency)

    @property
    def refunded_minor(self) -> int:
        """The largest sum refunded that any postback told of."""
        return max((self.refunded_by(relay, event) or 0 for relay, event in self.refunds), default=0)

    def refunded_by(self, relay: str, event: OrderRefunded) -> int | None:
        """The sum refunded once `event`, told by `relay`, has happened; None where nobody knows it.

        Never more than the order's total: a chargeback may be told of all, fees included.
        """
        refund = event.refund
        total = self.largest_total(event)
        if refund is None or refund.basis == "full":
            return total if refund else None
        before = [e.refund for r, e in self.refunds if r <= relay and e.refund]
        if refund.basis == "step":
            told = max((r.amount_minor or 0 for r in before if r.basis == "cumulative"), default=0)
        elif refund.amount_minor is None:
            return None
        else:
            told = refund.amount_minor
        steps = {r.id: r.amount_minor or 0 for r in before if r.basis == "step"}
        summed = told + sum(steps.values())
        return summed if total is None else min(summed, total)

    def largest_total(self, event: BookedEvent) -> int | None:
        """What was charged in all: a refund's postback may tell only of the first sale, without upsells."""
        sent = None if self.sold_in_another(event) else max(self.sent.placed, default=None)
        known = (self.total_of(event), self.sold(event), sent)
        return max((total for total in known if total is not None), default=None)

    def total_of(self, event: BookedEvent) -> int | None:
        """What `event` says, else what was told: the largest sale's, since an upsell may be overtaken."""
        if event.total_minor is not None or self.total_minor is None:
            return event.total_minor
        return max(self.total_minor, self.sold(event) or 0)

    @property
    def fully_refunded(self) -> bool:
        """Whether the destination was told that all of it was given back, as far as was known by then."""
        given_back = self.sent.refunded
        if given_back == 0 or any(total > given_back for total in self.sent.placed):
            return False
        return any(self._all_back(relay, event) for relay, event in self.refunds)

    def _all_back(self, relay: str, event: OrderRefunded) -> bool:
        """Of an upsell, too, that need not have been told as `placed`."""
        sold = max((_total(sale) for told_by, sale in self.sales if told_by <= relay), default=0)
        worth = max(sold, _total(event))
        if event.refund is None or event.refund.basis != "full":
            worth = worth or self.largest_total(event) or 0
            if (self.refunded_by(relay, event) or 0) < worth:
                return False
        return worth <= self.sent.refunded

    def without_chargebacks(self) -> Facts:
        """For a source that tells them otherwise than as money given back."""
        told = tuple((relay, e) for relay, e in self.refunds if not (e.refund and e.refund.chargeback))
        return replace(self, refunds=told)

    def after(self, call: Call) -> Facts:
        """The facts once `call` is accepted."""
        if not call.booked:
            return self
        return replace(self, sent=Sent({**self.sent.digests, call.meaning: call.digest}))


def fold(
    parts: Iterable[Part],
    sent: Mapping[str, str],
    *,
    order_id: str | None = None,
    dead_placed: str | None = None,
    dropped_placed: str | None = None,
) -> Facts:
    """The facts of one order. Of two tellings the later receipt wins; what nobody says stays absent.

    `order_id` is the name already used at the destination; else the one of the postback that knew most names.
    """
    ordered = _in_one_currency(sorted(parts, key=lambda part: part.relay))
    events: list[BookedEvent] = list(chain.from_iterable(part.events for part in ordered))
    orders = [e for e in events if e.kind != "checkout.started"]
    told = orders or events
    currency = _last(e.currency for e in events)
    seen = [part for part in ordered if any(e.kind != "checkout.started" for e in part.events)]
    return Facts(
        order_id=order_id or max(told, key=lambda e: len(e.names)).order_id,
        order_number=_last(e.order_number for e in told),
        checkout_id=next((e.order_id for e in events if e.kind == "checkout.started"), None),
        names=frozenset(name for event in events for name in event.names),
        customer=_customer(events),
        currency=currency,
        total_minor=_last(e.total_minor for e in told if e.currency == currency),
        ordered_at=_last(e.ordered_at for e in orders),
        items=_last(e.items or None for e in told),
        first_seen=min((p.received_at for p in seen or ordered), default=None),
        kinds=frozenset(e.kind for e in events),
        sales=tuple((p.relay, e) for p in ordered for e in p.events if isinstance(e, OrderPlaced)),
        refunds=tuple((p.relay, e) for p in ordered for e in p.events if isinstance(e, OrderRefunded)),
        sent=Sent(dict(sent)),
        dead_placed=dead_placed,
        dropped_placed=dropped_placed,
    )


def _in_one_currency(parts: list[Part]) -> list[Part]:
    """Where some postbacks name the order's currency, those that only assumed one are told in it."""
    said = _last(e.currency for p in parts for e in p.events if not e.currency_assumed)
    return [Part(p.relay, p.received_at, tuple(told_in(e, said) for e in p.events)) for p in parts]


def completed(event: OrderEvent, facts: Facts) -> dict[str, Any]:
    """Everything a call about the order needs, from `event` where it says so, else from the book."""
    return {
        "order_number": event.order_number or facts.order_number,
        "total_minor": facts.total_of(event),
        "currency": event.currency or facts.currency,
        "customer": _customer_of((facts.customer, event.customer)),
        "ordered_at": event.ordered_at or facts.ordered_at,
        "items": event.items or facts.items,
    }


def _total(event: OrderEvent) -> int:
    return event.total_minor or 0


def _customer(events: Iterable[BookedEvent]) -> Customer:
    return _customer_of(event.customer for event in events)


def _customer_of(customers: Iterable[Customer]) -> Customer:
    known: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for customer in customers:
        known.update(customer.model_dump(exclude_none=True, exclude={"attributes"}))
        attributes.update(customer.attributes)
    return Customer(**known, attributes=attributes)


def _last(values: Iterable[Any]) -> Any:
    found = None
    for value in values:
        if value is not None:
            found = value
    return found

"""A thin event, completed with what the platform says of its order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from relay.normalise.events import BOOKED, BookedEvent, Customer, Event


def completed(event: BookedEvent, told: Iterable[Event]) -> BookedEvent | None:
    """`event` with what it lacks; None where nothing `told` is of its order and says whose it is.

    What happened stays what the postback said: a shipment is made no sale.
    """
    for other in told:
        if not isinstance(other, BOOKED) or not set(other.names) & set(event.names):
            continue
        whole = event.model_copy(update=_told(event, other))
        if whole.customer.email and whole.total_minor is not None and whole.currency:
            return whole
    return None


def _told(event: BookedEvent, other: BookedEvent) -> dict[str, Any]:
    best = max(event, other, key=lambda each: len(each.names))
    update: dict[str, Any] = {
        "order_id": best.order_id,
        "names": tuple(dict.fromkeys((*event.names, *other.names))),
        "customer": _customer(event.customer, other.customer),
        "ordered_at": event.ordered_at or other.ordered_at,
        "items": event.items or other.items,
    }
    if event.total_minor is None:
        update["total_minor"] = other.total_minor
    if event.currency is None or (event.currency_assumed and event.total_minor is None):
        update |= {"currency": other.currency, "currency_assumed": other.currency_assumed}
    return update


def _customer(own: Customer, other: Customer) -> Customer:
    known = other.model_dump(exclude_none=True) | own.model_dump(exclude_none=True)
    return Customer(**{**known, "attributes": {**other.attributes, **own.attributes}})

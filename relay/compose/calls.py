"""A call: one Commerce API request. Field names and their rules: the Commerce API's sections 5 to 9."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import JsonValue

from relay.normalise import times
from relay.normalise.events import Customer, CustomerEvent, CustomerTotals, Item, Product, StockRequested

Endpoint: TypeAlias = Literal["orders", "checkouts", "products", "stock", "events"]
OrderStatus: TypeAlias = Literal["placed", "fulfilled", "cancelled", "refunded"]

ENDPOINTS: Final[dict[Endpoint, str]] = {
    "orders": "/orders",
    "checkouts": "/checkouts",
    "products": "/products",
    "stock": "/back-in-stock",
    "events": "/subscribers/events",
}
PRODUCTS_PER_CALL: Final = 100
_OF_THE_RELAY: Final = ("stock:", "products:", "event:")
"""How meanings begin that belong to no order."""
_BESIDE: Final = frozenset({"properties", "customerTotals"})
_WHO: Final = ("email", "externalId", "firstName", "lastName")
_WHICH: Final = ("orderId", "checkoutId")


@dataclass(frozen=True, slots=True)
class Call:
    """`meaning` is what the ledger remembers: the same meaning is never sent twice, whatever its bytes."""

    endpoint: Endpoint
    meaning: str
    body: dict[str, Any]

    @property
    def booked(self) -> bool:
        """Whether the order's book remembers it, or only the relay itself."""
        return not self.meaning.startswith(_OF_THE_RELAY)

    @property
    def path(self) -> str:
        return ENDPOINTS[self.endpoint]

    @property
    def content(self) -> bytes:
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def personal(self) -> frozenset[str]:
        """What it says of whom and which order."""
        who: Mapping[str, Any] = self.body.get("customer", self.body)
        attributes = who.get("attributes") or who.get("customAttributes") or {}
        told = [who.get(name) for name in _WHO] + [self.body.get(name) for name in _WHICH]
        return frozenset(value for value in (*told, *attributes.values()) if isinstance(value, str))

    @property
    def digest(self) -> str:
        """Of all that a person would notice; what is told beside it may differ between two tellings."""
        noticed = {key: value for key, value in self.body.items() if key not in _BESIDE}
        text = json.dumps(noticed, sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def order(
    status: OrderStatus,
    *,
    order_id: str,
    total_minor: int,
    currency: str,
    customer: Customer,
    ordered_at: datetime | None,
    items: Iterable[Item] | None,
    properties: Mapping[str, JsonValue],
    meaning: str,
    order_number: str | None = None,
    customer_totals: CustomerTotals | None = None,
    refund_minor: int | None = None,
) -> Call:
    body: dict[str, Any] = {
        "orderId": order_id,
        "status": status,
        "totalCents": total_minor,
        "currency": currency,
        "customer": person(customer),
    }
    if order_number is not None and order_number != order_id:
        body["orderNumber"] = order_number
    if ordered_at is not None:
        body["orderedAt"] = times.z(ordered_at)
    if items:
        body["items"] = [line(item) for item in items]
    if refund_minor is not None:
        body["refundAmountCents"] = refund_minor
    if customer_totals is not None and (totals := _totals(customer_totals)):
        body["customerTotals"] = totals
    if properties:
        body["properties"] = dict(properties)
    return Call("orders", meaning, body)


def checkout(
    *,
    checkout_id: str,
    customer: Customer,
    total_minor: int | None,
    currency: str | None,
    url: str | None,
    items: Iterable[Item] | None,
    properties: Mapping[str, JsonValue],
) -> Call:
    body: dict[str, Any] = {"checkoutId": checkout_id, "customer": person(customer)}
    if total_minor is not None:
        body["totalCents"] = total_minor
    if currency is not None:
        body["currency"] = currency
    if url is not None:
        body["checkoutUrl"] = url
    if items:
        body["items"] = [line(item) for item in items]
    if properties:
        body["properties"] = dict(properties)
    return Call("checkouts", "checkout", body)


def stock(event: StockRequested) -> Call:
    body: dict[str, Any] = {"productId": event.product_id, "customer": person(event.customer)}
    optional = {
        "variantId": event.variant_id,
        "productTitle": event.product_title,
        "variantTitle": event.variant_title,
    }
    body.update({key: value for key, value in optional.items() if value is not None})
    return Call("stock", f"stock:{event.product_id}:{event.variant_id or ''}", body)


def products(entries: tuple[Product, ...]) -> tuple[Call, ...]:
    """One call for each hundred."""
    return tuple(
        Call(
            "products",
            f"products:{start}",
            {"products": [p.model_dump(mode="json") for p in entries[start : start + PRODUCTS_PER_CALL]]},
        )
        for start in range(0, len(entries), PRODUCTS_PER_CALL)
    )


def generic(event: CustomerEvent, *, event_id: str) -> Call:
    """A generic event (section 9.1). Its id, else `event_id`, makes a repeat harmless at the destination."""
    who = event.customer
    body: dict[str, Any] = {"event": event.name, "eventId": event.event_id or event_id}
    optional = {
        "email": who.email,
        "externalId": who.external_id,
        "firstName": who.first_name,
        "lastName": who.last_name,
        "customAttributes": who.attributes or None,
        "occurredAt": times.z(event.occurred_at) if event.occurred_at else None,
        "account": event.account,
        "properties": event.properties or None,
    }
    body.update({key: value for key, value in optional.items() if value is not None})
    return Call("events", f"event:{event.name}", body)


def _totals(totals: CustomerTotals) -> dict[str, int]:
    fields = {"ordersCount": totals.orders_count, "totalSpentCents": totals.total_spent_minor}
    return {key: value for key, value in fields.items() if value is not None}


def person(customer: Customer) -> dict[str, Any]:
    fields = {
        "email": customer.email,
        "externalId": customer.external_id,
        "firstName": customer.first_name,
        "lastName": customer.last_name,
        "attributes": customer.attributes or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def line(item: Item) -> dict[str, Any]:
    fields = {
        "productId": item.product_id,
        "title": item.title,
        "quantity": item.quantity,
        "priceCents": item.price_minor,
        "sku": item.sku,
        "variantId": item.variant_id,
        "variantTitle": item.variant_title,
    }
    return {key: value for key, value in fields.items() if value is not None}

"""Bodies the stand-in takes, and what asks it."""

from copy import deepcopy
from typing import Any

import httpx

from relay.testing.standin import Standin

KEY = "test-key-abcd"
BEARER = {"Authorization": f"Bearer {KEY}"}
CUSTOMER = {
    "email": "lena@example.org",
    "externalId": "cust-5519",
    "firstName": "Lena",
    "attributes": {"campaignId": "31", "visits": 4, "vip": True, "score": 1.5},
}
ITEM = {
    "productId": "tea-250",
    "variantId": "tea-250-mint",
    "title": "Tea 250 g",
    "variantTitle": "Mint",
    "sku": "T250M",
    "quantity": 2,
    "priceCents": 1999,
}
ORDER = {
    "orderId": "KN-77120",
    "orderNumber": "77120",
    "status": "placed",
    "totalCents": 5497,
    "currency": "USD",
    "orderedAt": "2026-03-04T09:30:00.000Z",
    "customer": CUSTOMER,
    "items": [ITEM, {"productId": "cup-1", "title": "Cup", "quantity": 1, "priceCents": 1499}],
    "customerTotals": {"ordersCount": 3, "totalSpentCents": 20000},
    "properties": {"checkoutId": "sess-90aa", "funnel": "spring"},
}
CHECKOUT = {
    "checkoutId": "sess-90aa",
    "customer": CUSTOMER,
    "totalCents": 5497,
    "currency": "USD",
    "checkoutUrl": "https://shop.example/checkout/90aa",
    "items": [ITEM],
    "properties": {"funnel": "spring"},
}
PRODUCT = {
    "productId": "tea-250",
    "title": "Tea 250 g",
    "url": "https://shop.example/tea",
    "currency": "USD",
    "inStock": True,
    "variants": [
        {
            "variantId": "tea-250-mint",
            "title": "Mint",
            "priceCents": 1999,
            "inventoryQuantity": 14,
            "inStock": True,
            "options": [{"name": "Flavour", "value": "Mint"}],
        }
    ],
}
STOCK = {"productId": "tea-250", "variantId": "tea-250-mint", "customer": CUSTOMER}
EVENT = {"event": "payment.declined", "email": "lena@example.org", "properties": {"reason": "funds"}}
ABSENT = object()


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def client_of(standin: Standin) -> httpx.AsyncClient:
    # Without `verify=False` each client would spend some 20 ms reading certificates for nothing.
    return httpx.AsyncClient(base_url=standin.url, headers=BEARER, verify=False)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """`body` with the field at `path` ("items.0.quantity") set, or left out where `value` is ABSENT."""
    body = deepcopy(body)
    *folders, name = path.split(".")
    node: Any = body
    for folder in folders:
        node = node[int(folder)] if isinstance(node, list) else node[folder]
    if value is ABSENT:
        del node[name]
    else:
        node[name] = value
    return body


def order(status: str = "placed", total: int = 5497, **more: Any) -> dict[str, Any]:
    who = {"email": "lena@example.org"}
    return {
        "orderId": "A-1",
        "status": status,
        "totalCents": total,
        "currency": "USD",
        "customer": who,
    } | more


def rules(standin: Standin) -> list[str]:
    return [violation.rule for violation in standin.violations]

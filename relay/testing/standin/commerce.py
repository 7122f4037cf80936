"""What the Commerce API would know after each call, and what a relay should never have told it."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from relay.normalise import bodies
from relay.testing.standin.answers import RefusedError
from relay.testing.standin.orders import Capped, Order, Sender, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HISTORY: Final = 3600.0
OLDEST: Final = 5 * 365.25 * 86400


class Commerce:
    """The state behind the endpoints. Each method takes one validated body and gives the answer's fields.

    `n` is the number the request's record will have.
    """

    def __init__(self, *, keep: int, keep_orders: int, clock: Callable[[], float] = time.time) -> None:
        self._keep = keep
        self._clock = clock
        self.orders: Capped[str, Order] = Capped(keep_orders)
        self.products: Capped[str, dict[str, Any]] = Capped(keep_orders)
        self.contacts: Capped[str, str] = Capped(keep_orders)
        self.violations: list[Violation] = []
        self._waiting: Capped[tuple[str, str], set[str]] = Capped(keep_orders)
        self._events: Capped[tuple[str, str, str], None] = Capped(keep_orders)
        self._event_names: set[str] = set()

    def clear(self) -> None:
        for kept in (self.orders, self.products, self.contacts, self._waiting, self._events):
            kept.clear()
        self.violations.clear()
        self._event_names.clear()

    def order(self, body: bodies.OrderBody, n: int, sender: Sender) -> dict[str, Any]:
        status = body.get("status", "placed")
        total = body["totalCents"]
        refund = body.get("refundAmountCents")
        if refund is not None and status != "refunded":
            raise RefusedError(
                400, "refundAmountCents is only for status refunded", field="refundAmountCents"
            )
        name = body["orderId"]
        order = self.orders.get(name)
        if order is None:
            order = self.orders[name] = Order(name, "", "", 0)
        order.email, order.currency, order.total_cents = body["customer"]["email"], body["currency"], total
        amount = total if status != "refunded" or refund is None else refund
        self._breach(order.push(status, amount, sender), n, name)
        self._check_properties(body.get("properties"), n, name)
        self._contact(body["customer"])
        return {
            "success": True,
            "queued": True,
            "jobId": f"commerce-order-{n:x}",
            "orderId": name,
            "status": status,
        }

    def checkout(self, body: bodies.CheckoutBody, n: int, sender: Sender) -> dict[str, Any]:
        del sender
        self._check_properties(body.get("properties"), n, body["checkoutId"])
        contact, _ = self._contact(body["customer"])
        return {
            "success": True,
            "checkoutId": body["checkoutId"],
            "subscriberId": contact,
            "eventId": f"evt_{n:x}",
        }

    def upsert(self, body: bodies.ProductsBody, n: int, sender: Sender) -> dict[str, Any]:
        del sender
        triggered = 0
        for product in body["products"]:
            if "inStock" not in product:
                self._breach("a product without inStock", n, product["productId"])
            triggered += self._store(product)
        stored = [self.products[product["productId"]] for product in body["products"]]
        return {
            "success": True,
            "upserted": len(stored),
            "backInStockEventsTriggered": triggered,
            "products": stored,
        }

    def back_in_stock(self, body: bodies.StockBody, n: int, sender: Sender) -> dict[str, Any]:
        del n, sender
        product = body["productId"]
        contact, _ = self._contact(body["customer"])
        wanted = (product, body.get("variantId", product))
        self._waiting[wanted] = self._waiting.get(wanted, set()) | {contact}
        return {"success": True, "subscriberId": contact}

    def event(self, body: bodies.EventBody, n: int, sender: Sender) -> dict[str, Any]:
        del sender
        historical = self._is_history(body.get("occurredAt"))
        contact, created = self._contact(body)
        name = body["event"]
        content: dict[str, Any] = {
            "success": True,
            "subscriber": {"id": contact, "created": created}
            | {key: body[key] for key in ("email", "externalId") if key in body},
            "event": {"id": f"evt_{n:x}", "name": name, "definitionCreated": name not in self._event_names},
        }
        self._event_names.add(name)
        if historical:
            content["historical"] = True
        if "eventId" in body:
            seen = (contact, name, body["eventId"])
            if seen in self._events:
                content["duplicate"] = True
            self._events[seen] = None
        return content

    def product(self, name: str) -> dict[str, Any]:
        if name not in self.products:
            raise RefusedError(404, "product not found")
        return {"success": True, "product": self.products[name]}

    def _breach(self, rule: str | None, n: int, name: str) -> None:
        if rule is not None and len(self.violations) < self._keep:
            self.violations.append(Violation(n, rule, name))

    def _check_properties(self, properties: Mapping[str, Any] | None, n: int, name: str) -> None:
        if properties and not bodies.BUILT_IN.isdisjoint(properties):
            taken = ", ".join(sorted(bodies.BUILT_IN.intersection(properties)))
            self._breach(f"a property hides the event's own {taken}", n, name)

    def _contact(self, who: bodies.Customer | bodies.EventBody) -> tuple[str, bool]:
        """The subscriber's id, and whether they are new. An external id alone names only who is known."""
        email, external = who.get("email"), who.get("externalId")
        if email is None:
            if external is None:
                raise RefusedError(400, "email is required", field="email")
            if f"external:{external}" not in self.contacts:
                raise RefusedError(404, f"no subscriber has the externalId {external}", field="externalId")
            return self.contacts[f"external:{external}"], False
        email = email.lower()
        contact = self.contacts.get(email)
        created = contact is None
        if contact is None:
            contact = f"sub_{hashlib.blake2s(email.encode(), digest_size=6).hexdigest()}"
            self.contacts[email] = contact
        if external is not None:
            self.contacts[f"external:{external}"] = contact
        return contact, created

    def _is_history(self, occurred_at: str | None) -> bool:
        if occurred_at is None:
            return False
        age = self._clock() - datetime.fromisoformat(occurred_at).timestamp()
        if age > OLDEST:
            raise RefusedError(400, "occurredAt is older than five years", field="occurredAt")
        return age > HISTORY

    def _store(self, product: bodies.Product) -> int:
        """Upserts one product; gives how many people learn that something is back."""
        name = product["productId"]
        before = self.products.get(name, {})
        kept: dict[str, Any] = (
            before | {"id": f"prod_{name}", "provider": "api", "providerProductId": name} | product
        )
        after = {key: value for key, value in kept.items() if value is not None}
        if "inStock" not in product and ("variants" in product or "inStock" not in before):
            variants = after.get("variants")
            after["inStock"] = any(map(_in_stock, variants)) if variants else True
        self.products[name] = after
        was = _stock(before)
        back = [unit for unit, stocked in _stock(after).items() if stocked and was.get(unit) is False]
        return sum(len(self._waiting.pop((name, unit), ())) for unit in back)


def _stock(product: Mapping[str, Any]) -> dict[str, bool]:
    """By variant, and by product id for the product itself, whether it can be bought."""
    if not product:
        return {}
    variants = {variant["variantId"]: _in_stock(variant) for variant in product.get("variants", ())}
    return {product["productId"]: product["inStock"]} | variants


def _in_stock(variant: Mapping[str, Any]) -> bool:
    return bool(variant.get("inStock", variant.get("inventoryQuantity", 1) > 0))

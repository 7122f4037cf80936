"""Orders: what their payment and fulfilment come to, and the events out of them.

Every topic of an order carries all of it as it is now, so that each delivery tells what is recent up to it;
what was told before is not sent again. A topic's own event is recent by itself.
"""

from __future__ import annotations

from typing import Any, Final

from adapters.shopify.refunds import steps
from adapters.shopify.shop import Shop
from relay.errors import Unmappable, Unsupported
from relay.normalise.contract import Events, Ignored, Reading
from relay.normalise.events import (
    Customer,
    CustomerEvent,
    Event,
    Item,
    OrderCancelled,
    OrderFulfilled,
    OrderPlaced,
    OrderRefunded,
)
from relay.normalise.nested import Currency, Nested
from relay.normalise.payload import fitting_id
from relay.normalise.snapshots import RECENT
from relay.normalise.words import shown

_PAID: Final = frozenset({"paid", "partially_paid", "partially_refunded"})
_UNPAID: Final = frozenset({"pending", "authorized", "voided", "expired", "refunded"})
_FULFILMENTS: Final = frozenset({"fulfilled", "partial", "restocked", "unfulfilled", "not_eligible"})
_PLACES: Final = frozenset({"orders/create", "orders/paid"})


def read(order: Nested, topic: str, shop: Shop) -> Reading:
    """Raises Unsupported for a status that is not known: it is never a sale."""
    if order.flag("test") and not shop.options.test_orders:
        return Ignored("test order")
    payment = order.needed("financial_status")
    if payment not in _PAID | _UNPAID:
        raise Unsupported(f"{shown(payment)} is no known financial_status", field="financial_status")
    created_at, bought_at = shop.moment(order, "created_at"), shop.moment(order, "processed_at", "created_at")
    if not shop.is_recent(bought_at, shop.options.oldest):
        return Ignored("the order is older than options.oldest")
    if created_at and bought_at and created_at - bought_at > RECENT:
        return Ignored("imported; it was bought long before")
    if _email(order) is None and order.text("source_name") == "pos":
        return Ignored("sold in a shop without an e-mail address, so there is nobody to tell")
    warnings: list[str] = []
    fields = _fields(order, shop, warnings)
    found = _found(order, topic, payment, shop, fields)
    return Events(tuple(found), tuple(warnings)) if found else Ignored(_why_nothing(payment, topic))


def _found(order: Nested, topic: str, payment: str, shop: Shop, fields: dict[str, Any]) -> list[Event]:
    found: list[Event] = []
    cancelled_at = shop.moment(order, "cancelled_at")
    if cancelled_at is not None:
        if topic == "orders/cancelled" or shop.is_recent(cancelled_at):
            found.append(order.made(OrderCancelled, **fields))
    elif _is_sale(payment, shop):
        if topic in _PLACES or shop.is_recent(shop.moment(order, "processed_at", "created_at")):
            found.append(order.made(OrderPlaced, **fields))
        found += _shipped(order, topic, shop, fields)
    found += [
        order.made(OrderRefunded, **fields, refund=step) for step in steps(order, fields["currency"], shop)
    ]
    return found


def _is_sale(payment: str, shop: Shop) -> bool:
    if payment == "authorized":
        return shop.options.authorized == "placed"
    if payment == "pending":
        return shop.options.pending == "placed"
    return payment in _PAID


def _why_nothing(payment: str, topic: str) -> str:
    if payment in ("pending", "authorized"):
        return f"not paid yet: {payment}"
    if payment in ("voided", "expired"):
        return f"the payment was {payment}"
    return f"nothing new in {topic}"


def _shipped(order: Nested, topic: str, shop: Shop, fields: dict[str, Any]) -> list[Event]:
    status = order.text("fulfillment_status")
    if status is not None and status not in _FULFILMENTS:
        raise Unsupported(f"{shown(status)} is no known fulfillment_status", field="fulfillment_status")
    wish = shop.options.partly_fulfilled
    if status not in ("fulfilled", "partial") or (status == "partial" and wish == "wait"):
        return []
    shipments = [
        s for s in order.members("fulfillments") if s.text("status") not in ("cancelled", "error", "failure")
    ]
    shipped_at = max((at for s in shipments if (at := shop.moment(s, "created_at"))), default=None)
    if topic not in ("orders/fulfilled", "orders/partially_fulfilled") and not shop.is_recent(shipped_at):
        return []
    properties = {**fields["properties"], **_tracking(shipments)}
    if status == "partial" and wish == "event":
        if topic != "orders/partially_fulfilled":
            return []
        return [_partly(order, fields, properties)]
    return [order.made(OrderFulfilled, **{**fields, "properties": properties})]


def _partly(order: Nested, fields: dict[str, Any], properties: dict[str, str]) -> Event:
    told = {"order": fields["order_id"], **properties}
    return order.made(
        CustomerEvent, name="order.partially_fulfilled", customer=fields["customer"], properties=told
    )


def _tracking(shipments: list[Nested]) -> dict[str, str]:
    """Of the last shipment that says one."""
    found: dict[str, str] = {}
    for shipment in shipments:
        said = {
            "trackingNumber": shipment.label("tracking_number"),
            "trackingUrl": shipment.text("tracking_url"),
            "carrier": shipment.label("tracking_company"),
        }
        found.update({name: value for name, value in said.items() if value is not None})
    return found


# --- what all of them say


def _fields(order: Nested, shop: Shop, warnings: list[str]) -> dict[str, Any]:
    currency = _currency(order, shop)
    total = shop.amount(order, "total_price", currency)
    if total is None:
        raise Unmappable(order.named("total_price"), "is missing")
    name, checkout = order.needed("id"), order.text("checkout_token")
    return {
        "order_id": name,
        "order_number": order.text("name", "order_number"),
        "names": (f"order:{name}", *([f"checkout:{checkout}"] if checkout else [])),
        "customer": _customer(order),
        "currency": currency.code,
        "currency_assumed": currency.assumed,
        "total_minor": total,
        "ordered_at": shop.moment(order, "processed_at", "created_at"),
        "items": items(order, currency, shop, warnings),
        "properties": _properties(order),
    }


def _currency(order: Nested, shop: Shop) -> Currency:
    """Of the total, in the money that counts. Raises Unmappable where nothing says it."""
    told = order.inner("total_price_set").inner(f"{shop.options.money}_money")
    plain = "presentment_currency" if shop.options.money == "presentment" else "currency"
    node, name = (told, "currency_code") if told.text("currency_code") else (order, plain)
    currency = node.currency(name, shop.source.currency)
    if currency.code is None:
        raise Unmappable(currency.field, "is missing: set `currency` in the settings of this source")
    if node is order and plain == "presentment_currency" and currency.code != order.text("currency"):
        raise Unmappable(
            "total_price_set", 'is missing, without which options.money = "presentment" is not known'
        )
    return currency


def _email(order: Nested) -> str | None:
    return order.text("email", "contact_email") or order.inner("customer").text("email")


def _customer(order: Nested) -> Customer:
    email = _email(order)
    if email is None:
        raise Unmappable(
            order.named("email"),
            "is missing: an app sees addresses only with access to protected customer data, which its "
            "settings in the Partner Dashboard ask for",
        )
    who = order.inner("customer")
    return order.made(
        Customer,
        email=email,
        external_id=who.text("id"),
        first_name=who.label("first_name"),
        last_name=who.label("last_name"),
    )


def items(order: Nested, currency: Currency, shop: Shop, warnings: list[str]) -> tuple[Item, ...]:
    found = []
    for line in order.members("line_items"):
        product, title = line.text("product_id"), line.label("title", "name")
        if line.text("quantity") == "0":
            continue
        if product is None or title is None:
            warnings.append(f"{line.named('product_id')}: a line without a product was left out")
            continue
        found.append(
            line.made(
                Item,
                product_id=product,
                title=title,
                variant_id=line.text("variant_id"),
                variant_title=line.label("variant_title"),
                sku=fitting_id(line.text("sku")),
                quantity=line.units("quantity", warnings),
                price_minor=_price(line, currency, shop, warnings),
            )
        )
    return tuple(found)


def _price(line: Nested, currency: Currency, shop: Shop, warnings: list[str]) -> int | None:
    place, field = shop.money(line, "price")
    return place.price(field, currency, warnings) if currency.code else None


def _properties(order: Nested) -> dict[str, str]:
    codes = [code for each in order.members("discount_codes") if (code := each.label("code"))]
    found = {
        "discountCodes": ", ".join(codes) or None,
        "paymentGateways": ", ".join(order.texts("payment_gateway_names")) or None,
        "source": order.label("source_name"),
        "tags": order.label("tags"),
        "cancelReason": order.label("cancel_reason"),
    }
    return {name: value for name, value in found.items() if value is not None}

"""Events out of a body that was found sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from adapters.generic.checking import Body, Refunds
from adapters.generic.words import Shape
from relay.errors import Fault, Unmappable
from relay.normalise.events import (
    CheckoutStarted,
    Customer,
    CustomerEvent,
    CustomerTotals,
    Event,
    Item,
    OrderCancelled,
    OrderFulfilled,
    OrderPlaced,
    OrderRefunded,
    Product,
    ProductsUpserted,
    Refund,
    StockRequested,
)


class Reader(NamedTuple):
    """How a source is read. `assumed`: the currency is the source's own, the body names none."""

    refunds: Refunds
    assumed: bool = False
    started_at: str | None = None


def build(shape: Shape, body: Body, reader: Reader) -> Event:
    """Raises Unmappable, with every fault, where a value is longer than anything real."""
    try:
        return _BUILDERS[shape](body, reader)
    except ValidationError as error:
        raise Unmappable.of(
            [
                Fault(tuple(_theirs(step) for step in detail["loc"]), detail["msg"].lower())
                for detail in error.errors(include_input=False, include_url=False)
            ]
        ) from error


def _order(body: Body, reader: Reader) -> Event:
    status = body.get("status", "placed")
    fields = {**_booked(body, reader), **_ids(body), "ordered_at": _moment(body.get("orderedAt"))}
    totals = body.get("customerTotals")
    if totals:
        fields["customer_totals"] = CustomerTotals(
            orders_count=totals.get("ordersCount"), total_spent_minor=totals.get("totalSpentCents")
        )
    if status == "refunded":
        return OrderRefunded(**fields, refund=_refund(body, reader.refunds))
    return _LIFECYCLE[status](**fields)


_LIFECYCLE: Final[Mapping[str, Callable[..., Event]]] = MappingProxyType(
    {"placed": OrderPlaced, "fulfilled": OrderFulfilled, "cancelled": OrderCancelled}
)


def _ids(body: Body) -> dict[str, Any]:
    """All names of the order: its id, its number, and the checkout it came from."""
    order, number = body.get("orderId"), body.get("orderNumber")
    checkout = body.get("properties", {}).get("checkoutId")
    names = [f"order:{order.strip()}"] if order else []
    names += [f"number:{number.strip()}"] if number else []
    names += [f"checkout:{checkout.strip()}"] if isinstance(checkout, str) and checkout.strip() else []
    return {"order_id": order or number, "order_number": number, "names": tuple(names)}


def _refund(body: Body, refunds: Refunds) -> Refund:
    amount = body["refundAmountCents"]
    if refunds == "step":
        return Refund(basis="step", amount_minor=amount, id=body["properties"]["refundId"])
    return Refund(basis="cumulative", amount_minor=amount)


def _checkout(body: Body, reader: Reader) -> Event:
    return CheckoutStarted(
        **_booked(body, reader),
        order_id=body["checkoutId"],
        names=(f"checkout:{body['checkoutId'].strip()}",),
        started_at=_moment(reader.started_at),
        url=body.get("checkoutUrl"),
    )


def _booked(body: Body, reader: Reader) -> dict[str, Any]:
    items = body.get("items")
    priced = "totalCents" in body or any("priceCents" in item for item in items or ())
    return {
        "customer": _customer(body.get("customer", {})),
        "currency": body.get("currency") if priced or not reader.assumed else None,
        "currency_assumed": priced and reader.assumed,
        "total_minor": body.get("totalCents"),
        "items": tuple(_item(item) for item in items) if items else None,
        "properties": body.get("properties", {}),
    }


def _stock(body: Body, _: Reader) -> Event:
    return StockRequested(
        customer=_customer(body["customer"]),
        product_id=body["productId"],
        variant_id=body.get("variantId"),
        product_title=_text(body.get("productTitle")),
        variant_title=_text(body.get("variantTitle")),
    )


def _products(body: Body, _: Reader) -> Event:
    return ProductsUpserted(products=tuple(Product(**product) for product in body["products"]))


def _event(body: Body, _: Reader) -> Event:
    who = {**body, "attributes": body.get("customAttributes", {})}
    return CustomerEvent(
        name=body["event"],
        customer=_customer(who),
        occurred_at=_moment(body.get("occurredAt")),
        event_id=body.get("eventId"),
        account=body.get("account"),
        properties=body.get("properties", {}),
    )


_BUILDERS: Final[Mapping[Shape, Callable[[Body, Reader], Event]]] = MappingProxyType(
    {
        Shape.ORDER: _order,
        Shape.CHECKOUT: _checkout,
        Shape.STOCK: _stock,
        Shape.PRODUCTS: _products,
        Shape.EVENT: _event,
    }
)


def _customer(body: Mapping[str, Any]) -> Customer:
    return Customer(
        email=body.get("email"),
        external_id=body.get("externalId"),
        first_name=_text(body.get("firstName")),
        last_name=_text(body.get("lastName")),
        attributes=body.get("attributes", {}),
    )


def _item(line: Mapping[str, Any]) -> Item:
    return Item(
        product_id=line["productId"],
        title=line["title"],
        quantity=line["quantity"],
        price_minor=line.get("priceCents"),
        variant_id=line.get("variantId"),
        variant_title=_text(line.get("variantTitle")),
        sku=_text(line.get("sku")),
    )


def _text(text: str | None) -> str | None:
    """The API takes an empty text; it says nothing."""
    return text if text is not None and text.strip() else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_OURS: Final = {"price_minor": "priceCents", "total_minor": "totalCents", "url": "checkoutUrl"}


def _theirs(step: str | int) -> str | int:
    if isinstance(step, int):
        return step
    head, *rest = step.split("_")
    return _OURS.get(step) or head + "".join(word.capitalize() for word in rest)

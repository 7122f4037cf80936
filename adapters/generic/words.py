"""Words for what happened: ours, exactly. A word decides which body it is, and an order's status."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from relay.errors import Unsupported
from relay.normalise.events import KINDS, Kind
from relay.normalise.fields import Value
from relay.normalise.words import shown


class Shape(StrEnum):
    """The Commerce API's bodies."""

    ORDER = "order"
    CHECKOUT = "checkout"
    STOCK = "stock"
    PRODUCTS = "products"
    EVENT = "customer_event"


class Told(NamedTuple):
    """Which body it is, and for an order the status, where a word says it."""

    shape: Shape
    status: str | None = None


_OF_ORDERS: Final = tuple(kind for kind in KINDS if kind.startswith("order."))
_ORDERS: Final = tuple(kind.partition(".")[2] for kind in _OF_ORDERS)
_OTHERS: Final[Mapping[Shape, Kind]] = {
    Shape.CHECKOUT: "checkout.started",
    Shape.STOCK: "stock.requested",
    Shape.PRODUCTS: "products.upserted",
    Shape.EVENT: "customer.event",
}
_SHAPES: Final = {
    "order": Shape.ORDER,
    "checkout": Shape.CHECKOUT,
    "checkout.started": Shape.CHECKOUT,
    "started": Shape.CHECKOUT,
    "stock": Shape.STOCK,
    "stock.requested": Shape.STOCK,
    "requested": Shape.STOCK,
    "back-in-stock": Shape.STOCK,
    "products": Shape.PRODUCTS,
    "products.upserted": Shape.PRODUCTS,
    "upserted": Shape.PRODUCTS,
    "event": Shape.EVENT,
    "customer.event": Shape.EVENT,
}
WORDS: Final[Mapping[str, Told]] = MappingProxyType(
    {word: Told(shape) for word, shape in _SHAPES.items()}
    | {status: Told(Shape.ORDER, status) for status in _ORDERS}
    | {f"order.{status}": Told(Shape.ORDER, status) for status in _ORDERS}
)


def kinds(shape: Shape, status: str | None) -> tuple[Kind, ...]:
    """Those that a body may become."""
    if shape == Shape.ORDER:
        return tuple(kind for kind in _OF_ORDERS if status in (None, kind.partition(".")[2]))
    return (_OTHERS[shape],)


_IDENTIFYING: Final = {
    "orderId": Shape.ORDER,
    "checkoutId": Shape.CHECKOUT,
    "products": Shape.PRODUCTS,
    "productId": Shape.STOCK,
}
_SAY_WHAT: Final = (
    "nothing says what this is: send orderId, checkoutId, products, productId or the event's name, or add "
    "?event=order.placed to the URL"
)


def known(word: str) -> Told:
    """Raises Unsupported for a word that is not ours: it is never a guess."""
    if word not in WORDS:
        raise Unsupported(
            f"{shown(word)} is no known word; expected one of {', '.join(sorted(WORDS))}", field="event"
        )
    return WORDS[word]


def told(word: str | None, body: Mapping[str, Value]) -> Told:
    """What the URL's `word`, else the body's own, else its identifying field says. Raises Unsupported."""
    if word is not None:
        return known(word)
    named = body.get("event")
    by_field = next((shape for field, shape in _IDENTIFYING.items() if field in body), None)
    if isinstance(named, str) and (named in WORDS or by_field):
        return known(named)
    if by_field:
        return Told(by_field)
    if isinstance(named, str):
        return Told(Shape.EVENT)
    raise Unsupported(_SAY_WHAT, field="event")

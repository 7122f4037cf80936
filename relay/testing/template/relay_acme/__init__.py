"""The adapter for Acme: reads its postbacks. Bytes in, events out; no I/O, no clock, no state."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

from relay.errors import Unsupported
from relay.normalise.contract import Events, Ignored, Postback, Reading, SourceContext
from relay.normalise.events import Customer, Event, Item, OrderCancelled, OrderFulfilled, OrderPlaced
from relay.normalise.nested import Currency, Nested
from relay.normalise.words import shown

# TODO step 5: the platform's own words and what each is here. A word in neither table is never a sale.
KINDS: Final[dict[str, type[OrderPlaced | OrderFulfilled | OrderCancelled]]] = {
    "order.paid": OrderPlaced,
    "order.shipped": OrderFulfilled,
    "order.cancelled": OrderCancelled,
}
IGNORED: Final = {"order.created": "not paid yet"}


class AcmeOptions(BaseModel):
    """`[sources.NAME.options]`: what a merchant may choose, checked at the start."""

    model_config = ConfigDict(extra="forbid")


class Acme:
    name: ClassVar[str] = "acme"
    Options: ClassVar[type[BaseModel]] = AcmeOptions
    # TODO step 5: fields with card, bank or sign-in values, in lower-case letters and digits: never stored.
    dropped: ClassVar[frozenset[str]] = frozenset({"cardnumber", "cvv", "iban", "token", "password"})

    def __init__(self, source: SourceContext, options: AcmeOptions) -> None:
        self._source = source
        self._options = options

    def read(self, postback: Postback) -> Reading:
        said = Nested.of(postback)
        if not said:
            return Ignored("ping")
        # TODO step 5: the field that says what happened.
        word = said.text("event") or ""
        if word in IGNORED:
            return Ignored(IGNORED[word])
        if word not in KINDS:
            raise Unsupported(f"{shown(word)} is in no row of the table", field="event")
        return Events((self._event(KINDS[word], said.inner("order")),))

    def _event(self, kind: type[OrderPlaced | OrderFulfilled | OrderCancelled], order: Nested) -> Event:
        # TODO step 5: the fields' own names. What is not said stays out: the order book may know it.
        order_id = order.needed("id")
        currency = order.currency("currency", self._source.currency)
        total = order.minor("total", currency)
        customer = order.inner("customer")
        return order.made(
            kind,
            order_id=order_id,
            names=(f"id:{order_id}",),
            customer=customer.made(
                Customer,
                email=customer.text("email"),
                first_name=customer.label("first_name"),
                last_name=customer.label("last_name"),
            ),
            currency=currency.code,
            currency_assumed=currency.assumed,
            total_minor=total,
            ordered_at=order.moment("created_at", self._source.timezone),
            items=tuple(_item(line, currency) for line in order.members("items")) or None,
        )


def _item(line: Nested, currency: Currency) -> Item:
    fields: dict[str, Any] = {
        "product_id": line.needed("product_id", "sku"),
        "title": line.label("title") or line.needed("sku"),
        "quantity": line.count("quantity"),
        "price_minor": line.minor("price", currency),
        "sku": line.text("sku"),
    }
    return line.made(Item, **fields)

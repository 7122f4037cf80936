"""What an adapter reads out of a postback: normalised, and only as far as the postback says.

Absent means "the postback does not say"; composing completes it from the order book. Money is whole minor
units of `currency`; times are aware and UTC; ids are strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import to_json

from relay.normalise import money, times, urls

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Currency = Annotated[str, AfterValidator(money.currency_code)]
Minor = Annotated[int, Field(ge=0, le=10**15, strict=True)]
Scalar: TypeAlias = str | int | float | bool
"""A value beside an order or of a profile. A float is somebody's rating or weight, never money."""


def _name(text: str) -> str:
    kind, colon, value = text.partition(":")
    return f"{kind}{colon}{value.strip()}"


def _one_of_each_kind(names: tuple[str, ...]) -> tuple[str, ...]:
    kinds: dict[str, str] = {}
    for name in names:
        kinds.setdefault(name.partition(":")[0], name)
    return tuple(kinds.values())


Names = Annotated[
    tuple[Annotated[Identifier, AfterValidator(_name)], ...],
    Field(min_length=1, max_length=8),
    AfterValidator(_one_of_each_kind),
]
"""An order's names as "kind:value". It has one of each kind: a second is another order's to the book."""


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, best Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the calendar") from error


Moment = Annotated[
    datetime, AfterValidator(_utc), PlainSerializer(times.z, return_type=str, when_used="json")
]


# The destination's own rule is not documented. What no mail can reach (no dot in the domain, a stray sign) is
# no address here either: dead with the field named, it can be mended; refused later it could not.
_EMAIL: Final = re.compile(
    r"""(?!\.)(?!.*\.\.)[^\s@<>()\[\],;:"\\\x00-\x1f\x7f]{1,64}(?<!\.)"""
    r"""@(?:[^\W_](?:[^\W_]|-(?!\.))*\.)+[^\W\d_](?:[^\W_]|-(?!$))+"""
)


# What is pasted into a form brings these along, and with one an address is another that no mail can reach.
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))


def _email(text: str) -> str:
    seen = text if text.isascii() else text.translate(_INVISIBLE)
    if not _EMAIL.fullmatch(seen):
        raise ValueError("is not an e-mail address")
    return seen


Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_email)]


def _web(text: str) -> str:
    found = urls.web(text)
    if found is None:
        raise ValueError("is not an http or https address")
    return found


Web = Annotated[str, AfterValidator(_web)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Customer(Model):
    """Who. `external_id` is the merchant's own customer id; `attributes` are merged into the profile."""

    email: Email | None = None
    external_id: Identifier | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    attributes: dict[str, Scalar] = {}


class Item(Model):
    """A line. `price_minor` is the price of one, not of the line."""

    product_id: Identifier
    title: Text
    quantity: Annotated[int, Field(ge=1, le=10**9, strict=True)] = 1
    price_minor: Minor | None = None
    variant_id: Identifier | None = None
    variant_title: Text | None = None
    sku: Identifier | None = None


class Refund(Model):
    """How much was given back.

    `basis` says what `amount_minor` is: "cumulative", all refunds of the order so far; "step", this refund
    alone, told apart by `id`; "full", whatever the order's total is. None means the postback does not say.
    """

    basis: Literal["cumulative", "step", "full"]
    amount_minor: Minor | None = None
    id: Identifier | None = None
    chargeback: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.basis == "step" and self.id is None:
            raise ValueError("a refund told as a step needs an id, else a copy would be added twice")
        return self


class CustomerTotals(Model):
    """What the platform itself counts of the customer, this order included; it overrides adding up."""

    orders_count: Annotated[int, Field(ge=0, strict=True)] | None = None
    total_spent_minor: Minor | None = None


class _OrderFields(Model):
    """`order_id` is the best name this postback has; `names` are all it has, as "kind:value", for look-up.
    `order_number` is what people call it, where that is another.

    `currency_assumed`: the postback named no currency, and the source's default stands in; what another
    postback of the order says beats it.
    """

    order_id: Identifier
    names: Names
    order_number: Identifier | None = None
    customer: Customer = Customer()
    currency: Currency | None = None
    currency_assumed: bool = False
    total_minor: Minor | None = None
    ordered_at: Moment | None = None
    items: tuple[Item, ...] | None = None
    customer_totals: CustomerTotals | None = None
    properties: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _money_has_a_currency(self) -> Self:
        priced = self.total_minor is not None or any(i.price_minor is not None for i in self.items or ())
        if priced and self.currency is None:
            raise ValueError("an amount needs a currency")
        return self


class OrderPlaced(_OrderFields):
    kind: Literal["order.placed"] = "order.placed"


class OrderFulfilled(_OrderFields):
    kind: Literal["order.fulfilled"] = "order.fulfilled"


class OrderCancelled(_OrderFields):
    kind: Literal["order.cancelled"] = "order.cancelled"


class OrderRefunded(_OrderFields):
    kind: Literal["order.refunded"] = "order.refunded"
    refund: Refund | None = None


class CheckoutStarted(_OrderFields):
    """`order_id` is the checkout's id. A name it shares with the order it becomes ties the two together.

    `started_at` is its own time.
    """

    kind: Literal["checkout.started"] = "checkout.started"
    started_at: Moment | None = None
    url: Web | None = None


_Booked = TypeVar("_Booked", bound=_OrderFields)


class StockRequested(Model):
    """A person asks to be told when a product is back."""

    kind: Literal["stock.requested"] = "stock.requested"
    customer: Customer
    product_id: Identifier
    variant_id: Identifier | None = None
    product_title: Text | None = None
    variant_title: Text | None = None


class Product(Model):
    """A catalog entry, in the Commerce API's own words (section 8.1): `priceCents` is minor units."""

    model_config = ConfigDict(extra="allow", frozen=True)

    productId: Identifier  # noqa: N815 - the destination's name
    title: Text
    inStock: bool  # noqa: N815 - always said: the destination's default would mail everyone who waits


class ProductsUpserted(Model):
    kind: Literal["products.upserted"] = "products.upserted"
    products: Annotated[tuple[Product, ...], Field(min_length=1)]


class CustomerEvent(Model):
    """Something the Commerce API has no call for: a decline, a pause. Sent as a generic event `name`.

    `event_id` is the sender's own, by which the destination knows a repeat; without one it is the relay's.
    """

    kind: Literal["customer.event"] = "customer.event"
    name: Identifier
    customer: Customer
    occurred_at: Moment | None = None
    event_id: Identifier | None = None
    account: str | dict[str, JsonValue] | None = None
    properties: dict[str, JsonValue] = {}


def told_in(event: _Booked, currency: str | None) -> _Booked:
    """`event` with its amounts in `currency`, where its own was only assumed."""
    if not event.currency_assumed or currency is None or event.currency in (None, currency):
        return event
    shift = money.EXPONENTS[currency] - money.EXPONENTS[str(event.currency)]

    def moved(minor: int | None) -> int | None:
        return None if minor is None else money.rounded(Decimal(minor).scaleb(shift))

    items = event.items and tuple(
        item.model_copy(update={"price_minor": moved(item.price_minor)}) for item in event.items
    )
    changes: dict[str, Any] = {"currency": currency, "total_minor": moved(event.total_minor), "items": items}
    if isinstance(event, OrderRefunded) and event.refund:
        amount = moved(event.refund.amount_minor)
        changes["refund"] = event.refund.model_copy(update={"amount_minor": amount})
    return event.model_copy(update=changes)


OrderEvent: TypeAlias = OrderPlaced | OrderFulfilled | OrderCancelled | OrderRefunded
BookedEvent: TypeAlias = OrderEvent | CheckoutStarted
Event: TypeAlias = BookedEvent | StockRequested | ProductsUpserted | CustomerEvent
Kind = Literal[
    "checkout.started",
    "order.placed",
    "order.fulfilled",
    "order.cancelled",
    "order.refunded",
    "stock.requested",
    "products.upserted",
    "customer.event",
]
KINDS: tuple[Kind, ...] = (
    "checkout.started",
    "order.placed",
    "order.fulfilled",
    "order.cancelled",
    "order.refunded",
    "stock.requested",
    "products.upserted",
    "customer.event",
)
BOOKED = (OrderPlaced, OrderFulfilled, OrderCancelled, OrderRefunded, CheckoutStarted)

_events: TypeAdapter[tuple[Event, ...]] = TypeAdapter(
    tuple[Annotated[Event, Field(discriminator="kind")], ...]
)


def dump(events: tuple[Event, ...]) -> list[dict[str, Any]]:
    """Plain JSON values; what the postback did not say is left out."""
    return [{"kind": e.kind, **e.model_dump(mode="json", exclude_defaults=True)} for e in events]


def load(plain: list[dict[str, Any]]) -> tuple[Event, ...]:
    """The events `dump` made. Raises pydantic.ValidationError (a ValueError) for anything else."""
    return load_json(to_json(plain))


def load_json(text: str | bytes) -> tuple[Event, ...]:
    """`load`, of JSON."""
    try:
        return _events.validate_json(text)
    except ValidationError as error:
        return _events.validate_json(to_json(_older(json.loads(text), error)))


def _older(plain: Any, error: ValidationError) -> Any:
    """`plain` without the fields that a newer version wrote and this one does not know; else raises."""
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        if fault["type"] != "extra_forbidden":
            raise error
        *path, name = fault["loc"]
        node: Any = plain
        for step in path:
            if isinstance(step, int) or step in node:  # the kind stands in the path too
                node = node[step]
        del node[name]
    return plain


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an event that was written by hand. `field` is where: items.0.quantity."""

    field: str
    message: str


_event: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def checked(plain: Mapping[str, Any]) -> Event | tuple[Fault, ...]:
    """The event that a person wrote, or every fault of it."""
    try:
        return _event.validate_json(json.dumps(plain))
    except ValidationError as error:
        return tuple(
            Fault(".".join(map(str, fault["loc"][1:])) or "kind", fault["msg"].removeprefix("Value error, "))
            for fault in error.errors(include_url=False, include_input=False)
        )

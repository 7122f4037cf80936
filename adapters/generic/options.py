"""[sources.NAME.options] of a generic source. The tables of `mapping` have the Commerce API's field names."""
# ruff: noqa: N815 - the destination's names

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapters.generic.checking import Refunds
from adapters.generic.functions import Expression
from adapters.generic.names import DROPPED
from adapters.generic.words import WORDS, Shape, kinds
from relay.normalise import bodies
from relay.normalise.contract import Meaning
from relay.normalise.events import KINDS
from relay.normalise.fields import Encoding, plain_key

IGNORE: Final = "ignore"


def _expression(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("it is no text; an expression stands in quotes")  # noqa: TRY004 - pydantic's way
    return Expression(value)


def _word(value: str) -> str:
    told = WORDS.get(value)
    if value == IGNORE or (told and (told.shape != Shape.ORDER or told.status)):
        return value
    raise ValueError(f"expected {IGNORE!r} or one of {', '.join(sorted(w for w in WORDS if '.' in w))}")


def _may_leave(name: str) -> str:
    if not name.strip() or plain_key(name) in DROPPED:
        raise ValueError("a field of this name is never sent: it names a card, bank or sign-in value")
    return name


def _property(name: str) -> str:
    if name in bodies.BUILT_IN:
        raise ValueError("a property of this name would hide the event's own")
    return _may_leave(name)


def _attribute(name: str) -> str:
    if name in bodies.RESERVED_ATTRIBUTES:
        raise ValueError("the API keeps this attribute for itself")
    return _may_leave(name)


Expr = Annotated[Expression, BeforeValidator(_expression)]
Word = Annotated[str, AfterValidator(_word)]
Properties = dict[Annotated[str, AfterValidator(_property)], Expr]
Attributes = dict[Annotated[str, AfterValidator(_attribute)], Expr]


class Table(BaseModel):
    """Their field, by an expression, for each of ours. `each`: one entry for every element it finds."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class CustomerTable(Table):
    email: Expr | None = None
    externalId: Expr | None = None
    firstName: Expr | None = None
    lastName: Expr | None = None
    attributes: Attributes = {}


class ItemsTable(Table):
    each: Expr
    productId: Expr
    title: Expr
    quantity: Expr
    priceCents: Expr | None = None
    variantId: Expr | None = None
    variantTitle: Expr | None = None
    sku: Expr | None = None


class TotalsTable(Table):
    ordersCount: Expr | None = None
    totalSpentCents: Expr | None = None


class OrderTable(Table):
    orderId: Expr | None = None
    orderNumber: Expr | None = None
    totalCents: Expr | None = None
    currency: Expr | None = None
    orderedAt: Expr | None = None
    refundAmountCents: Expr | None = None
    customer: CustomerTable = CustomerTable()
    items: ItemsTable | None = None
    customerTotals: TotalsTable | None = None
    properties: Properties = {}

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.orderId is None and self.orderNumber is None:
            raise ValueError("orderId is missing: which order is it?")
        return self


class CheckoutTable(Table):
    """`startedAt` is not sent: a checkout older than `checkout_max_age` is not told."""

    checkoutId: Expr
    totalCents: Expr | None = None
    currency: Expr | None = None
    checkoutUrl: Expr | None = None
    startedAt: Expr | None = None
    customer: CustomerTable
    items: ItemsTable | None = None
    properties: Properties = {}


class StockTable(Table):
    productId: Expr
    variantId: Expr | None = None
    productTitle: Expr | None = None
    variantTitle: Expr | None = None
    customer: CustomerTable


class OptionsTable(Table):
    each: Expr
    name: Expr
    value: Expr


class VariantsTable(Table):
    each: Expr
    variantId: Expr
    title: Expr
    sku: Expr | None = None
    priceCents: Expr | None = None
    compareAtPriceCents: Expr | None = None
    imageUrl: Expr | None = None
    inStock: Expr | None = None
    inventoryQuantity: Expr | None = None
    options: OptionsTable | None = None


class ProductsTable(Table):
    """Without `each` the body is one product."""

    each: Expr = Field(default_factory=lambda: Expression("[@]"))
    productId: Expr
    title: Expr
    inStock: Expr
    description: Expr | None = None
    imageUrl: Expr | None = None
    url: Expr | None = None
    priceCents: Expr | None = None
    compareAtPriceCents: Expr | None = None
    currency: Expr | None = None
    providerCreatedAt: Expr | None = None
    variants: VariantsTable | None = None


class EventTable(Table):
    event: Expr
    email: Expr | None = None
    externalId: Expr | None = None
    firstName: Expr | None = None
    lastName: Expr | None = None
    occurredAt: Expr | None = None
    eventId: Expr | None = None
    customAttributes: Attributes = {}
    properties: dict[Annotated[str, AfterValidator(_may_leave)], Expr] = {}


class MappingOptions(Table):
    """How another shop's postbacks become the Commerce API's bodies.

    `event` finds their word for what happened, and `words` says which of ours it is, or "ignore".
    `ignore_when` gives a reason and an expression: where it is true, nothing is sent. `delivery_id` finds the
    sender's own id of this delivery.
    """

    event: Expr | None = None
    words: dict[str, Word] = {}
    ignore_when: dict[str, Expr] = {}
    delivery_id: Expr | None = None
    order: OrderTable | None = None
    checkout: CheckoutTable | None = None
    stock: StockTable | None = None
    products: ProductsTable | None = None
    customer_event: EventTable | None = None

    @model_validator(mode="after")
    def _every_word_has_its_table(self) -> Self:
        for word, ours in self.words.items():
            if ours != IGNORE and self.table(WORDS[ours].shape) is None:
                raise ValueError(f"words.{word} is {ours!r}, but there is no table {WORDS[ours].shape}")
        if not any(self.table(shape) for shape in Shape):
            raise ValueError(f"it maps nothing; add one of the tables {', '.join(Shape)}")
        return self

    def table(self, shape: Shape) -> Table | None:
        found: Table | None = getattr(self, shape)
        return found


class GenericOptions(BaseModel):
    """`refunds`: whether `refundAmountCents` is all that was given back so far, or this refund alone, which
    then needs an id in `properties.refundId`. Without `mapping`, bodies are the Commerce API's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    refunds: Refunds = "cumulative"
    encoding: Encoding = "utf-8"
    """Of URLs and forms; JSON is UTF-8."""
    mapping: MappingOptions | None = None

    def meanings(self) -> tuple[Meaning, ...]:
        """Our own words, or those that the mapping teaches, beside what they become."""
        mapped = self.mapping
        taught = {} if mapped is None else mapped.words
        shapes = [shape for shape in Shape if mapped is None or mapped.table(shape) is not None]
        told = []
        for kind in KINDS:
            ours = [
                w for w, told_as in WORDS.items() if told_as.shape in shapes and kinds(*told_as) == (kind,)
            ]
            theirs = [word for word, means in taught.items() if means in ours]
            if ours:
                told.append(Meaning((*theirs, *ours), kind))
        ignored = tuple(word for word, means in taught.items() if means == IGNORE)
        return (*told, *([Meaning(ignored, "", "by the mapping's words")] if ignored else []))


def said(table: Table) -> Iterator[tuple[str, Any]]:
    """The fields of `table` that the options set."""
    for name in type(table).model_fields:
        value = getattr(table, name)
        if value is not None and value != {}:
            yield name, value

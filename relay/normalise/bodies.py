"""The Commerce API's own bodies, as strictly as its documents allow (its sections 4 to 9).

Where they are silent a relay must stay on the safe side, so the silence is read as a refusal: unknown fields,
null where nothing says it clears, lower-case currencies, times without an offset.
Typed dicts, because a field may be left out but not be null.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from relay.normalise import money

RESERVED_ATTRIBUTES: Final = frozenset(
    {
        "ltv",
        "totalSpent",
        "ordersCount",
        "totalOrders",
        "aov",
        "predictedLtv",
        "churnRisk",
        "expectedNextOrderAt",
        "avgDaysBetweenOrders",
        "predictionConfidence",
    }
)
"""Written by the destination itself (reference 5.1)."""

BUILT_IN: Final = frozenset(
    {
        "orderId",
        "orderNumber",
        "totalCents",
        "currency",
        "lineItems",
        "items",
        "customer",
        "status",
        "orderedAt",
    }
)
"""An order event's own keys, which a property of the same name would hide (reference 6.7)."""

MAX_PRODUCTS: Final = 100
LONGEST_EMAIL: Final = 254

_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_EMAIL: Final = re.compile(
    r"""(?!\.)(?!.*\.\.)[^\s@<>()\[\],;:"\\\x00-\x1f\x7f]{1,64}(?<!\.)"""
    r"""@(?:[^\s@.<>()\[\],;:"\\_-](?:[^\s@.<>()\[\],;:"\\_]*[^\s@.<>()\[\],;:"\\_-])?\.)+[^\W\d_][\w-]*[^\W_-]"""
)
_URL: Final = re.compile(r"https?://[^\s/]\S*")


def _email(text: str) -> str:
    if len(text) > LONGEST_EMAIL or not _EMAIL.fullmatch(text):
        raise ValueError("is not an e-mail address")
    return text


def _currency(text: str) -> str:
    if text not in money.EXPONENTS:
        raise ValueError("is not an upper-case ISO 4217 currency code")
    return text


def _moment(text: str) -> str:
    if not _STAMP.fullmatch(text):
        raise ValueError("is not an ISO 8601 date-time with Z or an offset")
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is not in the calendar") from error
    return text


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError("is not an http or https address")
    return text


def _scalar(value: Any) -> Any:
    if type(value) in (str, bool, int) or (type(value) is float and math.isfinite(value)):
        return value
    raise ValueError("must be a string, a number or a boolean")


def _said(value: Any) -> Any:
    if value is None:
        raise ValueError("must not be null")
    return value


def _unreserved(name: str) -> str:
    if name in RESERVED_ATTRIBUTES:
        raise ValueError("is a reserved attribute name")
    return name


def _account(value: Any) -> Any:
    if isinstance(value, str | dict) and value:
        return value
    raise ValueError("must be a string or an object")


Name = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
Email = Annotated[str, AfterValidator(_email)]
Currency = Annotated[str, AfterValidator(_currency)]
Moment = Annotated[str, AfterValidator(_moment)]
Url = Annotated[str, AfterValidator(_url)]
Cents = Annotated[int, Field(ge=0, le=2**53 - 1)]
Attributes = dict[Annotated[Name, AfterValidator(_unreserved)], Annotated[Any, AfterValidator(_scalar)]]
Properties = dict[Name, Annotated[Any, AfterValidator(_said)]]
Status = Literal["placed", "cancelled", "fulfilled", "refunded"]

_STRICT: Final = ConfigDict(strict=True, extra="forbid")


@with_config(_STRICT)
class Customer(TypedDict):
    email: Email
    externalId: NotRequired[Name]
    firstName: NotRequired[str]
    lastName: NotRequired[str]
    attributes: NotRequired[Attributes]


@with_config(_STRICT)
class Item(TypedDict):
    productId: Name
    title: Name
    quantity: Annotated[int, Field(ge=1)]
    variantId: NotRequired[Name]
    variantTitle: NotRequired[str]
    sku: NotRequired[str]
    priceCents: NotRequired[Cents]


@with_config(_STRICT)
class CustomerTotals(TypedDict):
    ordersCount: NotRequired[Annotated[int, Field(ge=0)]]
    totalSpentCents: NotRequired[Cents]


@with_config(_STRICT)
class OrderBody(TypedDict):
    orderId: Name
    totalCents: Cents
    currency: Currency
    customer: Customer
    orderNumber: NotRequired[Name]
    status: NotRequired[Status]
    orderedAt: NotRequired[Moment]
    items: NotRequired[list[Item]]
    refundAmountCents: NotRequired[Annotated[int, Field(ge=1, le=2**53 - 1)]]
    customerTotals: NotRequired[CustomerTotals]
    properties: NotRequired[Properties]


@with_config(_STRICT)
class CheckoutBody(TypedDict):
    checkoutId: Name
    customer: Customer
    totalCents: NotRequired[Cents]
    currency: NotRequired[Currency]
    checkoutUrl: NotRequired[Url]
    items: NotRequired[list[Item]]
    properties: NotRequired[Properties]


@with_config(_STRICT)
class Option(TypedDict):
    name: Name
    value: str


@with_config(_STRICT)
class Variant(TypedDict):
    variantId: Name
    title: Name
    sku: NotRequired[str]
    priceCents: NotRequired[Cents]
    compareAtPriceCents: NotRequired[Cents]
    imageUrl: NotRequired[Url]
    inStock: NotRequired[bool]
    inventoryQuantity: NotRequired[int]
    options: NotRequired[list[Option]]


@with_config(_STRICT)
class Product(TypedDict):
    """The one place where null has a meaning: it clears what is stored."""

    productId: Name
    title: Name
    description: NotRequired[str | None]
    imageUrl: NotRequired[Url | None]
    url: NotRequired[Url | None]
    priceCents: NotRequired[Cents | None]
    compareAtPriceCents: NotRequired[Cents | None]
    currency: NotRequired[Currency]
    inStock: NotRequired[bool]
    providerCreatedAt: NotRequired[Moment | None]
    variants: NotRequired[list[Variant]]


@with_config(_STRICT)
class CatalogBody(TypedDict):
    """Products of any number: more than the API takes at once, and what is split for it."""

    products: Annotated[list[Product], Field(min_length=1)]


@with_config(_STRICT)
class ProductsBody(TypedDict):
    products: Annotated[list[Product], Field(min_length=1, max_length=MAX_PRODUCTS)]


@with_config(_STRICT)
class StockBody(TypedDict):
    productId: Name
    customer: Customer
    variantId: NotRequired[Name]
    productTitle: NotRequired[str]
    variantTitle: NotRequired[str]


@with_config(_STRICT)
class EventBody(TypedDict):
    event: Name
    email: NotRequired[Email]
    externalId: NotRequired[Name]
    properties: NotRequired[Properties]
    customAttributes: NotRequired[Attributes]
    firstName: NotRequired[str]
    lastName: NotRequired[str]
    occurredAt: NotRequired[Moment]
    eventId: NotRequired[Name]
    account: NotRequired[Annotated[Any, AfterValidator(_account)]]


ORDER: Final = TypeAdapter(OrderBody)
CHECKOUT: Final = TypeAdapter(CheckoutBody)
PRODUCTS: Final = TypeAdapter(ProductsBody)
CATALOG: Final = TypeAdapter(CatalogBody)
STOCK: Final = TypeAdapter(StockBody)
EVENT: Final = TypeAdapter(EventBody)

"""Whether a body is one the Commerce API takes: every fault at once, with what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from adapters.generic.names import DROPPED
from adapters.generic.words import Shape
from relay.errors import MOST_FAULTS, Fault
from relay.normalise import bodies
from relay.normalise.fields import plain_key
from relay.normalise.words import shown

LONGEST_ID: Final = 200
"""Longer than any; the journal's keys hold it."""
_LONGEST: Final = {
    **dict.fromkeys(("title", "variantTitle", "productTitle", "firstName", "lastName"), 2000),
    **dict.fromkeys(("sku", "event"), 255),
}
_OWN: Final = frozenset({"properties", "attributes", "customAttributes"})
"""What is in them is the sender's own, of any length."""

Body = dict[str, Any]
Refunds = Literal["cumulative", "step"]

_SCHEMAS: Final[dict[Shape, TypeAdapter[Any]]] = {
    Shape.ORDER: bodies.ORDER,
    Shape.CHECKOUT: bodies.CHECKOUT,
    Shape.STOCK: bodies.STOCK,
    Shape.PRODUCTS: bodies.CATALOG,
    Shape.EVENT: bodies.EVENT,
}
_KNOWN: Final = sorted(
    {
        name
        for body in (
            bodies.OrderBody,
            bodies.Customer,
            bodies.Item,
            bodies.CustomerTotals,
            bodies.CheckoutBody,
            bodies.StockBody,
            bodies.CatalogBody,
            bodies.Product,
            bodies.Variant,
            bodies.Option,
            bodies.EventBody,
        )
        for name in body.__annotations__
    }
)
Path = tuple[str | int, ...]


def faults(
    shape: Shape, body: Body, refunds: Refunds, *, may_miss: frozenset[Path] = frozenset()
) -> list[Fault]:
    """The first MOST_FAULTS, and one more if there are more. `may_miss` are paths that need not be there."""
    never = {fault.path: fault for fault in islice(_never_sent(body), MOST_FAULTS)}
    named: dict[Path, Fault] = dict(never)
    for fault in chain(_of_schema(shape, body), _RULES[shape](body, refunds), _too_long(body)):
        if len(named) > MOST_FAULTS:
            break
        dropped = any(fault.path[: len(path)] == path for path in never)  # what is dropped decides nothing
        if not dropped and not (fault.path in may_miss and _absent(body, fault.path)):
            named.setdefault(fault.path, fault)
    return list(named.values())


def _too_long(body: Body) -> Iterator[Fault]:
    for path, name, value in _leaves(body, ()):
        is_id = name.endswith(("Id", "Number"))
        most = LONGEST_ID if is_id else _LONGEST.get(name, 0)
        if not most or not isinstance(value, str) or len(value) <= most:
            continue
        if _OWN.isdisjoint(path[:-1]) or path == ("properties", "checkoutId"):
            yield Fault(path, f"is longer than {most} characters" + (", which no id is" if is_id else ""))


def _absent(node: Any, path: Path) -> bool:
    for step in path:
        if not isinstance(node, dict) or step not in node:
            return True
        node = node[step]
    return False


def _of_schema(shape: Shape, body: Body) -> Iterator[Fault]:
    try:
        _SCHEMAS[shape].validate_python(body)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = tuple(step for step in detail["loc"] if step != "[key]")
            yield Fault(path, _advice(detail, str(path[-1]) if path else ""))


def _advice(detail: ErrorDetails, name: str) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return f"is missing; {_MISSING[name]}" if name in _MISSING else "is missing"
    if kind == "extra_forbidden":
        close = [known for known in difflib.get_close_matches(name, _KNOWN, n=2) if known != name]
        meant = f"did you mean {close[0]}?" if close and name not in _KNOWN else _ELSEWHERE
        return f"is no field of this body; {meant}"
    if value is None:
        return "is null; leave it out"
    if name.endswith("Cents") and kind.startswith("int_"):
        return "is no whole number; amounts are minor units: 4990 for 49.90 USD, 4980 for 4980 JPY"
    if kind in _TYPES:
        return f"is {_TYPE_NAMES.get(type(value), 'something else')}; expected {_TYPES[kind]}"
    if kind == "literal_error":
        word = shown(value) if isinstance(value, str) else "it"
        return f"{word} is none of {detail['ctx']['expected']}"
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**detail["ctx"])
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


_ELSEWHERE: Final = "what is your own goes into properties"
_MISSING: Final = {
    "inStock": "say it always: without it the API takes true, and mails everyone who waits for the product",
    "email": "the customer is known by it",
    "currency": "an ISO 4217 code such as USD",
    "customer": 'expected {"email": ...}',
}
_BOUNDS: Final = {
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "is blank",
}
_TYPES: Final = {
    "string_type": "text, in quotes",
    "int_type": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "bool_type": "true or false, without quotes",
    "dict_type": "an object",
    "list_type": "a list",
}
_TYPE_NAMES: Final = {
    str: "text",
    int: "a number",
    float: "a number with a point",
    Decimal: "a number with a point",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


# --- what the API's documents leave open, and where a wrong mail would come of it


def _order(body: Body, refunds: Refunds) -> Iterator[Fault]:
    yield from _hiding(body, refunds)
    given, total = body.get("refundAmountCents"), body.get("totalCents")
    if body.get("status") != "refunded":
        if given is not None:
            yield Fault(("refundAmountCents",), "belongs to status refunded alone")
        return
    if given is None:
        yield Fault(
            ("refundAmountCents",),
            "is missing: how much was given back; all of it is the order's totalCents",
        )
    elif type(given) is int and type(total) is int and given > total:
        yield Fault(("refundAmountCents",), "is more than totalCents")
    if refunds == "step" and not _refund_id(body):
        yield Fault(
            ("properties", "refundId"),
            "is missing: by options.refunds each refund is told alone, and needs an id as text, else a copy "
            "would count twice",
        )


def _hiding(body: Body, _: Refunds) -> Iterator[Fault]:
    properties = body.get("properties")
    for name in sorted(bodies.BUILT_IN.intersection(properties if isinstance(properties, dict) else ())):
        yield Fault(("properties", name), "would hide the event's own in e-mails; give it another name")


def _refund_id(body: Body) -> str | None:
    properties = body.get("properties")
    found = properties.get("refundId") if isinstance(properties, dict) else None
    return found if isinstance(found, str) and 0 < len(found.strip()) <= LONGEST_ID else None


def _products(body: Body, _: Refunds) -> Iterator[Fault]:
    products = body.get("products")
    seen: set[str] = set()
    for n, product in enumerate(products if isinstance(products, list) else ()):
        if not isinstance(product, dict):
            continue
        if "inStock" not in product:
            yield Fault(("products", n, "inStock"), f"is missing; {_MISSING['inStock']}")
        name = product.get("productId")
        if isinstance(name, str) and name in seen:
            yield Fault(("products", n, "productId"), "came before in the same list; which of the two holds?")
        elif isinstance(name, str):
            seen.add(name)


def _event(body: Body, _: Refunds) -> Iterator[Fault]:
    if "email" not in body and "externalId" not in body:
        yield Fault(("email",), "is missing, and so is externalId: whose event is it?")
    name = body.get("event")
    if isinstance(name, str) and name.startswith("ecommerce."):
        yield Fault(("event",), "ecommerce.* are the API's own; send the order, checkout or product itself")


_RULES: Final[dict[Shape, Callable[[Body, Refunds], Iterator[Fault]]]] = {
    Shape.ORDER: _order,
    Shape.CHECKOUT: _hiding,
    Shape.STOCK: lambda *_: iter(()),
    Shape.PRODUCTS: _products,
    Shape.EVENT: _event,
}


def _never_sent(body: Body) -> Iterator[Fault]:
    for inner, name, _ in _leaves(body, ()):
        if plain_key(name) in DROPPED:
            yield Fault(inner, "is the name of a card, bank or sign-in value, which is never stored or sent")


def _leaves(node: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    """Every named value: its path, its name and itself."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, value in pairs:
        if isinstance(step, str):
            yield (*path, step), step, value
        if isinstance(value, dict | list):
            yield from _leaves(value, (*path, step))

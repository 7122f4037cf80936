"""Reading the wire: whatever the order's fields were wrapped in, and the containers among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.checkoutchamp.names import DROPPED, LAST_FOUR, SEEN
from relay.errors import Malformed
from relay.normalise import fields, payload
from relay.normalise.contract import Postback
from relay.normalise.fields import Encoding, Value
from relay.normalise.payload import Clean, Keys, Payload, Said

_DOCUMENTED: Final = frozenset(SEEN)

# One of these says that the level holds the order itself and not a wrapper around it.
_MARKS: Final = ("orderId", "clientOrderId", "actualOrderId", "orderStatus", "emailAddress")
_VAGUE: Final = ("id", "status")
_WRAPPERS: Final = ("orderdetails", "order", "orderdata", "data", "payload")


class OrderPayload(Payload):
    """`last_four` are a card's last digits, read for one rule; no other look-up finds them."""

    __slots__ = ("last_four",)

    def __init__(self, plain: Clean, keys: Keys, url: Clean) -> None:
        super().__init__(plain, keys, url)
        digits = [self.plain.pop(name, None) for name in LAST_FOUR]
        self.last_four = next((text for text in digits if isinstance(text, str)), None)


def clean(tree: Mapping[str, Value]) -> Clean:
    return payload.clean(tree, DROPPED, _DOCUMENTED)


def read(postback: Postback, keys: Keys, encoding: Encoding) -> OrderPayload:
    """The query's fields, and over them what the body says. Raises Malformed."""
    query, body = fields.sides(postback, encoding)
    url = clean(query)
    return OrderPayload(_unwrapped(clean(body).over(url), keys), keys, url)


def _unwrapped(plain: Clean, keys: Keys) -> Clean:
    """The order's own fields where a partner push or a proxy sends them below a prefix."""
    if _is_order(plain.fields, keys):
        return plain
    for name in (*_WRAPPERS, *plain.fields):
        tree = as_object(plain.fields.get(name))
        inner = None if tree is None else clean(tree)
        if inner is not None and _is_order(inner.fields, keys):
            return inner.over(plain)
    return plain


def _is_order(plain: Mapping[str, Said], keys: Keys) -> bool:
    return any(key in plain for mark in _MARKS for key in keys[mark] if key not in _VAGUE)


def as_object(value: Said | None) -> dict[str, Value] | None:
    """`value`, or the JSON object written in it as text."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or value.lstrip()[:1] != "{":
        return None
    try:
        return fields.from_json(value)
    except Malformed:
        return None


def as_members(value: Value) -> list[tuple[str, Value]] | None:
    """The members of a list, of an object keyed by id or index, or of JSON text that holds either."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = fields.from_json(f'{{"it":{value}}}').get("it")
        except Malformed:
            return None
    if isinstance(value, list):
        return [(str(index), member) for index, member in enumerate(value)]
    return list(value.items()) if isinstance(value, dict) else None


def shipments(order: Payload) -> list[dict[str, Said]]:
    """The API's fulfillments, under plain keys."""
    if "fulfillments" not in order.plain:
        return []
    members = as_members(order.plain["fulfillments"]) or []
    return [clean(member).fields for _, member in members if isinstance(member, dict)]

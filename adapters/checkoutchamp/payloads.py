"""Reading the wire: one flat look-up of what a postback says, whatever it was called and wrapped in.

Export names are free text, so keys are compared without case and punctuation and every field has aliases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from adapters.checkoutchamp.names import DROPPED, SEEN, Keys
from relay.errors import Malformed
from relay.normalise import fields
from relay.normalise.contract import Postback
from relay.normalise.fields import Value, plain_key
from relay.normalise.scrub import DROPPED as STAND_IN

LONGEST_TEXT: Final = 500
LONGEST_ID: Final = 200

_LAST_FOUR: Final = ("cardlast4", "last4")
Said: TypeAlias = "str | list[Value] | dict[str, Value]"

# One of these says that the level holds the order itself and not a wrapper around it.
_MARKS: Final = ("orderId", "clientOrderId", "actualOrderId", "orderStatus", "emailAddress")
_VAGUE: Final = ("id", "status")
_WRAPPERS: Final = ("orderdetails", "order", "orderdata", "data", "payload")
_SHOWN_PLACEHOLDERS: Final = 10
_LONGEST_PLACEHOLDER: Final = 42


class Payload:
    """One postback's fields, and what to tell people about them."""

    __slots__ = ("_placeholders", "keys", "last_four", "plain", "url", "warnings")

    def __init__(self, plain: Clean, keys: Keys, url: Clean) -> None:
        self.plain = plain.fields
        self.last_four = plain.last_four
        self.url = url.fields
        self.keys = keys
        self.warnings: list[str] = []
        self._placeholders = plain.placeholders

    def text(self, field: str) -> str | None:
        for key in self.keys[field]:
            value = self.plain.get(key)
            if isinstance(value, str):
                return value
        return None

    def raw(self, field: str) -> Said | None:
        """What `field` holds, be it text or a nested value."""
        return next((self.plain[key] for key in self.keys[field] if key in self.plain), None)

    def placeholders(self) -> str | None:
        """Which values are placeholders the platform did not replace, as a sentence; their names only."""
        found = self._placeholders
        if not found:
            return None
        named = ", ".join(found[:_SHOWN_PLACEHOLDERS]) + (", ..." if len(found) > _SHOWN_PLACEHOLDERS else "")
        return f"{len(found)} placeholder{'s were' if len(found) > 1 else ' was'} not replaced: {named}"

    def explained(self, trouble: str) -> str:
        """`trouble` with the placeholders that may be the cause."""
        placeholders = self.placeholders()
        return f"{trouble}; {placeholders}" if placeholders else trouble


@dataclass(slots=True)
class Clean:
    """Fields under plain keys, without what says nothing and without what is never read."""

    fields: dict[str, Said]
    placeholders: list[str]
    last_four: str | None = None


def clean(tree: Mapping[str, Value]) -> Clean:
    """One pass over `tree`, so that every later look-up is one of a dictionary."""
    kept = Clean({}, [])
    found = kept.fields
    for key, value in tree.items():
        name = plain_key(key)
        if name in DROPPED:
            _keep_last_four(kept, name, value)
            continue
        if isinstance(value, str) and "[" not in value and value.isascii():
            said: Said | None = value.strip()  # nearly every value: 40 a postback, so the call is saved
        else:
            said = _said(value, kept)
        # Of two spellings of one key the documented one is the vendor's own value.
        if (said or isinstance(said, dict | list)) and (name not in found or key in SEEN):
            found[name] = said
    return kept


def _keep_last_four(kept: Clean, name: str, value: Value) -> None:
    if name in _LAST_FOUR and kept.last_four is None:
        kept.last_four = text_of(value)


def _said(value: Value, kept: Clean) -> Said | None:
    if not isinstance(value, str):
        return value if isinstance(value, dict | list) else text_of(value)
    text = value.strip()
    if text[:1] == "[" and fields.is_macro(text):
        if text != STAND_IN:
            # What starts with a digit is somebody's value in brackets, not the name of a field.
            named = text[1].isalpha() and len(text) <= _LONGEST_PLACEHOLDER
            kept.placeholders.append(text if named else "[...]")
        return None
    return _whole(text) or None


def text_of(value: Value) -> str | None:
    """`value` as text, None where it says nothing. A boolean is no id, name or amount."""
    text = None if isinstance(value, bool) else fields.said(value)
    return None if text is None else _whole(text)


def _whole(text: str) -> str:
    """`text` without lone halves of surrogate pairs, which JSON can hold and nobody can send."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT].rstrip()


def first_said(values: Mapping[str, Said], names: tuple[str, ...]) -> str | None:
    """The text under the first of `names` that has one."""
    for name in names:
        value = values.get(name)
        if isinstance(value, str):
            return value
    return None


def read(postback: Postback, keys: Keys) -> Payload:
    """Raises Malformed."""
    plain = clean(fields.read(postback))
    # The URL is the merchant's own statement, and beats what the body says.
    url = clean(fields.from_form(postback.query)) if postback.body and postback.query else plain
    return Payload(_unwrapped(plain, keys), keys, url)


def says_nothing(payload: Payload) -> bool:
    """Whether the request carries nothing: a ping, or somebody opening the URL."""
    return payload.placeholders() is None and not any(payload.plain.values())


def _unwrapped(plain: Clean, keys: Keys) -> Clean:
    """The order's own fields where a partner push or a proxy sends them below a prefix."""
    if _is_order(plain.fields, keys):
        return plain
    for name in (*_WRAPPERS, *plain.fields):
        tree = as_object(plain.fields.get(name))
        inner = None if tree is None else clean(tree)
        if inner is not None and _is_order(inner.fields, keys):
            return Clean(
                {**plain.fields, **inner.fields},
                [*plain.placeholders, *inner.placeholders],
                plain.last_four or inner.last_four,
            )
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


def shipments(payload: Payload) -> list[dict[str, Said]]:
    """The API's fulfillments, under plain keys."""
    if "fulfillments" not in payload.plain:
        return []
    members = as_members(payload.plain["fulfillments"]) or []
    return [clean(member).fields for _, member in members if isinstance(member, dict)]

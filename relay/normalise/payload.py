"""One flat look-up of what a postback says, whatever its keys are spelt like.

Merchants name and spell the keys, so they are compared as `fields.plain_key` makes them, and each field of
the platform is looked up under all the keys it is seen under.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from relay.normalise import fields
from relay.normalise.fields import Value, plain_key
from relay.normalise.scrub import DROPPED as STAND_IN

LONGEST_TEXT: Final = 500
LONGEST_ID: Final = 200
_SHOWN_PLACEHOLDERS: Final = 10
_LONGEST_PLACEHOLDER: Final = 40
_LONGEST_QUANTITY: Final = 16
_MOST: Final = 10**9

Keys: TypeAlias = Mapping[str, tuple[str, ...]]
"""Field -> the plain keys it is seen under, the best first."""
Said: TypeAlias = "str | list[Value] | dict[str, Value]"


@dataclass(slots=True)
class Clean:
    """Fields under plain keys, without what says nothing and without what is never read."""

    fields: dict[str, Said]
    placeholders: list[str]

    def over(self, below: Clean) -> Clean:
        """What is said here, and what only `below` says."""
        return Clean({**below.fields, **self.fields}, [*below.placeholders, *self.placeholders])


class Payload:
    """One postback's fields, and what to tell people about them. `url` is what the URL alone says."""

    __slots__ = ("_placeholders", "keys", "plain", "url", "warnings")

    def __init__(self, plain: Clean, keys: Keys, url: Clean) -> None:
        self.plain = plain.fields
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

    def stated(self, field: str) -> str | None:
        """`text`, except that the URL, the merchant's own statement, beats the body."""
        return first_said(self.url, self.keys[field]) or self.text(field)

    def says_nothing(self) -> bool:
        """Whether the request carries nothing: a ping, or somebody opening the URL."""
        return not self._placeholders and not any(self.plain.values())

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

    def told(self) -> tuple[str, ...]:
        """What people are told beside the relay, each sentence once."""
        placeholders = self.placeholders()
        return tuple(dict.fromkeys([*([placeholders] if placeholders else []), *self.warnings]))


def clean(tree: Mapping[str, Value], dropped: frozenset[str], documented: frozenset[str]) -> Clean:
    """One pass over `tree`, so that every later look-up is one of a dictionary.

    `dropped` are plain keys that are never read; of two spellings of one key that in `documented` is the
    platform's own.
    """
    kept = Clean({}, [])
    found = kept.fields
    for key, value in tree.items():
        name = plain_key(key)
        if name in dropped:
            continue
        if isinstance(value, str) and value.isascii() and not ("[" in value or "{" in value or "%" in value):
            said: Said | None = value.strip()  # nearly every value: 40 a postback, so the call is saved
        else:
            said = _said(value, kept.placeholders)
        if (said or isinstance(said, dict | list)) and (name not in found or key in documented):
            found[name] = said
    return kept


def _said(value: Value, placeholders: list[str]) -> Said | None:
    if not isinstance(value, str):
        return value if isinstance(value, dict | list) else text_of(value)
    text = value.strip()
    name = fields.macro_name(text)
    if name is None:
        return _whole(text) or None
    if text != STAND_IN:
        # What starts with a digit is somebody's value in brackets, not the name of a field.
        named = name[0].isalpha() and len(name) <= _LONGEST_PLACEHOLDER
        placeholders.append(text if named else "[...]")
    return None


def text_of(value: Value) -> str | None:
    """`value` as text, None where it says nothing. A boolean is no id, name or amount."""
    text = None if isinstance(value, bool) else fields.said(value)
    return None if text is None else _whole(text)


def _whole(text: str) -> str:
    """`text` without lone halves of surrogate pairs, which JSON can hold and nobody can send."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT].rstrip()


def fitting_id(text: str | None) -> str | None:
    """`text` if it is short enough for an id."""
    return text if text is not None and len(text) <= LONGEST_ID else None


def quantity(text: str | None) -> int:
    """A positive whole number; anything else is one."""
    if text is None or len(text) > _LONGEST_QUANTITY:
        return 1
    whole, _, rest = text.partition(".")
    if not whole.isdecimal() or rest.strip("0"):
        return 1
    number = int(whole)
    return number if 1 <= number <= _MOST else 1


def first_said(values: Mapping[str, Said], names: tuple[str, ...]) -> str | None:
    """The text under the first of `names` that has one."""
    for name in names:
        value = values.get(name)
        if isinstance(value, str):
            return value
    return None

"""Data of people, masked until revealed: by the names of fields, and wherever the same value stands again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

from relay.normalise.fields import plain_key
from relay.ops.pages.saying import veiled

DOTS: Final = "•••"
_PERSONAL: Final = re.compile(
    r"mail|phone|mobile|^cell|^tel|fax|addr|street|city|^zip|zipcode|postal|postcode|"
    r"(?:first|last|full|sur|middle|given|family|billing|shipping|ship|bill|customer|contact|card|holder)name|"
    r"^name$|customerid|externalid|birth|^dob|gender|ssn|taxid|^vat|^ip|ipaddress|latitude|longitude|"
    r"company|note|comment|message|url$|forwarded|realip|clientip|userip|customerip|remoteip|referer"
)
_OF_THINGS: Final = re.compile(r"product|item|line|campaign|offer|sku|variant|shop|store|currency")
_OF_PEOPLE: Final = frozenset({"attributes"})
"""Whatever lies below is the person's, by whatever name."""

_SHORTEST: Final = 3
"""Of letters: a shorter value stands in too many other words to be looked for."""


class Veil:
    """Masks one relay's data. `known` are values of its person, wherever they turn up."""

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        longest_first = sorted((k for k in known if len(k) >= _SHORTEST), key=len, reverse=True)
        words = "|".join(re.escape(word) for word in longest_first)
        self._known = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    @classmethod
    def of(cls, *told: Any) -> Veil:
        """Knows what the personal fields of `told` say."""
        return cls(frozenset(str(value).strip() for value in personal(told) if str(value).strip()))

    def text(self, text: str | None) -> str:
        covered = veiled(text)
        return self._known.sub(lambda found: mask(found[0]), covered) if self._known else covered

    def value(self, value: Any) -> Any:
        """`value` as it is to be shown, in the same shape."""
        return _changed(value, lambda leaf, is_personal: mask(leaf) if is_personal else self._other(leaf))

    def _other(self, leaf: Any) -> Any:
        return self.text(leaf) if isinstance(leaf, str) else leaf


def mask(value: Any) -> Any:
    """The first letter of each part; of nothing, nothing."""
    if value is None or value == "" or isinstance(value, bool):
        return value
    text = str(value)
    name, at, domain = text.partition("@")
    if at:
        return f"{name[:1]}{DOTS}@{domain[:1]}{DOTS}"
    return (
        f"{text[:1]}{DOTS}" if len(text) >= _SHORTEST and not text.startswith(("http:", "https:")) else DOTS
    )


def unmasked(edited: Any, shown: Any, original: Any) -> Any:
    """`edited` with every value that still is as it was `shown` put back as it was in the `original`."""
    if isinstance(edited, Mapping) and isinstance(original, Mapping):
        return {key: unmasked(value, shown.get(key), original.get(key)) for key, value in edited.items()}
    if isinstance(edited, list) and isinstance(original, list):
        before = [*zip(shown, original, strict=True), *[(None, None)] * len(edited)]
        return [unmasked(value, *old) for value, old in zip(edited, before, strict=False)]
    return original if original is not None and _untouched(edited, shown) else edited


def _untouched(edited: Any, shown: Any) -> bool:
    """Fields of a form lose line breaks, and spaces at the ends."""
    if isinstance(edited, str) and isinstance(shown, str) and DOTS in edited:
        return "".join(edited.split()) == "".join(shown.split())
    return bool(edited == shown)


def half_masked(edited: Any, original: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a mask was written into, so that nobody can say what is meant."""
    if isinstance(edited, Mapping):
        before = original if isinstance(original, Mapping) else {}
        for key, value in edited.items():
            yield from half_masked(value, before.get(key), (*path, str(key)))
    elif isinstance(edited, list):
        former = original if isinstance(original, list) else []
        for index, (value, old) in enumerate(zip_longest(edited, former[: len(edited)])):
            yield from half_masked(value, old, (*path, str(index)))
    elif isinstance(edited, str) and DOTS in edited and edited != original:
        yield path


def personal(value: Any, path: tuple[str, ...] = ()) -> Iterator[Any]:
    """The values of the fields that tell who somebody is."""
    for leaf, is_personal in _leaves(value, path):
        if is_personal and leaf not in (None, "") and not isinstance(leaf, bool):
            yield leaf


def is_personal(path: tuple[str, ...]) -> bool:
    """Whether the field at `path` tells who somebody is. The name of a product does not."""
    *above, name = (plain_key(step) for step in path)
    if not _OF_PEOPLE.isdisjoint(above):
        return True
    if not _PERSONAL.search(name):
        return False
    return not any(_OF_THINGS.search(step) for step in (*above, name)) or "mail" in name


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, bool]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _leaves(child, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _leaves(child, path)
    else:
        yield value, bool(path) and is_personal(path)


def _changed(value: Any, change: Callable[[Any, bool], Any], path: tuple[str, ...] = ()) -> Any:
    if isinstance(value, Mapping):
        return {key: _changed(child, change, (*path, str(key))) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_changed(child, change, path) for child in value]
    return change(value, bool(path) and is_personal(path))

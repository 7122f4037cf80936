"""What is sent beside an order or merged into a profile: the fields the options list, if they are there.

A name is sent as the options spell it, and found under whatever keys its field is seen under.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias, TypeVar

from relay.normalise.events import Scalar
from relay.normalise.fields import plain_key
from relay.normalise.payload import Keys, Payload, cut, first_said


class HasPayload(Protocol):
    @property
    def payload(self) -> Payload: ...


S = TypeVar("S", bound=HasPayload)
Reader: TypeAlias = Callable[[S], Scalar | None]
"""Reads one value of a subject: a payload and what the adapter needs beside it."""
Plan: TypeAlias = Mapping[str, tuple[tuple[str, Reader[S]], ...]]
"""Plain key -> the names to send where it is present, each with how to read it."""
Special: TypeAlias = Mapping[str, tuple[tuple[str, ...], Reader[S]]]
"""Plain name -> more plain keys it may be under, and how to read it, where it is more than a text."""


_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def plan(
    names: tuple[str, ...], keys: Keys, special: Special[S], aliases: Mapping[str, str] = _NONE
) -> Plan[S]:
    """`aliases`: plain names that stand for a field of another name."""
    canonical = {plain_key(field): field for field in keys}
    canonical.update(aliases)
    fields: dict[str, tuple[tuple[str, Reader[S]], ...]] = {}
    for name in names:
        key = plain_key(name)
        probes = keys[canonical[key]] if key in canonical else (key,)
        extra, read = special.get(key, ((), _text(probes)))
        for probe in probes + extra:
            fields[probe] = (*fields.get(probe, ()), (name, read))
    return fields


def collect(fields: Plan[S], subject: S) -> dict[str, Scalar]:
    plain = subject.payload.plain
    few, many = (fields, plain) if len(fields) < len(plain) else (plain, fields)
    return {
        name: value
        for key in few
        if key in many
        for name, read in fields[key]
        if (value := read(subject)) is not None
    }


def _text(names: tuple[str, ...]) -> Reader[S]:
    return lambda subject: cut(first_said(subject.payload.plain, names))


_LONGEST_COUNT: Final = 9


def count(text: str | None) -> int | None:
    """A whole number of something: a cycle, an attempt."""
    is_number = text is not None and text.isdecimal() and len(text) <= _LONGEST_COUNT
    return int(text) if is_number and text is not None else None

"""Relay ids: 20 characters, sorted by receipt. Ten of milliseconds, ten of chance."""

from __future__ import annotations

import secrets
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS: Final = 50
_LENGTH: Final = 20


class Ids:
    """Makes ids that never go back within this process, whatever the clock does."""

    def __init__(self) -> None:
        self._last = 0

    def new(self, at_ms: int | None = None) -> str:
        moment = time.time_ns() // 1_000_000 if at_ms is None else at_ms
        fresh = (moment << _BITS) | secrets.randbits(_BITS - 1)
        self._last = max(fresh, self._last + 1)
        return encode(self._last)


def encode(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(95, -5, -5))


def floor(at_ms: int) -> str:
    """The smallest id of that millisecond, for ranges."""
    return encode(at_ms << _BITS)


def is_id(text: str) -> bool:
    """Whether `text` is written as ids are."""
    return len(text) == _LENGTH and all(character in _ALPHABET for character in text)


def moment_ms(relay: str) -> int:
    """When the relay of that id was received."""
    number = 0
    for character in relay:
        number = number << 5 | _ALPHABET.index(character)
    return number >> _BITS

"""Relay ids: 20 characters, sorted by receipt. Ten of milliseconds, two of microseconds, eight of chance."""

from __future__ import annotations

import mmap
import os
import secrets
import struct
import time
from pathlib import Path
from typing import Final

import structlog

log: Final = structlog.get_logger()

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_LENGTH: Final = 20
_BITS: Final = 50
_CHANCE: Final = 40
_MOMENT: Final = struct.Struct("=Q")
_DAY: Final = 86_400_000_000


class Ids:
    """Makes ids that never go back, whatever the clock does.

    The processes that have the file `shared` in common never go back behind each other, either: a clock that
    is set back must not reorder what one host receives. They take no lock, since one that is stopped would
    stop the rest: two that ask within the same microsecond have no order.
    """

    def __init__(self, shared: Path | None = None) -> None:
        self._last = 0
        self._shared = _eight_bytes(shared)
        if self._told() > time.time_ns() // 1000 + _DAY:  # a clock was wrong by far, and is right again
            _MOMENT.pack_into(self._shared, 0, 0)

    def new(self, at_ms: int | None = None) -> str:
        moment = time.time_ns() // 1000 if at_ms is None else at_ms * 1000
        self._last = max(moment, self._last + 1, self._told() + 1)
        _MOMENT.pack_into(self._shared, 0, self._last)
        ms, us = divmod(self._last, 1000)
        return encode(ms << _BITS | us << _CHANCE | secrets.randbits(_CHANCE))

    def _told(self) -> int:
        told: int = _MOMENT.unpack_from(self._shared)[0]
        return told


def _eight_bytes(file: Path | None) -> mmap.mmap:
    """Those of the file; where it cannot be had, as on a full disk, a process keeps its order to itself."""
    if file is not None:
        try:
            return _mapped(file)
        except OSError as error:
            log.warning("ids.not_shared", file=str(file), error=str(error))
    return mmap.mmap(-1, _MOMENT.size)


def _mapped(file: Path) -> mmap.mmap:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(descriptor).st_size < _MOMENT.size:
            os.pwrite(descriptor, bytes(_MOMENT.size), 0)  # a hole is filled later, when there may be no room
        return mmap.mmap(descriptor, _MOMENT.size)
    finally:
        os.close(descriptor)


def encode(number: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(90, -10, -10)])


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

"""What has to be remembered of signing in, by all web processes together where that can be."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

from relay.errors import JournalAway

_REMEMBERED: Final = 10_000


class Memory(Protocol):
    """Everything goes by digests. As `relay.journal.signins` has it, which may raise JournalAway."""

    async def take(self, most: Mapping[str, int], window: timedelta) -> tuple[str, float]: ...

    async def give(self, try_: str, most: Mapping[str, int], window: timedelta) -> None: ...

    async def first(self, what: str, within: timedelta) -> bool: ...

    async def said(self, what: str) -> bool: ...


class Local:
    """Of this process alone. Of too many the oldest are forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._said: OrderedDict[str, float] = OrderedDict()

    async def take(self, most: Mapping[str, int], window: timedelta) -> tuple[str, float]:
        now, try_ = self._clock(), secrets.token_hex(8)
        wait = max(self._wait(digest, allowed, window.total_seconds()) for digest, allowed in most.items())
        if wait:
            return try_, wait
        for digest in most:
            self._tries.setdefault(digest, {})[try_] = now
            self._tries.move_to_end(digest)
        _shorten(self._tries)
        return try_, 0

    def _wait(self, digest: str, most: int, window: float) -> float:
        now = self._clock()
        recent = {name: at for name, at in self._tries.get(digest, {}).items() if at > now - window}
        if digest in self._tries:
            self._tries[digest] = recent
        return list(recent.values())[-most] + window - now if len(recent) >= most else 0

    async def give(self, try_: str, most: Mapping[str, int], window: timedelta) -> None:  # noqa: ARG002
        address, *others = most
        self._tries.pop(address, None)
        for digest in others:
            self._tries.get(digest, {}).pop(try_, None)

    async def first(self, what: str, within: timedelta) -> bool:
        if await self.said(what):
            return False
        self._said[what] = self._clock() + within.total_seconds()
        self._said.move_to_end(what)
        _shorten(self._said)
        return True

    async def said(self, what: str) -> bool:
        return self._said.get(what, 0) > self._clock()


def _shorten(remembered: OrderedDict[str, dict[str, float]] | OrderedDict[str, float]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)


class Shared:
    """The journal's memory, and while Redis is away this process's own."""

    def __init__(self, journal: Memory, own: Memory | None = None) -> None:
        self._journal = journal
        self._own = own or Local()

    async def take(self, most: Mapping[str, int], window: timedelta) -> tuple[str, float]:
        try:
            return await self._journal.take(most, window)
        except JournalAway:
            return await self._own.take(most, window)

    async def give(self, try_: str, most: Mapping[str, int], window: timedelta) -> None:
        await self._own.give(try_, most, window)
        try:
            await self._journal.give(try_, most, window)
        except JournalAway:
            return

    async def first(self, what: str, within: timedelta) -> bool:
        """Kept here too: what ended stays ended should Redis go away, or lose it."""
        own = await self._own.first(what, within)
        try:
            return await self._journal.first(what, within) and own
        except JournalAway:
            return own

    async def said(self, what: str) -> bool:
        if await self._own.said(what):
            return True
        try:
            return await self._journal.said(what)
        except JournalAway:
            return False

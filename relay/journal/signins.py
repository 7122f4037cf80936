"""What all web processes remember together of signing in: tries, and things that happen once.

Digests and random marks only; each is forgotten by itself. Raises JournalAway where Redis does not answer
soon: somebody waits for the page.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast

from relay.journal.answers import away
from relay.journal.journal import Journal
from relay.normalise import times

_PATIENCE: Final = 1.0
"""Seconds until Redis counts as away."""


class SignIns:
    def __init__(self, journal: Journal) -> None:
        self._redis = journal.redis
        self._keys = journal.keys
        self._script = journal.script("tries")

    async def take(self, most: Mapping[str, int], window: timedelta) -> tuple[str, float]:
        """The try, counted for each digest; or, where one has had as many as it may, how long to wait."""
        try_ = secrets.token_hex(8)
        wait_ms: int = await self._tries("take", try_, window, most)
        return try_, wait_ms / 1000

    async def give(self, try_: str, most: Mapping[str, int], window: timedelta) -> None:
        """Takes a try back, and all those of the first digest."""
        await self._tries("give", try_, window, most)

    async def _tries(self, verb: str, try_: str, window: timedelta, most: Mapping[str, int]) -> Any:
        pairs = [part for pair in most.items() for part in pair]
        return await _soon(
            self._script(keys=[self._keys.prefix], args=[verb, try_, times.in_ms(window), *pairs])
        )

    async def first(self, what: str, within: timedelta) -> bool:
        """Whether this has not been said within that time; from now on it has."""
        said = await _soon(self._redis.set(self._keys.said(what), 1, nx=True, px=times.in_ms(within)))
        return said is not None

    async def said(self, what: str) -> bool:
        return bool(await _soon(self._redis.exists(self._keys.said(what))))


async def _soon(answer: Any) -> Any:
    with away():
        async with asyncio.timeout(_PATIENCE):
            return await cast("asyncio.Future[Any]", answer)

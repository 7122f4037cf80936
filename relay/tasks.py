"""Ending tasks for certain, and asking Redis until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, TypeVar

from relay.errors import JournalAway, SpoolFull

Answer = TypeVar("Answer")
_LONGEST_PAUSE: Final = 1.0


async def end(task: asyncio.Task[Any]) -> None:
    """Cancels `task` until it is done: a cancel that meets an answer of Redis can be swallowed on its way."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)


async def patiently(
    ask: Callable[[], Awaitable[Answer]], *, within: float = 60.0, stopping: asyncio.Event | None = None
) -> Answer:
    """What `ask` answers, asked again with a growing pause while Redis is away.

    Raises JournalAway after `within` seconds, or where it is asked in vain while the process is `stopping`.
    """
    pause = 0.05
    loop = asyncio.get_running_loop()
    ends = loop.time() + within
    while True:
        try:
            return await ask()
        except JournalAway:
            if loop.time() > ends or (stopping is not None and stopping.is_set()):
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def regularly(
    tell: Callable[[], Awaitable[Any]], stopping: asyncio.Event, *, every: timedelta = timedelta(seconds=5)
) -> None:
    """Tells Redis something now and then, until `stopping`; what it did not hear, it hears the next time."""
    while not stopping.is_set():
        with suppress(JournalAway, SpoolFull):
            await tell()
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every.total_seconds())

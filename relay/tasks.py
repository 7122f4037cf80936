"""Ending tasks for certain, doing things now and then, and asking Redis until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog

from relay.errors import JournalAway, SpoolFull
from relay.log import broken

log: Final = structlog.get_logger()

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
    task: str,
    do: Callable[[], Awaitable[Any]],
    stopping: asyncio.Event,
    *,
    every: timedelta = timedelta(seconds=5),
) -> None:
    """Does something now and then, until `stopping`; what fails, or breaks, is done the next time."""
    while not stopping.is_set():
        try:
            await do()
        except (JournalAway, SpoolFull) as error:
            log.info("task.waits", task=task, error=str(error))
        except Exception as error:  # noqa: BLE001 - whatever breaks here, relaying goes on
            log.error("task.broke", task=task, **broken(error))  # noqa: TRY400 - its message
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every.total_seconds())

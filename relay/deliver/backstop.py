"""The backstop of the job queue: drains what has been due for a while and nobody was woken for.

The queue needs memory for every job, which a full Redis does not give; and it goes by its host's clock, which
may be set back an hour. What the journal holds must go out all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from relay.deliver.destination import Destination
from relay.journal.journal import Journal

log: Final = structlog.get_logger()

PATIENCE: Final = timedelta(seconds=3)
"""The sweep wakes a drain after two."""


class Backstop:
    def __init__(
        self,
        journal: Journal,
        destinations: Sequence[Destination],
        *,
        sweep: Callable[[], Awaitable[None]],
        drain: Callable[[str], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._destinations = destinations
        self._sweep = sweep
        self._drain = drain
        self._suspects: set[str] = set()

    async def look(self) -> None:
        """Now and then: what is found at two looks, the queue does not wake."""
        before, self._suspects = (
            self._suspects,
            {d.name for d in self._destinations if await self._is_unwoken(d)},
        )
        unwoken = sorted(before & self._suspects)
        if unwoken:
            log.warning("drain.unwoken", destinations=unwoken)
            await self._sweep()
            await asyncio.gather(*map(self._drain, unwoken))

    async def _is_unwoken(self, destination: Destination) -> bool:
        return await self._journal.unwoken(destination.name, destination.limits, PATIENCE)

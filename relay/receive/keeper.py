"""Keeping postbacks: in the journal, or in the spool while the journal is away."""

from __future__ import annotations

import asyncio
import traceback
from typing import Final

import structlog

from relay.errors import JournalAway, SpoolFull
from relay.journal.journal import Journal
from relay.journal.records import Receipt, Recording
from relay.receive.spool import Spool

log: Final = structlog.get_logger()

DEADLINE: Final = 2.0
"""Seconds the journal may take over one postback; slower means away."""

_AT_ONCE: Final = 100
_LOOK_EVERY: Final = 0.5
_LONGEST_PAUSE: Final = 2.0


class Keeper:
    def __init__(self, journal: Journal, spool: Spool, *, deadline: float = DEADLINE) -> None:
        self._journal = journal
        self._spool = spool
        self._deadline = deadline

    async def record(self, recording: Recording) -> Receipt:
        """Raises SpoolFull where neither journal nor spool can keep it.

        A journal that was only slow may have it as well: then the spool's one is found to be there already.
        """
        if not self._spool.pending:
            try:
                async with asyncio.timeout(self._deadline):
                    return await self._journal.record(recording)
            except (JournalAway, TimeoutError) as error:
                log.warning("journal.away", error=type(error).__name__)
        return await self._spool.put(recording)

    async def drain(self) -> None:
        """For as long as the process runs: brings what was spooled into the journal, whoever spooled it."""
        await self._settled()
        while True:
            try:
                await self._drain_alone()
            except Exception as error:  # noqa: BLE001 - what is spooled must not wait for a restart
                place = traceback.extract_tb(error.__traceback__)[-1]
                log.error(  # noqa: TRY400 - the message and the frames may hold a person's data
                    "spool.broke", error=type(error).__name__, file=place.filename, line=place.lineno
                )
                await asyncio.sleep(_LONGEST_PAUSE)
            await asyncio.sleep(_LOOK_EVERY)

    async def _drain_alone(self) -> None:
        if self._spool.pending:
            with self._spool.sole() as ours:
                if ours:
                    await self._drain()

    async def _settled(self) -> None:
        try:
            await self._spool.settle()
        except SpoolFull as error:
            log.error("spool.unusable", error=str(error))  # noqa: TRY400 - the sentence says it all

    async def _drain(self) -> None:
        pause = 0.05
        while self._spool.pending:
            try:
                waiting = await self._spool.first(_AT_ONCE)
                async with asyncio.timeout(self._deadline * 2):
                    await self._journal.record_spooled([(s.recording, s.copies) for s in waiting])
                await self._spool.remove(waiting)
            except (JournalAway, SpoolFull, TimeoutError) as error:
                log.info("spool.waits", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                log.info("spool.drained", relays=len(waiting))
                pause = 0.05

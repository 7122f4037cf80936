"""Keeping postbacks: in the journal, or in the spool while the journal is away."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from relay.errors import JournalAway, SpoolFull
from relay.journal.journal import CONFIRMED_IN, Journal
from relay.journal.records import Receipt, Recording
from relay.log import broken
from relay.receive.spool import Spool, Spooled

log: Final = structlog.get_logger()

DEADLINE: Final = 2.0
"""Seconds the journal may take over one postback; slower means away."""

_AT_ONCE: Final = 100
_HURRY: Final = timedelta(milliseconds=50)
"""For replicas, while much waits for the journal itself."""
_NO_PATIENCE: Final = timedelta(0)
_BATCHES: Final = 5
_LONGEST_TURN: Final = 1.0
"""Seconds that a postback waits for the batches before it is spooled behind them."""

_LOOK_EVERY: Final = 0.5
_LOOK_FOR_ROOM: Final = 0.02
_LONGEST_PAUSE: Final = 2.0


class Keeper:
    def __init__(self, journal: Journal, spool: Spool, *, deadline: float = DEADLINE) -> None:
        self._journal = journal
        self._spool = spool
        self._deadline = deadline
        self._history: str | None = None
        self._gate = asyncio.Event()
        self._gate.set()

    async def record(self, recording: Recording) -> Receipt:
        """Raises SpoolFull where neither journal nor spool can keep it, or a full spool holds what is first.

        A journal that was only slow may have it as well: then the spool's one is found to be there already.
        """
        pending = self._spool.pending
        if pending and not self._gate.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._gate.wait(), _LONGEST_TURN)
            pending = self._spool.pending
        if pending:
            return await self._behind(recording)
        try:
            return await self._at_once(recording)
        except (JournalAway, TimeoutError) as error:
            log.warning("journal.away", error=type(error).__name__)
        return await self._spool.put(recording)

    async def _behind(self, recording: Recording) -> Receipt:
        """Behind what waits in the spool; where the spool takes nothing, after what waits has left it."""
        try:
            return await self._spool.put(recording)
        except SpoolFull as full:
            log.error("spool.unusable", error=str(full))  # noqa: TRY400 - the sentence says it all
            if await self._holds_others():
                return await self._spool.put(recording)
            try:
                return await self._at_once(recording)
            except (JournalAway, TimeoutError):
                raise full from None

    async def _holds_others(self) -> bool:
        """Whether the spool, after a moment, still holds what will leave it: a full disk can be read.

        False where it is broken: nothing leaves it before a person mends it, and nobody waits so long.
        """
        try:
            async with asyncio.timeout(_LONGEST_TURN):
                while self._spool.pending and await self._spool.first(1):  # noqa: ASYNC110 - others drain too
                    await asyncio.sleep(_LOOK_FOR_ROOM)
        except TimeoutError:
            return True
        except SpoolFull:
            return False
        return False

    async def _at_once(self, recording: Recording) -> Receipt:
        async with asyncio.timeout(self._deadline):
            receipt = await self._journal.record(recording)
        return await self._safe(recording, receipt)

    async def _safe(self, recording: Recording, receipt: Receipt) -> Receipt:
        if not receipt.confirmed:
            log.warning("journal.unconfirmed", relay=receipt.id)
            kept = recording if receipt.duplicate else replace(recording, id=receipt.id)
            await self._spool.put_kept(kept)
        return receipt

    async def drain(self) -> None:
        """For as long as the process runs: brings what was spooled into the journal, whoever spooled it."""
        await self._settled()
        while True:
            try:
                await self._drain_alone()
            except Exception as error:  # noqa: BLE001 - what is spooled must not wait for a restart
                log.error("spool.broke", **broken(error))  # noqa: TRY400 - its message
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
                await self._restore()
                await self._take_turn()
            except (JournalAway, SpoolFull, TimeoutError) as error:
                log.info("spool.waits", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                pause = 0.05

    async def _take_turn(self) -> None:
        """Drains a few batches. Once the first is through, what arrives waits for the rest: the spool
        empties faster than it fills, however much comes.
        """
        try:
            for _ in range(_BATCHES):
                done = await self._bring()
                if done:
                    log.info("spool.drained", relays=done)
                if not done or not self._spool.pending:
                    return
                self._gate.clear()
        finally:
            self._gate.set()

    async def _bring(self) -> int:
        """Records what has waited longest, and a part of what is kept. Answers how many need no keeping now.

        New ones go first: a replica that is away for long must not keep them from being sent.
        """
        waiting = await self._spool.first(_AT_ONCE)
        hurry = len(waiting) == _AT_ONCE
        kept = [] if hurry else await self._spool.kept(_AT_ONCE)
        if await self._record([*kept, *waiting], _HURRY if hurry else CONFIRMED_IN):
            await self._spool.remove([*kept, *waiting])
            return len(kept) + len(waiting)
        await self._spool.keep(waiting)
        return 0

    async def _restore(self) -> None:
        """Records all that is kept once more if the master is another, which may lack it."""
        if not self._journal.replicas.wanted:
            return
        async with asyncio.timeout(self._deadline):
            history = await self._journal.replicas.history()
        if history == self._history:
            return
        last = ""
        while kept := await self._spool.kept(_AT_ONCE, last):
            await self._record(kept, _NO_PATIENCE)
            last = kept[-1].recording.id
        self._history = history

    async def _record(self, spooled: list[Spooled], patience: timedelta) -> bool:
        """Whether enough replicas have them."""
        async with asyncio.timeout(self._deadline * 2):
            receipts = await self._journal.record_spooled(
                [(s.recording, s.copies) for s in spooled],
                patience,
                copied={s.recording.id: s.copied for s in spooled},
            )
        return all(receipt.confirmed for receipt in receipts)

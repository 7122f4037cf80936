"""The drain: sends what is due for one destination, lane heads only, as fast as the budget allows.

One runs for a destination at a time. It claims in batches, is rung when something new is recorded, and ends
when nothing has been due for a while; what is due later wakes another.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from relay.deliver.attempt import Attempt
from relay.deliver.destination import Destination
from relay.deliver.lease import Lease
from relay.errors import JournalAway
from relay.journal.journal import Journal
from relay.journal.meter import Meter
from relay.journal.records import Claim, Leased
from relay.log import broken
from relay.tasks import patiently

log: Final = structlog.get_logger()

RUN_FOR: Final = 20.0
"""Seconds until a drain hands over to the next, so that no job of the queue runs for long."""

LINGER: Final = 3.0
"""Seconds a drain stays with nothing to do: the next relay is then sent without starting a job."""

RESULTS: Final = timedelta(seconds=5)
"""A process that is to stop waits for the answers under way, and so long for their results to be written."""

LOOK: Final = 2.0
"""Seconds between two claims at the most; each renews the drain's lease."""

BREATH: Final = 0.05
"""Seconds between looks while something is due that may not be sent yet, as during a trial."""


class Drain:
    def __init__(
        self,
        journal: Journal,
        destination: Destination,
        *,
        stopping: asyncio.Event | None = None,
        meter: Meter | None = None,
        run_for: float = RUN_FOR,
        linger: float = LINGER,
    ) -> None:
        self._journal = journal
        self._to = destination
        self._token = secrets.token_hex(8)
        self._stopping = stopping or asyncio.Event()
        self._meter = meter or Meter()
        self._run_for = run_for
        self._linger = linger
        self._attempts: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until nothing is due, time is up, or the process is stopping; never ends with a call under way."""
        if not await self._journal.sign_on(self._to.name, self._token):
            return
        try:
            async with self._journal.bell(self._to.name) as bell:
                await self._drain(bell)
        finally:
            # What is under way is finished after the hand-over, so that one slow answer delays nobody.
            await self._finish()

    async def _finish(self) -> None:
        """Waits for what is under way; a process that is to stop waits no longer than for the last answer."""
        if not self._attempts:
            return
        stopped = asyncio.create_task(self._stopped())
        try:
            under_way = asyncio.ensure_future(asyncio.wait(self._attempts))
            await asyncio.wait({under_way, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()

    async def _stopped(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep((self._to.client.timeout + RESULTS).total_seconds())

    async def _drain(self, bell: asyncio.Event) -> None:
        ends = time.monotonic() + self._run_for
        idle_since = time.monotonic()
        while True:
            if self._stopping.is_set():
                await self._leave()
                return
            bell.clear()
            claim = await self._claim(bell)
            if claim.state == "lost":
                return
            if self._attempts or claim.relays:
                idle_since = time.monotonic()
            idle = time.monotonic() - idle_since > self._linger
            leaving = time.monotonic() > ends
            if (idle or leaving or claim.state == "paused") and await self._sign_off(leaving=leaving):
                return
            await self._rest(bell, claim)

    async def _claim(self, bell: asyncio.Event) -> Claim:
        """Twice as many as are sent at once, so that claims stay batches while answers trickle in.

        More would wait for so long that their leases run out.
        """
        room = max(0, 2 * self._to.concurrency - len(self._to.under_way))
        claim = await patiently(
            lambda: self._journal.claim(
                self._to.name, self._token, room, self._to.limits, lease=self._to.lease
            ),
            stopping=self._stopping,
        )
        for leased in claim.relays:
            attempt = asyncio.create_task(self._attempt(leased, claim.now_ms, bell))
            self._attempts.add(attempt)
            self._to.under_way.add(attempt)
            attempt.add_done_callback(self._to.under_way.discard)
        return claim

    async def _attempt(self, leased: Leased, now_ms: int, bell: asyncio.Event) -> None:
        try:
            lease = Lease(
                self._journal,
                self._to,
                leased,
                now_ms=now_ms,
                meter=self._meter,
                stopping=self._stopping,
            )
            await Attempt(lease).run()
        except JournalAway as error:
            log.warning("drain.journal_away", destination=self._to.name, relay=leased.id, error=str(error))
        except Exception as error:  # noqa: BLE001 - the lease runs out; the fifth time the relay is dead
            log.error("attempt.broke", relay=leased.id, **broken(error))  # noqa: TRY400 - its message
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._attempts.discard(task)
            if len(self._attempts) <= self._to.concurrency:
                bell.set()

    async def _leave(self) -> None:
        """Wakes the next for what is due. With Redis away, this drain's hold runs out instead."""
        with suppress(JournalAway):
            await self._sign_off(leaving=True)

    async def _sign_off(self, *, leaving: bool) -> bool:
        return await patiently(
            lambda: self._journal.sign_off(self._to.name, self._token, self._to.limits, leaving=leaving),
            stopping=self._stopping,
        )

    async def _rest(self, bell: asyncio.Event, claim: Claim) -> None:
        """Until the bell rings, something is due, or it is time to look whether to go."""
        wait = min(self._linger, LOOK)
        full = len(self._attempts) >= 2 * self._to.concurrency
        if claim.next_ms is not None and not full:
            due = max(0.0, (claim.next_ms - claim.now_ms) / 1000)
            wait = min(wait, due if claim.relays else max(due, BREATH))
        stopping = asyncio.create_task(self._stopping.wait())
        ringing = asyncio.create_task(bell.wait())
        try:
            await asyncio.wait({stopping, ringing}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            ringing.cancel()

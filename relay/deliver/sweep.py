"""The sweep: finds what fell between, and looks whether pauses may end. Safe to run in several workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from relay.deliver.departure import Departure
from relay.deliver.destination import Destination
from relay.deliver.failing import RATE_LIMIT, SLOW_MOST
from relay.errors import AttemptError, CallRefused, EndpointRefused, JournalAway, TooLate
from relay.journal.journal import PROBE, Journal
from relay.journal.keys import ENDPOINTS
from relay.journal.queries import Queries
from relay.journal.records import Pause

log: Final = structlog.get_logger()

_SPARE: Final = timedelta(seconds=5)
"""How much longer than for its answer a probe is one worker's."""


class Sweep:
    def __init__(self, journal: Journal, destinations: Sequence[Destination]) -> None:
        self._journal = journal
        self._destinations = destinations
        self._queries = Queries(journal, (), [d.name for d in destinations])

    async def run(self) -> None:
        try:
            now_ms = 0
            for destination in self._destinations:
                now_ms = await self._journal.sweep(destination.name, destination.limits)
            await self._probe(now_ms)
        except JournalAway as error:
            log.warning("sweep.journal_away", error=str(error))

    async def _probe(self, now_ms: int) -> None:
        pauses = await self._queries.pauses()
        for destination in self._destinations:
            for endpoint in ("all", *ENDPOINTS):
                pause = pauses.get((destination.name, endpoint))
                if pause and pause.probe_at_ms <= now_ms and not pause.manual:
                    await self._try(destination, endpoint, pause)

    async def _try(self, destination: Destination, endpoint: str, pause: Pause) -> None:
        """The account call tells whether a key works; all else is told only by a real relay, on trial."""
        trial, turn = True, pause
        if endpoint == "all":
            works, turn = await self._works(destination, pause)
            if works is False:
                return
            # It says nothing of how many calls are borne again.
            trial = works is None or pause.by == RATE_LIMIT
        log.info("destination.resumed", destination=destination.name, endpoint=endpoint)
        await self._journal.resume(destination.name, endpoint, trial=trial, probed=turn)

    async def _works(self, destination: Destination, pause: Pause) -> tuple[bool | None, Pause]:
        """Whether the key does, None where the account call cannot tell; and the pause as it stands then."""
        hold = destination.client.timeout + _SPARE
        while True:
            departure = Departure()
            turn = await self._journal.take_probe(destination.name, pause, destination.limits, hold=hold)
            if turn is None:
                return False, pause
            pause = turn
            try:
                await destination.client.account(departure)
            except TooLate:
                continue
            except (EndpointRefused, CallRefused):
                return None, pause
            except AttemptError as error:
                await self._go_on(destination, pause, error)
                return False, pause
            return True, pause

    async def _go_on(self, destination: Destination, pause: Pause, error: AttemptError) -> None:
        log.warning("destination.probe_failed", destination=destination.name, code=error.code)
        await self._journal.pause(
            destination.name,
            pause.endpoint,
            pause.reason,
            by=pause.by,
            code=pause.code,
            probe=SLOW_MOST if pause.by == RATE_LIMIT else PROBE,
            again=True,
        )

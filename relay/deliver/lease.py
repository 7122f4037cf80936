"""One relay under lease: what it is, whose it is, and all that the journal is told of it."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Final, NoReturn

import structlog

from relay.compose.calls import Call
from relay.deliver.destination import Destination
from relay.journal.journal import Journal, Settled
from relay.journal.meter import Meter
from relay.journal.records import Leased, Reservation, Settlement, Status
from relay.journal.titles import title_of
from relay.tasks import patiently

log: Final = structlog.get_logger()


class Stopped(Exception):
    """The relay has been settled, put back, or taken over: nothing more to do under this lease."""


class Lease:
    """`now_ms` is Redis's clock as of the claim. `arrived`: what a call spent, and when it had come."""

    def __init__(
        self,
        journal: Journal,
        destination: Destination,
        leased: Leased,
        *,
        now_ms: int,
        meter: Meter,
        stopping: asyncio.Event,
    ) -> None:
        self.journal = journal
        self.to = destination
        self.relay = leased
        self.meter = meter
        self.stopping = stopping
        self.arrived: tuple[int, int] | None = None
        self._offset_ms = now_ms - _monotonic_ms()

    @property
    def source(self) -> str:
        return self.relay.fields["source"]

    @property
    def forced(self) -> bool:
        """A person insists on sending what went out before."""
        return "force" in self.relay.fields

    def now_ms(self) -> int:
        return _monotonic_ms() + self._offset_ms

    def reservation(self, call: Call, book: str, version: int) -> Reservation:
        return Reservation(
            id=self.relay.id,
            token=self.relay.token,
            lane=self.relay.lane,
            source=self.source,
            endpoint=call.endpoint,
            book=book,
            meaning=call.meaning,
            version=version,
            force=self.forced,
        )

    def tried(self, call: Call, outcome: str, **more: Any) -> dict[str, Any]:
        """An entry of the relay's history."""
        about = {"at": self.now_ms(), "what": "attempt", "outcome": outcome}
        return {**about, "path": call.path, "body": call.body, **more}

    async def put_back(self, when_ms: int) -> NoReturn:
        await self.settle(status=self.waiting_status(), due_ms=max(when_ms, self.now_ms()))
        raise Stopped

    def waiting_status(self) -> Status:
        return Status.RETRYING if int(self.relay.fields.get("tries", 0)) else Status.QUEUED

    async def dead(self, reason: str, *, title: str = "", stage: str = "deliver", **settled: Any) -> NoReturn:
        log.error("relay.dead", relay=self.relay.id, destination=self.to.name, stage=stage)
        settled |= {"status": Status.DEAD, "reason": reason, "title": title or title_of(reason)}
        if await self.settle(stage=stage, **settled) != "done":
            log.error("destination.paused", destination=self.to.name, by="the breaker")
        raise Stopped

    async def settle(self, **settled: Any) -> Settled:
        settlement = Settlement(
            id=self.relay.id,
            token=self.relay.token,
            lane=self.relay.lane,
            source=self.source,
            arrived=self.arrived if self.to.limits.minute or self.to.limits.second else None,
            **settled,
        )
        self.arrived = None
        # What came of a call is told until Redis has heard it: forgotten, it would be sent once more.
        answer = await patiently(
            lambda: self.journal.settle(self.to.name, self.to.limits, settlement), within=math.inf
        )
        if answer == "taken over":
            raise Stopped
        return answer


def _monotonic_ms() -> int:
    """Not the host's time of day, which may be set while a call is under way."""
    return time.monotonic_ns() // 1_000_000

"""What the machine stands on: a journal with a clock of the test's own, and the model beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, ClassVar, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from redis.asyncio import Redis

from relay.journal import ids
from relay.journal.eraser import Eraser
from relay.journal.journal import LEAVE, Journal, Wakeup
from relay.journal.keys import Keys
from relay.journal.records import (
    BookEntry,
    Limits,
    Recording,
    Status,
)
from relay.normalise import times
from tests.journal.model import Known, Lease, Model

CLOCK: Final = """
local function now_ms() return tonumber(redis.call('GET', KEYS[1] .. 'test-clock')) end
"""
PREFIX: Final = "{test}:"
START: Final = 1_800_000_000_000
LIMITS: Final = Limits("key", minute=12, second=4)
LEASE: Final = timedelta(seconds=30)
LEASE_MS: Final = 30_000
LEAVE_MS: Final = times.in_ms(LEAVE)
BREAKER: Final = 3
LATE: Final = 5_000
"""A postback that seems older than that comes from a host whose clock is behind."""
CUSTOMER: Final = {
    "A": "jo@example.com",
    "B": "jo@example.com",
    "C": "kim@example.com",
    "D": "li@example.com",
}
ENDPOINTS: Final = ("orders", "checkouts", "stock")
DAYS: Final = 7 * 86_400_000
Answer = TypeVar("Answer")
which = st.integers(0, 30)


class Rig(RuleBasedStateMachine):
    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = Redis.from_url(self.url)
        self.model = Model(BREAKER, now=START)
        self.checkouts_looked_at = 0
        self.stale: list[Lease] = []
        self.made = 0
        wakeup = Wakeup("test-jobs", "test-job:", {"main": "drain"})
        self.journal = Journal(self.redis, wakeup, keys=Keys(PREFIX), clock=CLOCK)
        self.eraser = Eraser(self.journal)

    def do(self, asked: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(asked)

    def pass_time(self, ms: int) -> None:
        self.model.now += ms
        self.do(self.redis.set(f"{PREFIX}test-clock", self.model.now))

    def recording(
        self,
        order: str,
        kind: str,
        naming: tuple[str, ...],
        *,
        thin: bool,
        age: int = 0,
        status: str = "queued",
    ) -> Recording:
        self.made += 1
        relay = ids.encode((self.model.now - age << 50) + self.made)
        read = status == "queued"
        booked = read and kind != "stock"
        names = tuple(f"{name}:{order}" for name in naming)
        return Recording(
            id=relay,
            source="shop",
            adapter="spoken",
            destination="main",
            at_ms=self.model.now - age,
            status=Status(status),
            copy=f"c{self.made}",
            window_ms=DAYS,
            blob=b"{}",
            reason="" if read else "why",
            kinds=f"order.{kind}" if read else "",
            endpoint={"checkout": "checkouts", "stock": "stock"}.get(kind, "orders") if read else "orders",
            email=CUSTOMER[order] if read and (not thin or kind == "stock") else "",
            orders=(BookEntry(names, "[]"),) if booked else (),
            places=booked and kind == "placed",
            is_order=booked and kind != "checkout",
        )

    @staticmethod
    def known(r: Recording) -> Known:
        return Known(
            id=r.id,
            source=r.source,
            copy=r.copy,
            status=str(r.status),
            email=r.email,
            endpoint=r.endpoint,
            names=r.orders[0].names if r.orders else (),
            places=r.places,
        )

    def pick(self, n: int) -> Any:
        there = [relay for relay in self.model.relays.values() if not relay.gone]
        return there[n % len(there)] if there else None

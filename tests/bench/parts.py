"""The parts of delivery, each measured alone: claim, compose, reserve, a client's POST, settle.

`python -m tests.bench.parts COUNT` delivers that many of what is queued at "main", a batch of all of one part
before the next begins, and prints the seconds each part took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeVar

import uvloop

from relay import settings, wiring
from relay.compose.calls import Call
from relay.compose.compose import Moment, Send, compose
from relay.compose.policy import Policy
from relay.deliver.booked import facts_of
from relay.deliver.destination import Destination
from relay.journal.journal import Journal
from relay.journal.records import Accepted, Leased, Reservation, Settlement, Status
from relay.normalise import events, times

TOKEN: Final = "the-parts"
T = TypeVar("T")


class Ready(NamedTuple):
    leased: Leased
    book: str
    version: int
    call: Call


class Parts:
    def __init__(self, journal: Journal, to: Destination) -> None:
        self._journal = journal
        self._to = to
        self.seconds: dict[str, float] = {}

    async def run(self, count: int) -> None:
        await self._journal.sign_on(self._to.name, TOKEN)
        done = 0
        while done < count:
            done += await self._batch()
        await self._journal.sign_off(self._to.name, TOKEN, self._to.limits, leaving=True)

    async def _batch(self) -> int:
        relays = await self._timed("claim", self._claim())
        ready = await self._timed("compose", self._composed(relays))
        for part, work in (("reserve", self._reserve), ("POST", self._post), ("settle", self._settle)):
            await self._timed(part, _each(work, ready))
        return len(relays)

    async def _timed(self, part: str, work: Awaitable[T]) -> T:
        started = time.perf_counter()
        done = await work
        self.seconds[part] = self.seconds.get(part, 0) + time.perf_counter() - started
        return done

    async def _claim(self) -> tuple[Leased, ...]:
        want = 2 * self._to.concurrency
        claim = await self._journal.claim(self._to.name, TOKEN, want, self._to.limits, lease=self._to.lease)
        return claim.relays

    async def _composed(self, relays: tuple[Leased, ...]) -> list[Ready]:
        return [self._ready(leased) for leased in relays]

    def _ready(self, leased: Leased) -> Ready:
        event = events.load(self._journal.body(leased.blob)["reading"]["events"])[0]
        book, fields = leased.books[0]
        now = times.from_ms(int(leased.fields["at"]))
        moment = Moment(leased.id, received_at=now, now=now)
        composed = compose(event, facts_of(self._journal.opened(fields)), Policy(), moment)
        if not isinstance(composed, Send):
            sys.exit(f"{composed} is nothing to send: nothing was measured")
        return Ready(leased, book, int(fields["version"]), composed.calls[0])

    async def _reserve(self, ready: Ready) -> None:
        leased, call = ready.leased, ready.call
        reservation = Reservation(
            id=leased.id,
            token=leased.token,
            lane=leased.lane,
            source=leased.fields["source"],
            endpoint=call.endpoint,
            book=ready.book,
            meaning=call.meaning,
            version=ready.version,
        )
        verdict = await self._journal.reserve(
            self._to.name, self._to.limits, reservation, lease=self._to.lease
        )
        if verdict.word != "ok":
            sys.exit(f"a reservation was answered with {verdict.word}: nothing was measured")

    async def _post(self, ready: Ready) -> None:
        async with self._to.client.slots:
            await self._to.client.post(ready.call.path, ready.call.content)

    async def _settle(self, ready: Ready) -> None:
        leased, call = ready.leased, ready.call
        accepted = Accepted(
            source=leased.fields["source"],
            endpoint=call.endpoint,
            book=ready.book,
            meaning=call.meaning,
            digest=call.digest,
            order_id=call.body["orderId"],
        )
        settlement = Settlement(
            id=leased.id,
            token=leased.token,
            lane=leased.lane,
            source=leased.fields["source"],
            status=Status.DELIVERED,
            attempts=1,
            code=200,
            accepted=accepted,
            history={"at": times.now_ms(), "what": "attempt", "path": call.path, "body": call.body},
        )
        await self._journal.settle(self._to.name, self._to.limits, settlement)


async def _each(work: Callable[[Ready], Awaitable[None]], ready: list[Ready]) -> None:
    await asyncio.gather(*map(work, ready))


async def main(count: int) -> None:
    env = settings.environment()
    config = settings.load(env.config)
    redis = wiring.redis(env)
    wiring.freeze_garbage()
    async with wiring.client(config.destinations["main"]) as http:
        parts = Parts(wiring.journal(redis, config), wiring.destination("main", config, http))
        await parts.run(count)
    await redis.aclose(close_connection_pool=True)
    sys.stdout.write(json.dumps(parts.seconds))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))

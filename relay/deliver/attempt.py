"""One leased relay on its way: composed, reserved, sent, settled.

What is accepted is written at once and never sent again; whatever stops in between leaves the lease to run
out, which costs no attempt.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, NoReturn

import structlog

from relay.compose.book import Facts
from relay.compose.calls import Call
from relay.compose.compose import Moment, Refuse, Send, Skip, Wait, compose
from relay.compose.policy import Policy
from relay.deliver.booked import facts_of, sent_by
from relay.deliver.client import Answer, CommerceClient
from relay.deliver.departure import Departure
from relay.deliver.schedule import Schedule
from relay.errors import (
    AttemptError,
    CallRefused,
    EndpointRefused,
    KeyRefused,
    SlowDown,
    TooLate,
    TryAgain,
    VaultShut,
)
from relay.journal.journal import LEAVE, Journal, Settled
from relay.journal.meter import Meter
from relay.journal.records import (
    VERSION,
    Accepted,
    Leased,
    Limits,
    Refusal,
    Reservation,
    Settlement,
    Status,
    Verdict,
)
from relay.journal.titles import title_of
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.events import BOOKED, Event
from relay.tasks import patiently

log: Final = structlog.get_logger()

SLOW_DEFAULT: Final = timedelta(seconds=10)
"""After a 429 that does not say how long."""

SLOW_MOST: Final = timedelta(minutes=15)
"""A longer Retry-After is a pause, with probes, rather than a silent wait."""

RATE_LIMIT: Final = "rate limit"
"""Who paused a destination that asked for a longer wait."""

SHORT_WAIT: Final = 1_200
"""Milliseconds that are waited out under the lease: the second's limit. Longer, and the relay is put back."""


LEFT_FOR: Final = 60_000
"""Milliseconds until a relay is looked at again that was sealed with a key this process does not have, or
written by a newer version."""


@dataclass(frozen=True, slots=True)
class Destination:
    """All that sending to one destination needs. `policies` are by source.

    `under_way` are the attempts of all drains of this process: one that has handed over may still have many.
    """

    name: str
    client: CommerceClient
    limits: Limits
    schedule: Schedule
    lease: timedelta
    concurrency: int
    policies: Mapping[str, Policy]
    under_way: set[asyncio.Task[None]] = field(default_factory=set)


class Stopped(Exception):
    """The relay has been settled, put back, or taken over: nothing more to do under this lease."""


class Attempt:
    """`now_ms` is Redis's clock as of the claim."""

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
        self._journal = journal
        self._to = destination
        self._leased = leased
        self._offset_ms = now_ms - _monotonic_ms()
        self._meter = meter
        self._stopping = stopping
        self._done: list[str] = json.loads(leased.fields.get("done", "[]"))
        self._reasons: list[str] = []
        self._overtaken = False
        self._arrived: tuple[int, int] | None = None
        self._versions = {name: int(fields.get("version", 0)) for name, fields in leased.books}
        self._sent_before = any(sent_by(leased.id, fields) for _, fields in leased.books)

    async def run(self) -> None:
        try:
            await self._run()
        except Stopped:
            return

    async def _run(self) -> None:
        if (version := self._newest()) > VERSION:
            log.error("attempt.newer", relay=self._leased.id, version=version, known=VERSION)
            await self._put_back(self._now_ms() + LEFT_FOR)
        try:
            events = await self._events()
            books = self._books()
        except VaultShut as error:  # a key in rotation, which this process was not told of yet
            log.error("attempt.sealed", relay=self._leased.id, key=error.key)  # noqa: TRY400
            await self._put_back(self._now_ms() + LEFT_FOR)
        for index, event in enumerate(events):
            last = index == len(events) - 1
            await self._event(index, event, books, last=last)
        await self._finish()

    def _newest(self) -> int:
        """The version of the newest process that wrote of this relay or its orders."""
        return max(
            int(fields.get("v", 1)) for fields in (self._leased.fields, *(f for _, f in self._leased.books))
        )

    async def _events(self) -> tuple[Event, ...]:
        try:
            stored = self._journal.body(self._leased.blob)
            return normalised.load(stored["reading"]["events"])
        except (KeyError, ValueError) as error:
            await self._dead("its events cannot be read any more; retry from normalise", stage="compose")
            raise Stopped from error

    # Composing ----------------------------------------------------------------------------------------

    def _books(self) -> dict[str, tuple[str, Facts]]:
        """By each name of an order: the name of its book, and its facts."""
        found = {}
        told = ((n, f) for n, f in self._leased.books if any(key.startswith("f:") for key in f))
        for name, fields in told:  # of a forgotten order nothing but what was sent meanwhile
            facts = facts_of(self._journal.opened(fields))
            found.update(dict.fromkeys(facts.names, (name, facts)))
        return found

    async def _event(
        self, index: int, event: Event, books: dict[str, tuple[str, Facts]], *, last: bool
    ) -> None:
        book, facts = books.get(event.names[0], ("", None)) if isinstance(event, BOOKED) else ("", None)
        composed = compose(event, facts, self._policy(), self._moment())
        match composed:
            case Skip():
                self._skip(composed)
            case Wait():
                await self._wait(composed, book)
            case Refuse():
                await self._dead(_with_field(composed), stage="compose")
            case Send(calls):
                for n, call in enumerate(calls):
                    final = last and n == len(calls) - 1
                    await self._call(index, call, book if call.booked else "", final=final)
                    if facts is not None:
                        facts = facts.after(call)
                        books.update({name: (book, facts) for name in books if books[name][0] == book})

    def _policy(self) -> Policy:
        policy = self._to.policies.get(self._leased.fields["source"], Policy())
        if policy.since is None and self._leased.source_since_ms is not None:
            return replace(policy, since=times.from_ms(self._leased.source_since_ms))
        return policy

    def _moment(self) -> Moment:
        last, spooled = self._leased.last_order_ms, self._leased.fields.get("spooled")
        return Moment(
            relay=self._leased.id,
            received_at=times.from_ms(int(self._leased.fields["at"])),
            now=times.from_ms(self._now_ms()),
            last_order_at=times.from_ms(last) if last is not None else None,
            recorded_at=times.from_ms(int(spooled)) if spooled is not None else None,
            waited="waited" in self._leased.fields,
            force="force" in self._leased.fields,
        )

    def _skip(self, skip: Skip) -> None:
        self._reasons.append(f"{skip.reason}; differs from what was sent" if skip.differs else skip.reason)
        self._overtaken |= skip.overtaken

    async def _wait(self, wait: Wait, book: str) -> None:
        await self._settle(
            status=Status.HELD,
            reason=wait.reason,
            due_ms=times.to_ms(wait.until),
            in_lane=wait.in_lane,
            version=(book, self._versions[book]) if book else None,
        )
        raise Stopped

    # Sending ------------------------------------------------------------------------------------------

    async def _call(self, index: int, call: Call, book: str, *, final: bool) -> None:
        key = f"{index}:{call.meaning}"
        if key in self._done:
            return
        if not self._policy().deliver:
            self._reasons.append(f"rehearsal: {call.endpoint} {call.meaning} was composed and not sent")
            return
        reservation = self._reservation(call, book)
        async with self._to.client.slots:  # first, so that budget and lease are not spent on waiting
            if self._stopping.is_set():  # another process begins with it, and has the time to end
                await self._put_back(self._now_ms())
            try:
                answer = await self._send(call, reservation)
            except AttemptError as error:
                await self._failed(call, reservation, error)
                raise Stopped from error
        if answer is None:
            self._reasons.append(f"{call.meaning.partition('@')[0]} already sent")
            return
        self._done.append(key)
        await self._accepted(call, book, answer, final=final)

    async def _send(self, call: Call, reservation: Reservation) -> Answer | None:
        """The answer that accepted it; None where its meaning went out before."""
        while True:
            reserved = await self._reserve(reservation)
            if reserved is None:
                return None
            departure, at_ms, spent = reserved
            try:
                return await self._to.client.post(call.path, call.content, departure)
            except TooLate:
                reservation = replace(reservation, instead=spent)
            finally:
                self._arrived = (spent, at_ms + departure.arrived_ms)

    def _reservation(self, call: Call, book: str) -> Reservation:
        return Reservation(
            id=self._leased.id,
            token=self._leased.token,
            lane=self._leased.lane,
            source=self._leased.fields["source"],
            endpoint=call.endpoint,
            book=book,
            meaning=call.meaning,
            version=self._versions.get(book, 0),
            force="force" in self._leased.fields,
        )

    async def _reserve(self, reservation: Reservation) -> tuple[Departure, int, int] | None:
        """When the call may leave, the moment that was written down, and what it spent.

        None where its meaning went out before.
        """
        while True:
            departure, (verdict, when_ms, spent) = await patiently(
                lambda: self._ask_to_send(reservation), stopping=self._stopping
            )
            if verdict == "ok":
                return departure, when_ms, spent
            if verdict == "sent":
                return None
            if verdict == "fenced":
                raise Stopped
            wait_ms = when_ms - self._now_ms()
            if verdict == "busy":
                await self._put_back(min(when_ms, self._now_ms() + SHORT_WAIT))
            if verdict == "stale" or wait_ms > SHORT_WAIT or wait_ms <= 0:
                await self._put_back(when_ms)
            await asyncio.sleep(wait_ms / 1000)

    async def _ask_to_send(self, reservation: Reservation) -> tuple[Departure, Verdict]:
        """With a short lease the call leaves sooner, since by its end it may have become another's."""
        departure = Departure(min(LEAVE, self._to.lease / 2))
        verdict = await self._journal.reserve(
            self._to.name, self._to.limits, reservation, lease=self._to.lease
        )
        return departure, verdict

    async def _accepted(self, call: Call, book: str, answer: Answer, *, final: bool) -> None:
        self._count_accepted(answer)
        await self._settle(
            status=Status.DELIVERED if final else None,
            attempts=1,
            code=answer.code,
            done=json.dumps(self._done),
            accepted=Accepted(
                source=self._leased.fields["source"],
                endpoint=call.endpoint,
                book=book,
                meaning=call.meaning,
                digest=call.digest,
                order_id=call.body.get("orderId", ""),
            ),
            history=self._entry(call, answer=answer),
        )
        if final:
            raise Stopped
        if call.booked and book:
            self._versions[book] += 1

    def _count_accepted(self, answer: Answer) -> None:
        self._meter.attempt(self._to.name, "accepted", answer.code)
        self._meter.time("answer", self._to.name, answer.took)
        if "backfill" not in self._leased.fields:  # what is old already says nothing of how fast we are
            since_ms = self._now_ms() - int(self._leased.fields["at"])
            self._meter.time("delivery", self._to.name, timedelta(milliseconds=max(since_ms, 0)))

    async def _finish(self) -> None:
        """All events are through, the last without a call: delivered if any call ever was accepted."""
        reason = "; ".join(dict.fromkeys(self._reasons))
        if self._done or self._sent_before:
            await self._settle(status=Status.DELIVERED, overtaken=self._overtaken)
        else:
            await self._settle(status=Status.IGNORED, reason=reason, overtaken=self._overtaken)

    # Failing ------------------------------------------------------------------------------------------

    async def _failed(self, call: Call, reservation: Reservation, error: AttemptError) -> None:
        self._meter.attempt(self._to.name, _WORDS[type(error)], error.code)
        log.warning(
            "attempt.failed",
            relay=self._leased.id,
            destination=self._to.name,
            endpoint=call.endpoint,
            outcome=_WORDS[type(error)],
            code=error.code,
        )
        entry = self._entry(call, error=error)
        match error:
            case TryAgain():
                await self._try_again(call, reservation, error, entry)
            case SlowDown():
                await self._slow_down(error)
                await self._release(reservation, entry, error.code)
            case KeyRefused():
                await self._pause("all", error)
                await self._release(reservation, entry, error.code)
            case EndpointRefused():
                await self._pause(call.endpoint, error)
                await self._release(reservation, entry, error.code)
            case CallRefused() | AttemptError():
                title = title_of(error.reason, call.personal)
                await self._dead(
                    error.reason,
                    title=title,
                    attempts=1,
                    code=error.code,
                    unreserve=reservation,
                    history=entry,
                    refusal=Refusal(call.endpoint, title),
                )

    async def _try_again(
        self, call: Call, reservation: Reservation, error: AttemptError, entry: dict[str, Any]
    ) -> None:
        tries = int(self._leased.fields.get("tries", 0)) + 1
        wait = self._to.schedule.after(tries)
        common: dict[str, Any] = {
            "attempts": 1,
            "tries": 1,
            "code": error.code,
            "unreserve": reservation,
            "history": entry,
        }
        if wait is None:
            title = f"gave up; the last: {title_of(error.reason, call.personal)}"
            await self._dead(f"gave up after {tries} tries; the last: {error.reason}", title=title, **common)
            return
        await self._settle(
            status=Status.RETRYING,
            reason=error.reason,
            due_ms=self._now_ms() + times.in_ms(wait),
            yields=call.endpoint == "checkouts",  # a checkout never blocks an order
            **common,
        )

    async def _slow_down(self, error: SlowDown) -> None:
        after = SLOW_DEFAULT if error.after is None else error.after
        if after <= SLOW_MOST:
            await self._journal.slow_down(self._to.name, after)
            return
        reason = f"the destination asks to wait {after}; probing meanwhile"
        await self._pause("all", error, reason=reason, by=RATE_LIMIT, probe=SLOW_MOST)

    async def _pause(
        self, endpoint: str, error: AttemptError, *, reason: str = "", by: str = "its answer", **more: Any
    ) -> None:
        fresh = await self._journal.pause(
            self._to.name, endpoint, reason or error.reason, by=by, code=error.code, **more
        )
        if fresh:  # fifty calls may have been under way
            log.error("destination.paused", destination=self._to.name, endpoint=endpoint, code=error.code)

    async def _release(self, reservation: Reservation, entry: dict[str, Any], code: int | None) -> None:
        """Back to its place, with no attempt spent: the trouble was not the relay's."""
        await self._settle(
            yields=reservation.endpoint == "checkouts",
            status=self._waiting_status(),
            due_ms=self._now_ms(),
            unreserve=reservation,
            history=entry,
            code=code,
        )

    async def _put_back(self, when_ms: int) -> NoReturn:
        await self._settle(status=self._waiting_status(), due_ms=max(when_ms, self._now_ms()))
        raise Stopped

    def _waiting_status(self) -> Status:
        return Status.RETRYING if int(self._leased.fields.get("tries", 0)) else Status.QUEUED

    async def _dead(self, reason: str, *, title: str = "", stage: str = "deliver", **settled: Any) -> None:
        log.error("relay.dead", relay=self._leased.id, destination=self._to.name, stage=stage)
        title = title or title_of(reason)
        if (
            await self._settle(status=Status.DEAD, reason=reason, title=title, stage=stage, **settled)
            != "done"
        ):
            log.error("destination.paused", destination=self._to.name, by="the breaker")
        raise Stopped

    async def _settle(self, **settled: Any) -> Settled:
        settlement = Settlement(
            id=self._leased.id,
            token=self._leased.token,
            lane=self._leased.lane,
            source=self._leased.fields["source"],
            arrived=self._arrived if self._to.limits.minute or self._to.limits.second else None,
            **settled,
        )
        self._arrived = None
        # What came of a call is told until Redis has heard it: forgotten, it would be sent once more.
        answer = await patiently(
            lambda: self._journal.settle(self._to.name, self._to.limits, settlement), within=math.inf
        )
        if answer == "taken over":
            raise Stopped
        return answer

    def _entry(
        self, call: Call, *, answer: Answer | None = None, error: AttemptError | None = None
    ) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "at": self._now_ms(),
            "what": "attempt",
            "outcome": "accepted" if answer else _WORDS[type(error)] if error else "",
            "path": call.path,
            "body": call.body,
        }
        if answer:
            entry |= {
                "code": answer.code,
                "answer": answer.text,
                "ms": round(answer.took.total_seconds() * 1000),
            }
        if error:
            entry |= {"code": error.code, "error": error.reason}
        return entry

    def _now_ms(self) -> int:
        return _monotonic_ms() + self._offset_ms


_WORDS: Final[dict[type[AttemptError], str]] = {
    TryAgain: "failed",
    SlowDown: "slowed down",
    KeyRefused: "key refused",
    EndpointRefused: "endpoint refused",
    CallRefused: "refused",
}


def _monotonic_ms() -> int:
    """Not the host's time of day, which may be set while a call is under way."""
    return time.monotonic_ns() // 1_000_000


def _with_field(refusal: Refuse) -> str:
    return f"{refusal.field}: {refusal.reason}" if refusal.field else refusal.reason

"""One leased relay on its way: composed, reserved, sent, settled.

What is accepted is written at once and never sent again; whatever stops in between leaves the lease to run
out, which costs no attempt.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from relay.compose.book import Facts
from relay.compose.calls import Call
from relay.compose.compose import Moment, Refuse, Send, Skip, Wait, compose
from relay.compose.policy import Policy
from relay.deliver.booked import facts_of, sent_by
from relay.deliver.client import Answer
from relay.deliver.failing import failed
from relay.deliver.lease import Lease, Stopped
from relay.deliver.sending import send
from relay.errors import AttemptError, VaultShut
from relay.journal.records import VERSION, Accepted, Status
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.events import BOOKED, Event

log: Final = structlog.get_logger()

LEFT_FOR: Final = 60_000
"""Milliseconds until a relay is looked at again that was sealed with a key this process does not have, was
written by a newer version, or is of a source whose rules this process does not know."""


class Attempt:
    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._relay = lease.relay
        self._done: list[str] = json.loads(self._relay.fields.get("done", "[]"))
        self._reasons: list[str] = []
        self._overtaken = False
        self._versions = {name: int(fields.get("version", 0)) for name, fields in self._relay.books}
        self._sent_before = any(sent_by(self._relay.id, fields) for _, fields in self._relay.books)

    async def run(self) -> None:
        try:
            await self._run()
        except Stopped:
            return

    async def _run(self) -> None:
        if (version := self._newest()) > VERSION:
            log.error("attempt.newer", relay=self._relay.id, version=version, known=VERSION)
            await self._lease.put_back(self._lease.now_ms() + LEFT_FOR)
        if self._lease.source not in self._lease.to.policies:  # added since this process started, or removed
            log.error("attempt.unknown_source", relay=self._relay.id, source=self._lease.source)
            await self._lease.put_back(self._lease.now_ms() + LEFT_FOR)
        try:
            events = await self._events()
            books = self._books()
        except VaultShut as error:  # a key in rotation, which this process was not told of yet
            log.error("attempt.sealed", relay=self._relay.id, key=error.key)  # noqa: TRY400
            await self._lease.put_back(self._lease.now_ms() + LEFT_FOR)
        for index, event in enumerate(events):
            last = index == len(events) - 1
            await self._event(index, event, books, last=last)
        await self._finish()

    def _newest(self) -> int:
        """The version of the newest process that wrote of this relay or its orders."""
        return max(
            int(fields.get("v", 1)) for fields in (self._relay.fields, *(f for _, f in self._relay.books))
        )

    async def _events(self) -> tuple[Event, ...]:
        try:
            stored = self._lease.journal.body(self._relay.blob)
            return normalised.load(stored["reading"]["events"])
        except (KeyError, ValueError):
            await self._lease.dead(
                "its events cannot be read any more; retry from normalise", stage="compose"
            )

    def _books(self) -> dict[str, tuple[str, Facts]]:
        """By each name of an order: the name of its book, and its facts."""
        found = {}
        told = ((n, f) for n, f in self._relay.books if any(key.startswith("f:") for key in f))
        for name, fields in told:  # of a forgotten order nothing but what was sent meanwhile
            facts = facts_of(self._lease.journal.opened(fields))
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
                await self._lease.dead(_with_field(composed), stage="compose")
            case Send(calls):
                for n, call in enumerate(calls):
                    final = last and n == len(calls) - 1
                    await self._call(index, call, book if call.booked else "", final=final)
                    if facts is not None:
                        facts = facts.after(call)
                        books.update({name: (book, facts) for name in books if books[name][0] == book})

    def _policy(self) -> Policy:
        policy = self._lease.to.policies[self._lease.source]
        if self._relay.source_since_ms is not None:
            return replace(policy, began=times.from_ms(self._relay.source_since_ms))
        return policy

    def _moment(self) -> Moment:
        last, spooled = self._relay.last_order_ms, self._relay.fields.get("spooled")
        return Moment(
            relay=self._relay.id,
            received_at=times.from_ms(int(self._relay.fields["at"])),
            now=times.from_ms(self._lease.now_ms()),
            last_order_at=times.from_ms(last) if last is not None else None,
            recorded_at=times.from_ms(int(spooled)) if spooled is not None else None,
            waited="waited" in self._relay.fields,
            force=self._lease.forced,
        )

    def _skip(self, skip: Skip) -> None:
        self._reasons.append(f"{skip.reason}; differs from what was sent" if skip.differs else skip.reason)
        self._overtaken |= skip.overtaken

    async def _wait(self, wait: Wait, book: str) -> None:
        await self._lease.settle(
            status=Status.HELD,
            reason=wait.reason,
            due_ms=times.to_ms(wait.until),
            in_lane=wait.in_lane,
            version=(book, self._versions[book]) if book else None,
        )
        raise Stopped

    async def _call(self, index: int, call: Call, book: str, *, final: bool) -> None:
        key = f"{index}:{call.meaning}"
        if key in self._done:
            return
        if not self._policy().deliver:
            self._reasons.append(f"rehearsal: {call.endpoint} {call.meaning} was composed and not sent")
            return
        reservation = self._lease.reservation(call, book, self._versions.get(book, 0))
        async with self._lease.to.client.slots:  # first, so that budget and lease are not spent on waiting
            if self._lease.stopping.is_set():  # another process begins with it, and has the time to end
                await self._lease.put_back(self._lease.now_ms())
            try:
                answer = await send(self._lease, call, reservation)
            except AttemptError as error:
                await failed(self._lease, call, reservation, error)
                raise Stopped from error
        if answer is None:
            self._reasons.append(f"{call.meaning.partition('@')[0]} already sent")
            return
        self._done.append(key)
        await self._accepted(call, book, answer, final=final)

    async def _accepted(self, call: Call, book: str, answer: Answer, *, final: bool) -> None:
        self._count_accepted(answer)
        await self._lease.settle(
            status=Status.DELIVERED if final else None,
            attempts=1,
            code=answer.code,
            done=json.dumps(self._done),
            accepted=Accepted(
                source=self._lease.source,
                endpoint=call.endpoint,
                book=book,
                meaning=call.meaning,
                digest=call.digest,
                order_id=call.body.get("orderId", ""),
            ),
            history=self._lease.tried(
                call, "accepted", code=answer.code, answer=answer.text, ms=times.in_ms(answer.took)
            ),
        )
        if final:
            raise Stopped
        if call.booked and book:
            self._versions[book] += 1

    def _count_accepted(self, answer: Answer) -> None:
        self._lease.meter.attempt(self._lease.to.name, "accepted", answer.code)
        self._lease.meter.time("answer", self._lease.to.name, answer.took)
        if "backfill" not in self._relay.fields:  # what is old already says nothing of how fast we are
            since_ms = self._lease.now_ms() - int(self._relay.fields["at"])
            self._lease.meter.time("delivery", self._lease.to.name, timedelta(milliseconds=max(since_ms, 0)))

    async def _finish(self) -> None:
        """All events are through, the last without a call: delivered if any call ever was accepted."""
        reason = "; ".join(dict.fromkeys(self._reasons))
        if self._done or self._sent_before:
            await self._lease.settle(status=Status.DELIVERED, overtaken=self._overtaken)
        else:
            await self._lease.settle(status=Status.IGNORED, reason=reason, overtaken=self._overtaken)


def _with_field(refusal: Refuse) -> str:
    return f"{refusal.field}: {refusal.reason}" if refusal.field else refusal.reason

"""Replays: retrying or discarding all relays of a filter, in the background and at the budget.

Oldest first, so that a customer's relays are queued again in order; a handful at a time, of which the
journal has it in writing first. Any worker goes on with any replay.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from relay.compose.policy import OLD
from relay.errors import JournalAway
from relay.journal.activity import without_addresses
from relay.journal.acts import Acts
from relay.journal.filter import Filter
from relay.journal.journal import Journal
from relay.journal.numbers import Numbers
from relay.journal.queries import Queries
from relay.journal.records import Limits, Relay, Status
from relay.journal.replays import Act, Intent, ReplayBook, Turn, Wish
from relay.log import broken
from relay.normalise import times
from relay.ops.core import Done, Operations, Refused, Stage, is_old, stage_of
from relay.ops.figures import PlanView, ReplayView

log: Final = structlog.get_logger()

HANDFUL: Final = 100
"""Relays acted on between two entries in the journal; a script that discards so many takes some 10 ms."""

AHEAD: Final = 1000
"""Relays that may wait to be sent at a destination without a budget before a replay adds more."""

_LOOK_EVERY: Final = 1.0
_PLANNED_WITHIN: Final = 1.0
"""Seconds a plan may look at single relays; behind that it tells of those it has seen."""

_OLD_WORDS: Final = "older than 72 h"
_MINUTE: Final = 60


@dataclass(slots=True)
class _Tally:
    done: int = 0
    refused: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    """Those to be retried, by destination."""


class Replays:
    """`limits` are the destinations' budgets."""

    def __init__(
        self, journal: Journal, queries: Queries, acts: Operations, limits: Mapping[str, Limits]
    ) -> None:
        self._queries = queries
        self._operations = acts
        self._acts = Acts(journal)
        self._numbers = Numbers(journal)
        self._book = ReplayBook(journal)
        self._limits = limits

    # For people --------------------------------------------------------------------------------------

    async def plan(
        self, wanted: Filter, *, act: Act = "retry", stage: Stage | None = None, stale: bool = False
    ) -> PlanView:
        """What a replay would do, from looking at the oldest for a while; nothing is changed."""
        wish = Wish(wanted, act, "", "", stage or "", stale)
        tally, looked, after, complete = _Tally(), 0, None, False
        ends = time.monotonic() + _PLANNED_WITHIN
        while not complete and time.monotonic() < ends:
            stretch = await self._queries.walk(wanted, after=after, count=HANDFUL)
            for relay in stretch.relays:
                await self._foresee(wish, relay, tally)
            looked += len(stretch.relays)
            after, complete = stretch.last, stretch.last is None
        match = looked if complete else await self._queries.count(wanted)
        old = await self._old(wanted, act)
        return PlanView(
            act=act,
            match=match,
            looked_at=looked,
            complete=complete,
            would=tally.done,
            destinations=[] if act == "discard" else sorted(tally.of),
            skipped=dict(tally.skipped),
            older_than_72h=old,
            seconds=self._seconds(tally, match, looked),
        )

    async def start(
        self,
        wanted: Filter,
        *,
        by: str,
        line: str,
        act: Act = "retry",
        stage: Stage | None = None,
        stale: bool = False,
    ) -> ReplayView:
        """Begins it; what is received from now on is not part of it. `line` is the filter in words."""
        now = times.now_ms()
        until = now if wanted.until_ms is None else min(now, wanted.until_ms)
        kept = await self._queries.kept(replace(wanted, until_ms=until))
        wish = Wish(kept, act, by, without_addresses(line), stage or "", stale)
        replay = await self._book.start(wish, await self._queries.count(kept))
        found = await self._book.one(replay)
        if found is None:
            raise JournalAway("Redis forgot what it was told just now")
        return ReplayView.of(found)

    async def one(self, replay: str) -> ReplayView | None:
        found = await self._book.one(replay)
        return None if found is None else ReplayView.of(found)

    async def newest(self, limit: int = 50) -> list[ReplayView]:
        return [ReplayView.of(replay) for replay in await self._book.newest(limit)]

    async def pause(self, replay: str, *, by: str) -> Done | Refused:
        return _changed(replay, "paused", await self._book.change(replay, "paused", by=by))

    async def resume(self, replay: str, *, by: str) -> Done | Refused:
        return _changed(replay, "running", await self._book.change(replay, "running", by=by))

    async def cancel(self, replay: str, *, by: str) -> Done | Refused:
        """Nothing more is done of it; what it has queued is not taken back."""
        return _changed(replay, "cancelled", await self._book.change(replay, "cancelled", by=by))

    # For workers -------------------------------------------------------------------------------------

    async def run(self, stopping: asyncio.Event) -> None:
        """Goes on with whatever is under way, until the process stops."""
        while not stopping.is_set():
            try:
                busy = await self.step()
            except JournalAway as error:
                log.warning("replays.journal_away", error=str(error))
                busy = False
            except Exception as error:  # noqa: BLE001 - the message may hold a person's data; tried again
                log.error("replays.broke", **broken(error))  # noqa: TRY400
                busy = False
            if not busy:
                await _rest(stopping)

    async def step(self) -> bool:
        """A handful of each replay under way; whether any of them got on."""
        moved = [await self._go_on(replay) for replay in await self._book.under_way()]
        return any(moved)

    async def _go_on(self, replay: str) -> bool:
        turn = await self._book.take(replay)
        if turn is None:
            return False
        intent = turn.intent
        if intent is None:
            intent = await self.next(turn)
            if intent is None:
                await self._book.give_back(turn)
                return False
            if not await self._book.intend(turn, intent):
                return False
        tally = _Tally()
        await self._act(turn, await self._queries.some(intent.relays), tally)
        await self._book.commit(turn, intent, done=tally.done, refused=tally.refused, skipped=tally.skipped)
        log.info("replay.went_on", replay=replay, done=tally.done, skipped=tally.skipped.total())
        return True

    async def next(self, turn: Turn) -> Intent | None:
        """The next handful, as many as there is room for; None while there is no room."""
        wish = turn.replay.wish
        stretch = await self._queries.walk(wish.wanted, after=turn.replay.cursor, count=HANDFUL)
        if wish.act == "discard":
            relays = tuple(relay.id for relay in stretch.relays)
            return Intent(relays, stretch.last, len(stretch.looked_at))
        room = await self._room()
        taken: list[str] = []
        for relay in stretch.relays:
            if room.get(relay.destination, AHEAD) < 1:
                if not taken:
                    return None
                return Intent(tuple(taken), taken[-1], stretch.looked_at.index(taken[-1]) + 1)
            room[relay.destination] = room.get(relay.destination, AHEAD) - 1
            taken.append(relay.id)
        return Intent(tuple(taken), stretch.last, len(stretch.looked_at))

    async def _room(self) -> dict[str, int]:
        """How many more may wait to be sent: a minute's worth of the budget. What is paused sends nothing,
        so there it does not matter.
        """
        pauses = await self._queries.pauses()
        traffic = await self._numbers.traffic(self._limits, pauses)
        return {
            name: AHEAD if (name, "all") in pauses else (_a_minute(limits) or AHEAD) - traffic[name].due
            for name, limits in self._limits.items()
        }

    async def _act(self, turn: Turn, relays: list[Relay], tally: _Tally) -> None:
        """What the replay has done before a worker died counts as done; what is no more wanted is left."""
        chosen: list[Relay] = []
        for relay in relays:
            if relay.replay == turn.replay.id:
                tally.done += 1
            elif turn.replay.state == "running":
                reason = await self._reason_to_skip(turn.replay.wish, relay)
                if reason:
                    tally.skipped[reason] += 1
                else:
                    chosen.append(relay)
        await self._do(turn, chosen, tally)

    async def _do(self, turn: Turn, relays: list[Relay], tally: _Tally) -> None:
        wish, replay = turn.replay.wish, turn.replay.id
        mapped = [relay for relay in relays if wish.act == "retry" and _stage(wish, relay) == "normalise"]
        for relay in mapped:
            await self._map_again(wish, relay, replay, tally)
        others = [relay.id for relay in relays if relay not in mapped]
        if not others:
            return
        act_on = self._acts.discard_all if wish.act == "discard" else self._acts.retry_all
        for answer in await act_on(others, by=wish.by, replay=replay):
            if answer == "ok":
                tally.done += 1
            else:
                tally.skipped[answer] += 1

    async def _map_again(self, wish: Wish, relay: Relay, replay: str, tally: _Tally) -> None:
        detail = await self._queries.detail(relay.id)
        done = await self._operations.map_again(detail, by=wish.by, replay=replay) if detail else None
        if isinstance(done, Done) and done.status != Status.DEAD:
            tally.done += 1
        else:
            tally.refused += 1

    # Judging -----------------------------------------------------------------------------------------

    async def _foresee(self, wish: Wish, relay: Relay, tally: _Tally) -> None:
        reason = await self._reason_to_skip(wish, relay)
        if reason:
            tally.skipped[reason] += 1
        else:
            tally.done += 1
            tally.of[relay.destination] += 1

    async def _reason_to_skip(self, wish: Wish, relay: Relay) -> str | None:
        """Only dead letters are acted on, unless the filter names another status."""
        if relay.status not in (Status.DEAD, wish.wanted.status) or relay.status is Status.DELIVERED:
            return str(relay.status)
        if wish.act == "discard":
            return None
        if is_old(relay) and not wish.stale:
            return _OLD_WORDS
        detail = await self._queries.detail(relay.id)
        if detail is None:
            return "unknown"
        if _stage(wish, relay) == "normalise":
            return "edited by a person" if detail.original else None
        if not (detail.reading or {}).get("events"):
            return "nothing was read out of it"
        return "overtaken" if await self._operations.overtaken(detail) else None

    async def _old(self, wanted: Filter, act: Act) -> int | None:
        if act == "discard":
            return None
        before = times.now_ms() - times.in_ms(OLD)
        until = before if wanted.until_ms is None else min(before, wanted.until_ms)
        return await self._queries.count(replace(wanted, until_ms=until))

    def _seconds(self, tally: _Tally, match: int | None, looked: int) -> int | None:
        """At the budgets, if all that fit are like those looked at. None where there is no budget."""
        rates = {name: _a_minute(limits) for name, limits in self._limits.items()}
        if match is None or not looked or not all(rates.get(name) for name in tally.of):
            return None
        slowest = max((count * _MINUTE / rates[name] for name, count in tally.of.items()), default=0.0)
        return round(slowest * match / looked)


def _stage(wish: Wish, relay: Relay) -> str:
    return wish.stage or stage_of(relay)


def _a_minute(limits: Limits) -> int:
    """Calls, 0 for no limit."""
    rates = [rate for rate in (limits.minute, limits.second * _MINUTE) if rate]
    return min(rates, default=0)


async def _rest(stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_EVERY):
            await stopping.wait()
    except TimeoutError:
        return


def _changed(replay: str, to: str, answer: str) -> Done | Refused:
    if answer == "ok":
        return Done(to)
    if answer == "unknown":
        return Refused(f"there is no replay {replay}", missing=True)
    return Refused(f"it is {answer}; that cannot be done with it now")

"""How things stand, in numbers. Never raises JournalAway: what is not known while Redis is away is None."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

from relay.errors import JournalAway, SpoolFull
from relay.journal.numbers import Hour, Numbers, Traffic
from relay.journal.queries import Queries
from relay.journal.records import Limits, Stats, Status
from relay.journal.turn import Turns
from relay.ops.alerts.book import load
from relay.ops.figures import (
    DestinationView,
    HourView,
    PauseView,
    RedisView,
    SourceNumbers,
    SourceView,
    StatsView,
    StoreView,
    TrafficView,
    Used,
    WorkerView,
)
from relay.ops.models import moment
from relay.receive.spool import Spool

Answer = TypeVar("Answer")
_HOURS: Final = 24
_ALIVE_MS: Final = 20_000
"""A worker that was not heard of for longer is not counted as alive."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the configuration says of a source."""

    name: str
    adapter: str
    destination: str
    deliver: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class DestinationFacts:
    """What the configuration says of a destination."""

    name: str
    url: str
    limits: Limits


class Overview:
    """`host` names this data folder among those that say how much waits in their spools."""

    def __init__(
        self,
        queries: Queries,
        numbers: Numbers,
        spool: Spool,
        turns: Turns,
        *,
        host: str,
        sources: Sequence[SourceFacts],
        destinations: Sequence[DestinationFacts],
    ) -> None:
        self._queries = queries
        self._numbers = numbers
        self._spool = spool
        self._turns = turns
        self._host = host
        self._sources = tuple(sources)
        self._destinations = tuple(destinations)

    async def stats(self) -> StatsView:
        """The sum of promise 3. What waits in spools counts as received and queued; while Redis is away
        only this host's is known, and where its disk is broken not even that.
        """
        spooled = await self._spooled()
        try:
            elsewhere = await self._numbers.spooled(self._host)
            stats, hours = await self._queries.stats(), await self._numbers.hours(_HOURS)
            held = await self._held()
        except JournalAway:
            return _unknown(spooled)
        waiting = None if spooled is None else spooled + elsewhere
        counts: dict[Status, int | None] = {status: stats.counts[status] for status in Status}
        counts[Status.QUEUED] = _plus(stats.counts[Status.QUEUED], waiting)
        return StatsView(
            received=_plus(stats.received, waiting),
            counts=counts,
            balanced=stats.balanced,
            duplicates=stats.duplicates,
            overtaken=stats.overtaken,
            spool=waiting,
            oldest_due=moment(stats.oldest_due_ms),
            sources=_by_source(stats, hours, held),
            hours=[_hour(hour) for hour in hours],
        )

    async def _spooled(self) -> int | None:
        try:
            return await self._spool.count()
        except SpoolFull:
            return None

    async def sources(self) -> list[SourceView]:
        known, silent = await _or_none(self._by_source()), await _or_none(self._silent())
        return [await self._source(facts, known, silent or {}) for facts in self._sources]

    async def _silent(self) -> dict[str, int]:
        """Since when sources are silent against their habit, as the watch has it."""
        entries = load(await self._turns.book()).entries.values()
        quiet = [e.incident for e in entries if e.incident.kind == "quiet" and e.ended_ms is None]
        return {incident.subject["source"]: incident.since_ms for incident in quiet}

    async def _by_source(self) -> dict[str, SourceNumbers]:
        stats, hours = await self._queries.stats(), await self._numbers.hours(_HOURS)
        return _by_source(stats, hours, await self._held())

    async def _held(self) -> frozenset[str]:
        """Sources all of whose relays wait for a destination that is paused."""
        paused = {name for name, endpoint in await self._queries.pauses() if endpoint == "all"}
        return frozenset(facts.name for facts in self._sources if facts.destination in paused)

    async def _source(
        self, facts: SourceFacts, known: Mapping[str, SourceNumbers] | None, silent: Mapping[str, int]
    ) -> SourceView:
        first, last = await _or_none(self._queries.source_times(facts.name)) or (None, None)
        return SourceView(
            **asdict(facts),
            path=f"/in/{facts.name}/",
            first=moment(first),
            last=moment(last),
            silent_since=moment(silent.get(facts.name)),
            numbers=None if known is None else known.get(facts.name, _NOTHING),
        )

    async def destinations(self) -> list[DestinationView]:
        pauses = await _or_none(self._queries.pauses())
        limits = {facts.name: facts.limits for facts in self._destinations}
        traffic = await _or_none(self._numbers.traffic(limits, pauses or {}))
        return [
            DestinationView(
                name=facts.name,
                url=facts.url,
                shares_budget_with=self._sharing(facts),
                pauses=None
                if pauses is None
                else [PauseView.of(pause) for (name, _), pause in pauses.items() if name == facts.name],
                traffic=None if traffic is None else _traffic(traffic[facts.name], facts.limits),
            )
            for facts in self._destinations
        ]

    def _sharing(self, facts: DestinationFacts) -> list[str]:
        same = [other for other in self._destinations if other.limits.key == facts.limits.key]
        return [other.name for other in same if other.name != facts.name]

    async def workers(self) -> list[WorkerView] | None:
        """Those alive; None while that is not known."""
        beats = await _or_none(self._numbers.workers(_ALIVE_MS))
        if beats is None:
            return None
        return [
            WorkerView(name=b.name, since=moment(b.since_ms) or "", seen=moment(b.seen_ms) or "")
            for b in beats
        ]

    async def store(self) -> StoreView:
        memory = await _or_none(self._numbers.memory())
        return StoreView(
            redis=None if memory is None else RedisView(**asdict(memory)), spool=await self._spooled()
        )


async def _or_none(asked: Awaitable[Answer]) -> Answer | None:
    try:
        return await asked
    except JournalAway:
        return None


def _plus(count: int, more: int | None) -> int | None:
    return None if more is None else count + more


def _unknown(spooled: int | None) -> StatsView:
    return StatsView(
        received=None,
        counts=dict.fromkeys(Status),
        balanced=None,
        duplicates=None,
        overtaken=None,
        spool=spooled,
        oldest_due=None,
        sources=None,
        hours=None,
    )


_NOTHING: Final = SourceNumbers(
    received=0, copies=0, overtaken=0, hours=[0] * _HOURS, **{str(s): 0 for s in Status}
)


def _by_source(stats: Stats, hours: Sequence[Hour], held: frozenset[str]) -> dict[str, SourceNumbers]:
    return {
        name: SourceNumbers(
            **(_waiting(numbers) if name in held else numbers),
            hours=[hour.received.get(name, 0) for hour in hours],
        )
        for name, numbers in stats.sources.items()
    }


def _waiting(numbers: Mapping[str, int]) -> dict[str, int]:
    """What is under way counts as held."""
    under_way = numbers["queued"] + numbers["retrying"]
    return {**numbers, "queued": 0, "retrying": 0, "held": numbers["held"] + under_way}


def _hour(hour: Hour) -> HourView:
    return HourView(
        at=moment(hour.at_ms) or "",
        received=sum(hour.received.values()),
        delivered=sum(hour.delivered.values()),
        dead=sum(hour.dead.values()),
    )


def _traffic(now: Traffic, limits: Limits) -> TrafficView:
    return TrafficView(
        minute=Used(used=now.minute_used, limit=limits.minute),
        second=Used(used=now.second_used, limit=limits.second),
        due=now.due,
        sending=now.sending,
        queued=now.queued,
        retrying=now.retrying,
        held=now.held,
        waiting=now.waiting,
        slow_until=moment(now.slow_until_ms),
        last_accepted=moment(now.accepted_ms),
        last_probe=moment(now.probed_ms),
        failing_since=moment(now.failing_ms),
        failures=now.failures,
    )

"""What the journal says about how well things go: what the watch looks at, and Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from relay.journal import ids
from relay.journal.answers import away
from relay.journal.issues import Issue
from relay.journal.journal import Journal
from relay.journal.keys import ENDPOINTS
from relay.journal.numbers import Memory, Numbers
from relay.journal.queries import Queries
from relay.journal.records import Pause, Stats, Status

_ASKED: Final = 2 + len(ENDPOINTS)
"""Answers for each destination."""

_HOUR_MS: Final = 3_600_000
_AT_ONCE: Final = 84
"""Hours in one round trip: some 5 ms of this process, so that no postback waits for longer."""
_ISSUES: Final = 500
"""Those seen last; who has more has one trouble, not five hundred."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How a destination does. `due_ms`: what has been due longest, without what is paused or backfill.

    `failing_ms`: since when tries have failed with nothing accepted between, `failures` times. `draining`:
    a worker is at it.
    """

    due_ms: int | None = None
    failing_ms: int | None = None
    failures: int = 0
    draining: bool = False
    waiting: Mapping[str, int] = field(default_factory=dict)

    @property
    def waits(self) -> int:
        return sum(self.waiting.values())


@dataclass(frozen=True, slots=True)
class Vitals:
    """`last` is when each source's last postback came."""

    stats: Stats
    issues: Sequence[Issue]
    pauses: Mapping[tuple[str, str], Pause]
    flows: Mapping[str, Flow]
    last: Mapping[str, int]
    memory: Memory


class Signs:
    """Reads only; raises JournalAway where Redis cannot answer."""

    def __init__(
        self, journal: Journal, queries: Queries, sources: Sequence[str], destinations: Sequence[str]
    ) -> None:
        self._redis = journal.redis
        self._keys = journal.keys
        self._queries = queries
        self._numbers = Numbers(journal)
        self._sources = tuple(sources)
        self._destinations = tuple(destinations)

    async def read(self) -> Vitals:
        stats, pauses = await self._queries.stats(), await self._queries.pauses()
        issues = await self._queries.issues.page(limit=_ISSUES)
        return Vitals(
            stats=stats,
            issues=issues.issues,
            pauses=pauses,
            flows=await self._flows(pauses),
            last=await self._last(),
            memory=await self._numbers.memory(),
        )

    async def _flows(self, pauses: Mapping[tuple[str, str], Pause]) -> dict[str, Flow]:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._keys.active)
            for name in self._destinations:
                pipe.hmget(self._keys.destination(name), ["failing", "failures"])
                pipe.get(self._keys.drain(name))
                for endpoint in ENDPOINTS:
                    pipe.zrange(self._keys.ready(name, endpoint), 0, 0, withscores=True)
            with away():
                active, *rest = await pipe.execute()
        found = {}
        for place, name in enumerate(self._destinations):
            trouble, drain, *heads = rest[place * _ASKED :][:_ASKED]
            due = [
                int(head[0][1])
                for endpoint, head in zip(ENDPOINTS, heads, strict=True)
                if head and not ((name, "all") in pauses or (name, endpoint) in pauses)
            ]
            since, failures = trouble
            found[name] = Flow(
                due_ms=min(due, default=None),
                failing_ms=int(since) if since else None,
                failures=int(failures or 0),
                draining=drain not in (None, b"woken"),
                waiting=_waiting(active, name),
            )
        return found

    async def _last(self) -> dict[str, int]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in self._sources:
                pipe.hget(self._keys.source(name), "last")
            with away():
                answers = await pipe.execute()
        return {name: int(last) for name, last in zip(self._sources, answers, strict=True) if last}

    async def by_the_hour(self, source: str, first_hour: int, hours: int) -> list[int]:
        """How many postbacks `source` sent in each hour since 1970 from `first_hour` on, copies left out.

        Told by the ids, so it costs the same however many they are, and needs no counters of its own.
        """
        with away():
            keys = [self._keys.index(source, status) for status in Status]
            keys = [key for key in keys if await self._redis.exists(key)]
            counts: list[int] = []
            for start in range(0, hours, _AT_ONCE):
                some = range(first_hour + start, first_hour + min(start + _AT_ONCE, hours))
                async with self._redis.pipeline(transaction=False) as pipe:
                    for hour in some:
                        low, high = ids.floor(hour * _HOUR_MS), ids.floor((hour + 1) * _HOUR_MS)
                        for key in keys:
                            pipe.zlexcount(key, f"[{low}", f"({high}")  # type: ignore[no-untyped-call]
                    answers: list[int] = await pipe.execute()
                counts += [sum(answers[n * len(keys) : (n + 1) * len(keys)]) for n in range(len(some))]
        return counts


def _waiting(active: Mapping[bytes, bytes], destination: str) -> dict[str, int]:
    """By endpoint, what is queued or retrying for `destination`."""
    found: dict[str, int] = {}
    for key, number in active.items():
        name, endpoint, _ = key.decode().rsplit(":", 2)
        if name == destination:
            found[endpoint] = found.get(endpoint, 0) + int(number)
    return found

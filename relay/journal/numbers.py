"""Numbers for people: hours, destinations, workers, the store itself. Reads only; raises JournalAway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from relay.errors import JournalAway
from relay.journal.answers import ask, text
from relay.journal.journal import Journal
from relay.journal.keys import ENDPOINTS
from relay.journal.records import Limits

HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_500
SECOND_MS: Final = 1_050
"""The budget's windows, with their guard."""

_COUNTED: Final = ("received", "delivered", "dead")


@dataclass(frozen=True, slots=True)
class Hour:
    """What one hour brought, by source; a source that is not among them had nothing."""

    at_ms: int
    received: Mapping[str, int]
    delivered: Mapping[str, int]
    dead: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Traffic:
    """One destination now. `due`: lanes whose head may go, `sending` those under lease.

    `queued`, `retrying` and `held` (by a pause) count relays; `waiting` those outside their lanes.
    `failing_ms`: since when tries have failed, `failures` of them, with nothing accepted between. Moments
    are ms.
    """

    minute_used: int
    second_used: int
    due: int
    sending: int
    waiting: int
    queued: int
    retrying: int
    held: int
    slow_until_ms: int | None
    accepted_ms: int | None
    probed_ms: int | None
    failing_ms: int | None
    failures: int


@dataclass(frozen=True, slots=True)
class Beat:
    """A worker, `name` by host and process; `seen_ms` when it last said that it is alive."""

    name: str
    since_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Redis itself. `limit` 0 is none, `fsync` None where it does not tell; `writes`: the last went well."""

    version: str
    used: int
    limit: int
    policy: str
    appends: bool
    fsync: str | None
    writes: bool


class Numbers:
    def __init__(self, journal: Journal) -> None:
        self._redis: Redis = journal.redis
        self._keys = journal.keys

    async def now_ms(self) -> int:
        """Redis's clock."""
        seconds, micros = await ask(self._redis.time())
        return int(seconds * 1000 + micros // 1000)

    async def hours(self, count: int) -> list[Hour]:
        """The last `count`, the present one included, oldest first."""
        last = await self.now_ms() // HOUR_MS
        numbers = range(last - count + 1, last + 1)
        async with self._redis.pipeline(transaction=False) as pipe:
            for hour in numbers:
                pipe.hgetall(self._keys.hour(hour))
            answers = await ask(pipe.execute())
        return [_hour(n * HOUR_MS, text(fields)) for n, fields in zip(numbers, answers, strict=True)]

    async def traffic(
        self, limits: Mapping[str, Limits], paused: Collection[tuple[str, str]]
    ) -> dict[str, Traffic]:
        """Of each destination in `limits`; `paused` are pairs of destination and endpoint."""
        now = await self.now_ms()
        active = text(await ask(self._redis.hgetall(self._keys.active)))
        return {
            name: await self._traffic(name, limit, now, _active(active, name, paused))
            for name, limit in limits.items()
        }

    async def _traffic(self, name: str, limits: Limits, now: int, active: Mapping[str, int]) -> Traffic:
        keys = self._keys
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.destination(name))
            pipe.zcount(keys.budget(limits.key), f"({now - MINUTE_MS}", "+inf")
            pipe.zcount(keys.budget(limits.key), f"({now - SECOND_MS}", "+inf")
            pipe.zcard(keys.leased(name))
            pipe.zcard(keys.held(name))
            for endpoint in ENDPOINTS:
                for backfill in (False, True):
                    pipe.zcount(keys.ready(name, endpoint, backfill=backfill), "-inf", now)
            raw, minute, second, sending, waiting, *due = await ask(pipe.execute())
        fields = text(raw)
        slow = int(float(fields.get("not_before", 0)))
        return Traffic(
            minute_used=minute,
            second_used=second,
            due=sum(due),
            sending=sending,
            waiting=waiting,
            queued=active["queued"],
            retrying=active["retrying"],
            held=active["held"],
            slow_until_ms=slow if slow > now else None,
            accepted_ms=int(fields["accepted"]) if "accepted" in fields else None,
            probed_ms=int(fields["probed"]) if "probed" in fields else None,
            failing_ms=int(fields["failing"]) if "failing" in fields else None,
            failures=int(fields.get("failures", 0)),
        )

    async def stranded(self, destinations: Collection[str]) -> dict[str, int]:
        """Relays queued or retrying, by destination, of those that are none of `destinations`."""
        counts: Counter[str] = Counter()
        for key, count in text(await ask(self._redis.hgetall(self._keys.active))).items():
            destination = key.rsplit(":", 2)[0]
            if destination not in destinations:
                counts[destination] += int(count)
        return {destination: count for destination, count in counts.items() if count}

    async def workers(self, within_ms: int) -> list[Beat]:
        """Those seen within that time."""
        since = await self.now_ms() - within_ms
        found: Sequence[tuple[bytes, float]] = await ask(
            self._redis.zrangebyscore(self._keys.workers, since, "+inf", withscores=True)
        )
        return sorted((_beat(member.decode(), int(seen)) for member, seen in found), key=lambda b: b.name)

    async def spooled(self, besides: str) -> int:
        """What waits in the spools of other hosts than `besides`, as they said last."""
        said = text(await ask(self._redis.hgetall(self._keys.spools)))
        return sum(int(count) for host, count in said.items() if host != besides)

    async def memory(self) -> Memory:
        info: dict[str, Any] = await ask(self._redis.info())
        return Memory(
            version=str(info.get("redis_version", "")),
            used=int(info["used_memory"]),
            limit=int(info.get("maxmemory", 0)),
            policy=str(info.get("maxmemory_policy", "")),
            appends=bool(info.get("aof_enabled")),
            fsync=await self._fsync(),
            writes=info.get("aof_last_write_status", "ok") == "ok",
        )

    async def _fsync(self) -> str | None:
        try:
            said = await cast("Awaitable[dict[str, str]]", self._redis.config_get("appendfsync"))
        except ResponseError:  # a hosted Redis may keep its settings to itself
            return None
        except (RedisError, OSError) as error:
            raise JournalAway(f"Redis: {error}") from error
        return said.get("appendfsync")


def _hour(at_ms: int, fields: Mapping[str, str]) -> Hour:
    counts: dict[str, dict[str, int]] = {word: {} for word in _COUNTED}
    for key, value in fields.items():
        source, _, word = key.rpartition(":")
        if word in counts:
            counts[word][source] = int(value)
    return Hour(at_ms, **counts)


def _active(
    active: Mapping[str, str], destination: str, paused: Collection[tuple[str, str]]
) -> dict[str, int]:
    """Relays under way by status; those of a paused endpoint are held."""
    counts = {"queued": 0, "retrying": 0, "held": 0}
    for endpoint in ENDPOINTS:
        stands = (destination, "all") in paused or (destination, endpoint) in paused
        for status in ("queued", "retrying"):
            count = int(active.get(f"{destination}:{endpoint}:{status}", 0))
            counts["held" if stands else status] += count
    return counts


def _beat(member: str, seen_ms: int) -> Beat:
    name, _, since = member.rpartition(" ")
    return Beat(name, int(since), seen_ms)

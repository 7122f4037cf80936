"""What a run leaves behind: the journal, the spool, the logs; and whatever of it should not be there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import Redis

from relay import wiring
from relay.children import Child
from relay.deliver.queue import QUEUE
from relay.journal.journal import Journal
from relay.journal.keys import PREFIX
from relay.journal.queries import Queries
from relay.journal.records import Stats, Status
from relay.receive.spool import Spool
from tests.faults.plant import KEY, Plant
from tests.faults.traffic import SOURCE, TOKEN

_PRIVATE: Final = (b"@example.com", b"Dana", b"Springfield", b"34ABC1", KEY.encode(), TOKEN.encode())
_UNDER_WAY: Final = ("lane:", "ready:", "leased:", "leaseholder:", "held:")
"""Keys that are gone when nothing is under way."""

_MOST_JOBS: Final = 20
"""Of those some lead to nothing; each runs once and is gone."""

_MOST_MEMORY: Final = 200
"""MiB of one process; it starts with about 75."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the journal knows under an acknowledged id: `relay` is the first's where that was a copy."""

    relay: str
    status: str
    reason: str


async def settled(plant: Plant, received: int, within: float, *, each: float = 0) -> Stats:
    """The sum once `received` postbacks came and none is under way, or after `within` seconds, and `each` for
    every one that was under way at first.
    """
    ends = None
    async with _queries(plant) as queries:
        while True:
            stats = await queries.stats()
            waiting = sum(stats.counts[word] for word in ("queued", "retrying", "held"))
            ends = ends or time.monotonic() + within + each * (waiting + received - stats.received)
            if (stats.received >= received and not waiting) or time.monotonic() > ends:
                return stats
            await asyncio.sleep(0.2)


async def found(plant: Plant, ids: Iterable[str]) -> dict[str, Found]:
    """By each acknowledged id; what the journal does not know is not in it."""
    known = {}
    async with _queries(plant) as queries:
        for acknowledged in ids:
            detail = await queries.detail(acknowledged)
            if detail is not None:
                relay = detail.relay
                known[acknowledged] = Found(relay.id, str(relay.status), relay.reason)
    return known


async def oddities(plant: Plant, stats: Stats) -> list[str]:
    """In words, whatever is not as it should be when all is over."""
    odd = [
        *_in_logs(plant.folder / "log", torn=any(o.what == "disk" for o in plant.outages.list)),
        *_too_large([*plant.webs, *plant.workers]),
        *await _in_spool(plant.folder),
    ]
    if plant.unwilling:
        odd.append(f"{plant.unwilling} processes did not end by themselves when asked to")
    async with _client(plant) as redis:
        odd += [line async for line in _in_journal(redis, stats)]
    return odd


def _in_logs(log: Path, *, torn: bool) -> Iterator[str]:
    """`torn`: a line may be cut, since the disk was full."""
    for line in log.read_bytes().splitlines():
        if any(word in line for word in _PRIVATE):
            yield "a log line holds a person's data or a secret"
        if not torn and not _is_event(line):
            yield f"a log line is no event: {line[:200].decode(errors='replace')}"


def _is_event(line: bytes) -> bool:
    try:
        return "event" in json.loads(line)
    except (ValueError, TypeError):
        return False


def _too_large(children: Iterable[Child]) -> Iterator[str]:
    for child in children:
        largest = _largest(child.pid)
        if largest > _MOST_MEMORY:
            yield f"a process of `relay {child.name}` took {largest} MiB"


def _largest(pid: int) -> int:
    """MiB a living process ever took; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))


async def _in_spool(folder: Path) -> list[str]:
    spool = Spool(folder)
    try:
        waiting, marked = await spool.count(), spool.pending
    finally:
        await spool.close()
    return [f"the spool holds {waiting} postbacks, and its marker stands"] if marked else []


async def _in_journal(redis: Redis, stats: Stats) -> AsyncIterator[str]:
    """Totals are counted by scripts as they go; the relays themselves and the indexes must say the same."""
    statuses: dict[str, int] = dict.fromkeys(Status, 0)
    async for key in redis.scan_iter(f"{PREFIX}*", count=1000):
        name = key.decode().removeprefix(PREFIX)
        if name.startswith(_UNDER_WAY):
            yield f"{name} is left over"
        if name.startswith("r:"):
            status = await cast("Any", redis.hget(key, "status"))
            statuses[status.decode() if status else "(none)"] += 1
    for status, counted in statuses.items():
        indexed = await redis.zcard(f"{PREFIX}i:{SOURCE}:{status}")
        if not counted == indexed == stats.counts[status]:
            totals = stats.counts[status]
            yield f"{counted} relays are {status}, {indexed} in the index, {totals} in the totals"
    jobs = await redis.zcard(QUEUE)
    if jobs > _MOST_JOBS:
        yield f"{jobs} jobs are left in the queue"
    active = await cast("Any", redis.hgetall(f"{PREFIX}active"))
    if any(int(count) for count in active.values()):
        yield f"{ {key.decode(): int(count) for key, count in active.items()} } are counted as active"


@asynccontextmanager
async def journal_of(plant: Plant) -> AsyncIterator[Journal]:
    client = wiring.redis(plant.env)
    try:
        yield wiring.journal(client, plant.config)
    finally:
        await client.aclose(close_connection_pool=True)


@asynccontextmanager
async def _queries(plant: Plant) -> AsyncIterator[Queries]:
    async with journal_of(plant) as journal:
        yield Queries(journal, [SOURCE], ["main"])


@asynccontextmanager
async def _client(plant: Plant) -> AsyncIterator[Redis]:
    client = Redis.from_url(plant.store.server.url)
    try:
        yield client
    finally:
        await client.aclose()


async def said_stats(plant: Plant) -> Mapping[str, Any]:
    """What `relay stats` prints."""
    answer: dict[str, Any] = json.loads(await plant.said("stats"))
    return answer

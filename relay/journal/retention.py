"""How long bodies and records are kept. Dropping one never lowers a count."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from relay.journal.activity import Activity
from relay.journal.answers import ask, text
from relay.journal.eraser import Eraser
from relay.journal.journal import Journal
from relay.journal.records import Status
from relay.normalise import times

_STEP: Final = 200
"""Relays in one script, so that no other client waits."""

_LONGEST: Final = timedelta(seconds=60)
"""Of one run; the next goes on. In an hour it drops what some hundred a second brought."""


@dataclass(frozen=True, slots=True)
class Retention:
    """`settled`: bodies of what was delivered, ignored or discarded; `dead`: dead letters; `records`: all."""

    settled: timedelta = timedelta(days=30)
    dead: timedelta = timedelta(days=180)
    records: timedelta = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class _Task:
    verb: str
    source: str
    status: Status
    age: timedelta


async def retain(journal: Journal, keep: Retention) -> int:
    """Drops what has been kept long enough; gives how many relays it dropped."""
    eraser, dropped = Eraser(journal), 0
    ends = time.monotonic() + _LONGEST.total_seconds()
    tasks = [task for source in await _sources(journal) for task in _tasks(source, keep)]
    while tasks and time.monotonic() < ends:
        more = []
        for task in tasks:
            began = time.monotonic()
            step = await _step(eraser, task)
            dropped += step
            if step == _STEP:
                more.append(task)
                await asyncio.sleep(time.monotonic() - began)  # half of Redis's time is the rest's
        tasks = more
    await Activity(journal).drop_older(keep.records)
    return dropped


async def _sources(journal: Journal) -> list[str]:
    """All that ever sent something, in the settings or not any more."""
    totals = text(await ask(journal.redis.hgetall(journal.keys.totals)))
    return sorted({key.rpartition(":")[0] for key in totals})


def _tasks(source: str, keep: Retention) -> Iterator[_Task]:
    for status in (Status.DELIVERED, Status.IGNORED, Status.DISCARDED):
        yield _Task("retain", source, status, keep.settled)
        yield _Task("retain_late", source, status, keep.settled)
        yield _Task("drop_records", source, status, keep.records)
    yield _Task("retain", source, Status.DEAD, keep.dead)


async def _step(eraser: Eraser, task: _Task) -> int:
    before_ms = times.now_ms() - times.in_ms(task.age)
    reason = f"discarded by retention after {task.age.days} days"
    return await eraser.drop_old(task.verb, task.source, task.status, before_ms, step=_STEP, reason=reason)

"""How long bodies and records are kept. Dropping one never lowers a count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from relay.journal import ids
from relay.journal.activity import Activity
from relay.journal.journal import Journal
from relay.journal.records import Status
from relay.normalise import times

_STEP: Final = 200
"""Relays in one script, so that no other client waits."""

_STEPS: Final = 20
"""Scripts in one run; the next run goes on."""


@dataclass(frozen=True, slots=True)
class Retention:
    """`settled`: bodies of what was delivered, ignored or discarded; `dead`: dead letters; `records`: all."""

    settled: timedelta = timedelta(days=30)
    dead: timedelta = timedelta(days=180)
    records: timedelta = timedelta(days=400)


async def retain(journal: Journal, sources: Sequence[str], keep: Retention) -> int:
    """Drops what has been kept long enough, a bounded part at a time; gives how many relays it dropped."""
    dropped = 0
    for source in sources:
        for status in (Status.DELIVERED, Status.IGNORED, Status.DISCARDED):
            dropped += await _steps(journal, "retain", source, status, keep.settled)
            dropped += await _steps(journal, "drop_records", source, status, keep.records)
        dropped += await _steps(journal, "retain", source, Status.DEAD, keep.dead)
    await Activity(journal).drop_older(keep.records)
    return dropped


async def _steps(journal: Journal, verb: str, source: str, status: Status, age: timedelta) -> int:
    before = ids.floor(times.now_ms() - times.in_ms(age))
    dropped = 0
    for _ in range(_STEPS):
        reason = f"discarded by retention after {age.days} days"
        step = await journal.drop_old(verb, source, status, before, step=_STEP, reason=reason)
        dropped += step
        if step < _STEP:
            break
    return dropped

"""What sending comes to, counted by each worker and added up in the journal, for any web process to show.

So workers need no port of their own, and the numbers outlive them. A worker that is killed takes the counts
of its last seconds along; the totals of relays are the journal's own and lose nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from relay.journal.answers import ask, away, text
from relay.journal.journal import Journal

Measure = Literal["delivery", "answer"]

BOUNDS: Final[Mapping[Measure, tuple[float, ...]]] = {
    "delivery": (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 14_400, 86_400),
    "answer": (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
}
"""Seconds: from receipt to acceptance, and what the destination takes for one answer."""

_SUM: Final = "ms"


class Meter:
    """One worker's counts since it last told them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def attempt(self, destination: str, outcome: str, code: int | None) -> None:
        kind = f"{code // 100}xx" if code else "none"
        self._counts[f"attempts:{destination}:{outcome}:{kind}"] += 1

    def time(self, measure: Measure, destination: str, took: timedelta) -> None:
        seconds = took.total_seconds()
        place = bisect_left(BOUNDS[measure], seconds)
        self._counts[f"{measure}:{destination}:{place}"] += 1
        self._counts[f"{measure}:{destination}:{_SUM}"] += round(seconds * 1000)

    async def tell(self, journal: Journal) -> None:
        """Adds the counts to the journal's. Raises JournalAway, and keeps them for the next time."""
        counts, self._counts = self._counts, Counter()
        try:
            with away():
                async with journal.redis.pipeline(transaction=True) as pipe:
                    for name, count in counts.items():
                        pipe.hincrby(journal.keys.meter, name, count)
                    await pipe.execute()
        except BaseException:
            self._counts += counts
            raise


@dataclass(frozen=True, slots=True)
class Timing:
    """How many took up to each of `BOUNDS` and no less than the one before; the last took longer."""

    counts: Sequence[int]
    seconds: float


@dataclass(frozen=True, slots=True)
class Metered:
    """All workers' counts: attempts by destination, outcome and class of code; timings by destination."""

    attempts: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    timings: Mapping[tuple[Measure, str], Timing] = field(default_factory=dict)


async def metered(journal: Journal) -> Metered:
    """Raises JournalAway."""
    fields = text(await ask(journal.redis.hgetall(journal.keys.meter)))
    attempts = {}
    destinations = set()
    for name, count in fields.items():
        kind, destination, *rest = name.split(":")
        destinations.add(destination)
        if kind == "attempts":
            attempts[destination, rest[0], rest[1]] = int(count)
    timings = {(m, d): _timing(fields, m, d) for m in BOUNDS for d in destinations}
    return Metered(attempts, timings)


def _timing(fields: Mapping[str, str], measure: Measure, destination: str) -> Timing:
    places = range(len(BOUNDS[measure]) + 1)
    counts = [int(fields.get(f"{measure}:{destination}:{place}", 0)) for place in places]
    return Timing(counts, int(fields.get(f"{measure}:{destination}:{_SUM}", 0)) / 1000)

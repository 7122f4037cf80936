"""A source's habit, and when it is silent against it. Pure; times are ms, hours are counted from 1970 in UTC.

Two things are learned from what came in the five weeks before the silence. What is usual at this hour of
the week tells soon that a busy source is silent, and knows its nights and weekends; the longest usual gap
tells it of one that sends too seldom for that.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

HOUR_MS: Final = 3_600_000
WEEK: Final = 168
"""Hours."""

LEARNED_FROM: Final = 5 * WEEK
"""Hours before the last postback."""

_LEAST_HISTORY: Final = WEEK
_LEAST_POSTBACKS: Final = 20
_MISSED: Final = 10
"""Postbacks that habit promised: of as many, chance alone leaves none out once in 20,000 silences."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Silence is told past `factor` times the longest usual gap, never before `least`, always by `most`."""

    factor: float = 2.0
    least: timedelta = timedelta(hours=1)
    most: timedelta = timedelta(days=7)


Wish = Literal["habit", "never"] | timedelta
"""What a source's setting says: go by habit, say nothing, or say it after that long."""


@dataclass(frozen=True, slots=True)
class Habit:
    """`usual`: postbacks in each hour of the week, low rather than high. `gap`: the longest usual one, in
    hours; `busy_gap` counts only hours in which something is usual.
    """

    usual: tuple[int, ...]
    gap: int
    busy_gap: int


def learn(counts: Sequence[int], first_hour: int) -> Habit | None:
    """From postbacks by the hour, `counts[0]` being those of `first_hour`. None: too little for a habit."""
    if len(counts) < _LEAST_HISTORY or sum(counts) < _LEAST_POSTBACKS:
        return None
    usual = _usual(counts, first_hour)
    busy = [count for hour, count in enumerate(counts, first_hour) if usual[hour % WEEK]]
    return Habit(usual, _usual_gap(counts), _usual_gap(busy))


def _usual(counts: Sequence[int], first_hour: int) -> tuple[int, ...]:
    """The middle of the weeks, and the least of three hours side by side.

    One campaign is no habit, and clocks that change move a day by an hour.
    """
    if len(counts) < 2 * WEEK:
        return (0,) * WEEK
    weeks: list[list[int]] = [[] for _ in range(WEEK)]
    for hour, count in enumerate(counts, first_hour):
        weeks[hour % WEEK].append(count)
    middle = [statistics.median_low(week) for week in weeks]
    return tuple(min(middle[hour - 1], middle[hour], middle[(hour + 1) % WEEK]) for hour in range(WEEK))


def _usual_gap(counts: Sequence[int]) -> int:
    """The second longest: one outage is no habit."""
    came = [hour for hour, count in enumerate(counts) if count]
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(came))
    return gaps[-2] if len(gaps) > 1 else 0


def is_silent(habit: Habit | None, last_ms: int, now_ms: int, quiet: Quiet, wish: Wish = "habit") -> bool:
    """Whether nothing since `last_ms` is against the habit, or longer than the source's own setting."""
    silence = timedelta(milliseconds=now_ms - last_ms)
    if isinstance(wish, timedelta):
        return silence > wish
    if wish == "never" or habit is None or silence < quiet.least:
        return False
    if silence > min(quiet.factor * timedelta(hours=habit.gap), quiet.most):
        return True
    promised, busy = missed(habit, last_ms, now_ms)
    return promised >= _MISSED and busy > habit.busy_gap


def missed(habit: Habit, last_ms: int, now_ms: int) -> tuple[int, float]:
    """How many postbacks the habit would have brought since, in how many hours in which some are usual."""
    promised = busy = 0.0
    hour = last_ms // HOUR_MS + 1
    while hour * HOUR_MS < now_ms and busy < LEARNED_FROM:
        part = min(1.0, now_ms / HOUR_MS - hour)
        promised += part * habit.usual[hour % WEEK]
        busy += part * (habit.usual[hour % WEEK] > 0)
        hour += 1
    return int(promised), busy

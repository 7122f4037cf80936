"""When a source is silent against its habit, for shops of several kinds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from markupsafe import Markup

from relay.ops.alerts.habit import HOUR_MS, LEARNED_FROM, WEEK, Habit, Quiet, is_silent, learn
from relay.ops.pages.telling import Now, told
from tests.support import House

FIRST = 3000 * WEEK
"""A first hour of a week."""

QUIET = Quiet()


def by_hour(count: Callable[[int], int], hours: int = LEARNED_FROM) -> list[int]:
    return [count(hour % WEEK) for hour in range(hours)]


def office(hour: int) -> int:
    """Monday to Friday, 8 to 18."""
    return 12 if hour < 5 * 24 and 8 <= hour % 24 < 18 else 0


def silent_after(habit: Habit | None, last: int, quiet: Quiet = QUIET) -> float:
    """Hours from the end of hour `last` until the silence is told; two weeks for never."""
    last_ms = (FIRST + last + 1) * HOUR_MS - 1
    steps = (
        step for step in range(14 * 24 * 4) if is_silent(habit, last_ms, last_ms + step * HOUR_MS // 4, quiet)
    )
    return next(steps, 14 * 24 * 4) / 4


def learned(counts: Sequence[int]) -> Habit | None:
    return learn(counts, FIRST)


def test_a_busy_source_is_missed_within_hours() -> None:
    assert 1 < silent_after(learned(by_hour(lambda _: 60)), LEARNED_FROM - 1) < 3


@pytest.mark.parametrize(
    ("last", "least", "most"),
    [
        (2 * 24 + 17, 14, 18),  # Wednesday evening: told on Thursday morning
        (4 * 24 + 17, 62, 66),  # Friday evening: told on Monday morning
        (2 * 24 + 10, 1, 4),  # Wednesday at eleven: told before lunch is over
    ],
)
def test_nights_and_weekends_are_no_silence(last: int, least: int, most: int) -> None:
    assert least <= silent_after(learned(by_hour(office)), LEARNED_FROM + last) <= most


def test_a_source_that_sends_seldom_is_missed_after_twice_its_longest_usual_gap() -> None:
    every_second_day = learned(by_hour(lambda hour: int(hour % 42 == 0)))
    assert 2 * 42 <= silent_after(every_second_day, LEARNED_FROM - 1) <= 2 * 42 + 1


def test_one_outage_and_one_campaign_are_no_habit() -> None:
    counts = by_hour(office)
    outage = [0 if 8 * 24 <= hour < 11 * 24 else count for hour, count in enumerate(counts)]
    campaign = [500 if hour == 2 * WEEK + 30 else count for hour, count in enumerate(counts)]
    wednesday = LEARNED_FROM + 2 * 24 + 10
    for unusual in (outage, campaign):
        assert silent_after(learned(unusual), wednesday) == silent_after(learned(counts), wednesday)


@pytest.mark.parametrize("counts", [by_hour(office, WEEK - 1), [1] * 19 + [0] * LEARNED_FROM, []])
def test_too_little_history_is_no_habit(counts: list[int]) -> None:
    assert learned(counts) is None
    assert silent_after(None, LEARNED_FROM) == 14 * 24


def test_silence_is_told_by_the_longest_wait_at_last() -> None:
    seldom = learned(by_hour(lambda hour: int(hour in (3, 4, 5, 6, 7))))
    assert silent_after(seldom, LEARNED_FROM + 7) == pytest.approx(7 * 24, abs=0.5)
    sooner = Quiet(most=timedelta(days=2))
    assert silent_after(seldom, LEARNED_FROM + 7, sooner) == pytest.approx(48, abs=0.5)


def test_a_source_may_have_a_limit_of_its_own_or_none() -> None:
    habit = learned(by_hour(lambda _: 60))
    last_ms = FIRST * HOUR_MS
    for hours, wish, silent in (
        (5, timedelta(hours=4), True),
        (3, timedelta(hours=4), False),
        (500, "never", False),
    ):
        assert is_silent(habit, last_ms, last_ms + hours * HOUR_MS, QUIET, wish) is silent  # type: ignore[arg-type]


async def test_the_first_sentence_tells_of_a_source_that_is_silent(house: House) -> None:
    await house.serve()
    await house.post(ignored="a test order")
    overview = house.desk().overview
    (source,) = await overview.sources()
    now = Now(
        stats=await overview.stats(),
        sources=[source],
        destinations=await overview.destinations(),
        workers=None,
        issues=0,
    )
    assert [word.says for word in told(now)] == ["Relaying normally"]
    silent = source.model_copy(update={"silent_since": "2026-03-04T04:00:00.000Z"})
    (word,) = told(replace(now, sources=[silent]))
    says = Markup(word.says).striptags()
    assert re.fullmatch(r"shop sends nothing since 4 Mar.* 04:00, against its habit", says)
    assert word.href == "/ops/sources#shop"

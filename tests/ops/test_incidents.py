"""What counts as wrong, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.journal.issues import Issue
from relay.journal.numbers import Memory
from relay.journal.records import Pause, Stats
from relay.journal.vitals import Flow, Vitals
from relay.ops.alerts.incidents import Incident, Rules, find

MINUTE = 60_000
NOW = 30_000_000 * MINUTE
STATS = Stats(0, {}, 0, 0, None)
MEMORY = Memory("7", used=80, limit=100, policy="noeviction", appends=True, fsync="always", writes=True)
FINE = Vitals(stats=STATS, issues=(), pauses={}, flows={"main": Flow()}, last={}, memory=MEMORY)
ISSUE = Issue(
    id="1f",
    title="422: total: is missing",
    stage="deliver",
    adapter="spoken",
    kinds=("order.placed",),
    count=2,
    ever=9,
    first_ms=0,
    last_ms=0,
    trend=(),
    newest=None,
    trial=None,
    muted_by=None,
    muted_ms=None,
)


def found(vitals: Vitals) -> list[Incident]:
    return find(vitals, [], NOW, Rules())


def test_where_all_is_well_nothing_is_found() -> None:
    assert found(FINE) == []


def test_dead_letters_are_told_by_what_they_have_in_common() -> None:
    (incident,) = found(replace(FINE, issues=(ISSUE,)))
    assert incident.says == "2 dead letters, spoken: 422: total: is missing"


def test_a_muted_issue_raises_no_alert() -> None:
    assert found(replace(FINE, issues=(replace(ISSUE, muted_by="Kim"), replace(ISSUE, count=0)))) == []


@pytest.mark.parametrize(
    ("by", "endpoint", "code", "says"),
    [
        ("its answer", "all", 401, "main: paused, the key is refused (401)"),
        (
            "its answer",
            "orders",
            403,
            "main, orders: paused, the endpoint cannot be used (403)",
        ),
        (
            "rate limit",
            "all",
            429,
            "main: paused, it asks to wait for longer than 15 min (429)",
        ),
        (
            "the breaker",
            "orders",
            400,
            "main, orders: paused, it refuses many customers in the same words (400)",
        ),
        ("Kim", "all", None, "main: paused, by a person"),
    ],
)
def test_a_pause_is_told_in_words_of_our_own(by: str, endpoint: str, code: int | None, says: str) -> None:
    pause = Pause(endpoint, "400: jo@example.com, hello", NOW, by, NOW, code)
    (incident,) = found(replace(FINE, pauses={("main", endpoint): pause}))
    assert incident.says == f"{says}; 0 relays are held"
    assert "jo@example.com" not in incident.says + incident.advice + incident.over


@pytest.mark.parametrize(("minutes", "late"), [(14, False), (16, True)])
def test_what_has_been_due_for_longer_than_15_minutes_is_late(minutes: int, late: bool) -> None:
    flows = {"main": Flow(due_ms=NOW - minutes * MINUTE, waiting={"orders": 3})}
    assert [i.kind for i in found(replace(FINE, flows=flows))] == ["delay"] * late


@pytest.mark.parametrize(
    ("minutes", "failures", "waiting", "late"),
    [(16, 5, 1, True), (14, 50, 1, False), (600, 4, 1, False), (600, 50, 0, False)],
)
def test_a_destination_is_late_when_many_tries_failed_for_long_and_something_waits(
    minutes: int, failures: int, waiting: int, late: bool
) -> None:
    flow = Flow(failing_ms=NOW - minutes * MINUTE, failures=failures, waiting={"orders": waiting})
    assert [i.kind for i in found(replace(FINE, flows={"main": flow}))] == ["delay"] * late


def test_a_pause_is_told_once_and_not_as_a_delay_too() -> None:
    pause = Pause("all", "", NOW, "its answer", NOW, 401)
    flow = Flow(failing_ms=NOW - 60 * MINUTE, failures=50, waiting={"orders": 7})
    (incident,) = found(replace(FINE, pauses={("main", "all"): pause}, flows={"main": flow}))
    assert incident.says.endswith("; 7 relays are held")


def test_memory_is_told_before_it_is_full() -> None:
    full = replace(FINE, memory=replace(MEMORY, used=86))
    assert [i.key for i in found(full)] == ["store:memory"]
    assert found(replace(FINE, memory=replace(MEMORY, used=86, limit=0))) == []
    assert find(full, [], NOW, Rules(delay=timedelta(1), memory=0.9)) == []


def test_a_redis_that_cannot_write_is_told() -> None:
    assert [i.key for i in found(replace(FINE, memory=replace(MEMORY, writes=False)))] == ["store:writes"]

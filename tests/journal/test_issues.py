"""Issues: dead letters by what they have in common."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from relay.journal.acts import Acts
from relay.journal.filter import Filter
from relay.journal.ids import Ids
from relay.journal.issues import Issue
from relay.journal.journal import Journal, Wakeup
from relay.journal.queries import Queries
from relay.journal.records import Limits, Recording, Settlement, Status
from relay.journal.titles import title_of
from tests.recordings import recording

IDS = Ids()
LIMITS = Limits("key")
LONG = timedelta(seconds=30)


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))


@pytest.fixture
def queries(journal: Journal) -> Queries:
    return Queries(journal, ["shop"], ["main"])


def dead(reason: str = "emailAddress: is missing", **said: Any) -> Recording:
    return recording(status=Status.DEAD, reason=reason, stage="normalise", **said)


def queued() -> Recording:
    return recording(kinds="order.placed", email=f"{IDS.new()}@example.com")


async def issues(queries: Queries) -> list[Issue]:
    return list((await queries.issues.page()).issues)


async def refused(journal: Journal, relay: Recording, reason: str) -> None:
    """Records and claims `relay`, and settles it as refused."""
    await journal.record(relay)
    await journal.sign_on("main", "t")
    (leased,) = (await journal.claim("main", "t", 10, LIMITS, lease=LONG)).relays
    settled = Settlement(leased.id, leased.token, leased.lane, "shop", status=Status.DEAD, reason=reason)
    await journal.settle("main", LIMITS, replace(settled, stage="deliver", title=title_of(reason)))


@pytest.mark.parametrize(
    ("reason", "title"),
    [
        ("emailAddress: is missing", "emailAddress: is missing"),
        ("product1_price: is not an amount", "product#_price: is not an amount"),
        ("400: total 49.90 of order A-17 is wrong", "400: total # of order # is wrong"),
        ("422: jo@example.com is suppressed", "422: # is suppressed"),
        ("422: “Jo Doe” is suppressed", "422: … is suppressed"),
        ("it isn't what it's meant to be", "it isn't what it's meant to be"),
        ("event: 'sael' is no word", "event: … is no word"),
        ("x" * 200_000, "x" * 200),  # for one that reads all of it, a matter of hours
    ],
)
def test_a_title_keeps_what_dead_letters_share(reason: str, title: str) -> None:
    assert title_of(reason) == title


def test_a_title_leaves_out_what_the_call_said_of_the_customer() -> None:
    assert title_of("422: Jo Doe of Acme is blocked", {"Jo", "Doe", "Acme"}) == "422: Jo … of … is blocked"
    assert title_of("422: joanna is blocked, as is Joanna", {"Joanna"}) == "422: … is blocked, as is …"


async def test_dead_letters_of_one_cause_are_one_issue(journal: Journal, queries: Queries) -> None:
    first, other, last = dead(), dead("orderTotal: is missing"), dead()
    for each in (first, other, last):
        await journal.record(each)
    # Both may have their newest in one millisecond, so their own order is left out here.
    email, total = sorted(await issues(queries), key=lambda issue: issue.title)
    assert (email.title, email.count, email.ever) == ("emailAddress: is missing", 2, 2)
    assert (email.stage, email.adapter, email.kinds) == ("normalise", "spoken", ())
    assert (email.newest, email.trend[-1], sum(email.trend)) == (last.id, 2, 2)
    assert email.first_ms <= email.last_ms
    assert (total.title, total.count) == ("orderTotal: is missing", 1)
    page = await queries.find(Filter(issue=email.id))
    assert ([relay.id for relay in page.relays], page.total) == ([last.id, first.id], 2)
    assert page.relays[0].issue == email.id


async def test_a_refusal_is_filed_by_its_kind_and_words(journal: Journal, queries: Queries) -> None:
    await refused(journal, queued(), "422: order A-1 is wrong")
    await refused(journal, queued(), "422: order A-2 is wrong")
    (issue,) = await issues(queries)
    assert (issue.title, issue.count) == ("422: order # is wrong", 2)
    assert (issue.stage, issue.kinds) == ("deliver", ("order.placed",))


async def test_what_is_dead_no_more_leaves_its_issue_and_comes_back_with_a_restore(
    journal: Journal, queries: Queries
) -> None:
    relay, stays = dead(), dead()
    await journal.record(relay)
    await journal.record(stays)
    await Acts(journal).discard(relay.id, by="a test")
    (issue,) = await issues(queries)
    assert (issue.count, issue.newest) == (1, stays.id)
    await Acts(journal).restore(relay.id, by="a test")
    (issue,) = await issues(queries)
    assert (issue.count, issue.ever) == (2, 2)


async def test_an_issue_without_dead_letters_is_no_longer_listed_but_remembered(
    journal: Journal, queries: Queries, redis: Redis
) -> None:
    relay = dead()
    await journal.record(relay)
    (issue,) = await issues(queries)
    await Acts(journal).retry(relay.id, by="a test")
    assert await issues(queries) == []
    remembered = await queries.issues.one(issue.id)
    assert remembered is not None
    assert (remembered.count, remembered.first_ms) == (0, issue.first_ms)
    assert await redis.pttl(journal.keys.issue(issue.id)) > 0
    await journal.record(dead())
    assert await redis.pttl(journal.keys.issue(issue.id)) == -1


async def test_what_is_mapped_again_and_dead_of_another_cause_changes_its_issue(
    journal: Journal, queries: Queries
) -> None:
    relay = dead()
    await journal.record(relay)
    await Acts(journal).map_again(relay.id, dead("orderTotal: is missing"), by="a test")
    (issue,) = await issues(queries)
    assert (issue.title, issue.count, issue.newest) == ("orderTotal: is missing", 1, relay.id)


async def test_a_relay_that_kills_workers_is_an_issue(
    journal: Journal, queries: Queries, redis: Redis
) -> None:
    await journal.record(queued())
    for _ in range(6):
        await journal.sign_on("main", "t")
        await journal.claim("main", "t", 10, LIMITS, lease=timedelta(milliseconds=1))
        before = await redis.time()
        while await redis.time() < (before[0], before[1] + 3000):
            pass
    (issue,) = await issues(queries)
    assert (issue.title, issue.stage, issue.kinds) == ("kills workers", "deliver", ("order.placed",))


async def test_dead_letters_of_a_journal_without_issues_can_be_retried_and_discarded(
    journal: Journal, queries: Queries, redis: Redis
) -> None:
    old = [dead(), dead()]
    for relay in old:
        await journal.record(relay)
        await redis.hdel(journal.keys.relay(relay.id), "issue")  # type: ignore[misc]
    (issue,) = await issues(queries)
    await redis.delete(journal.keys.issue(issue.id), journal.keys.issue_index(issue.id), journal.keys.issues)
    assert await Acts(journal).discard(old[0].id, by="a test") == "ok"
    assert await Acts(journal).restore(old[0].id, by="a test") == "ok"
    assert await Acts(journal).retry(old[1].id, by="a test") == "ok"
    assert (await issues(queries), await queries.count(Filter(status=Status.DEAD))) == ([], 1)


async def test_a_trend_holds_no_more_days_than_it_shows(
    journal: Journal, queries: Queries, redis: Redis
) -> None:
    await journal.record(dead())
    (issue,) = await issues(queries)
    key = journal.keys.issue(issue.id)
    today = next(int(field[2:]) for field in await redis.hkeys(key) if field.startswith(b"d:"))  # type: ignore[misc]
    await redis.hset(key, mapping={f"d:{today - days}": days for days in range(1, 60)})  # type: ignore[misc]
    await redis.hdel(key, f"d:{today}")  # type: ignore[misc]
    await journal.record(dead())
    (issue,) = await issues(queries)
    assert issue.trend == (*range(13, 0, -1), 1)
    assert sum(field.startswith(b"d:") for field in await redis.hkeys(key)) == 14  # type: ignore[misc]


async def test_issues_are_paged_by_when_they_were_last_seen(journal: Journal, queries: Queries) -> None:
    for word in "abcde":
        await journal.record(dead(f"{word}: is missing"))
    first = await queries.issues.page(limit=2)
    second = await queries.issues.page(limit=2, cursor=first.next)
    third = await queries.issues.page(limit=2, cursor=second.next)
    shown = [issue for page in (first, second, third) for issue in page.issues]
    assert sorted(issue.title[0] for issue in shown) == list("abcde")
    assert [issue.last_ms for issue in shown] == sorted((i.last_ms for i in shown), reverse=True)
    assert (first.total, third.next) == (5, None)

"""Lists: one index leads, the other words filter behind it."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from relay.journal.filter import Filter, Span
from relay.journal.ids import Ids
from relay.journal.journal import Journal, Wakeup
from relay.journal.queries import Queries
from relay.journal.records import Recording, Status
from tests.recordings import of_order

IDS = Ids()


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain", "other": "drain"}))


@pytest.fixture
def queries(journal: Journal) -> Queries:
    return Queries(journal, ["shop", "till"], ["main", "other"])


async def recorded(journal: Journal, *recordings: Recording) -> list[str]:
    for each in recordings:
        await journal.record(each)
    return [each.id for each in recordings]


async def found(queries: Queries, wanted: Filter) -> tuple[list[str], int | None]:
    page = await queries.find(wanted)
    return [relay.id for relay in page.relays], page.total


async def test_pages_go_on_where_the_last_one_ended_while_new_relays_arrive(
    journal: Journal, queries: Queries
) -> None:
    ids = await recorded(journal, *(of_order(f"A-{n}") for n in range(5)))
    first = await queries.find(Filter(), limit=2)
    await recorded(journal, of_order("A-9"))
    second = await queries.find(Filter(), limit=2, cursor=first.next)
    third = await queries.find(Filter(), limit=2, cursor=second.next)
    assert [relay.id for page in (first, second, third) for relay in page.relays] == ids[::-1]
    assert (first.total, second.total, third.next) == (5, 6, None)


async def test_each_index_leads_with_an_exact_count(journal: Journal, queries: Queries) -> None:
    dead, queued, elsewhere = await recorded(
        journal,
        of_order("A-1", status=Status.DEAD),
        of_order("A-2"),
        of_order("A-3", source="till", email="kim@example.com", status=Status.DEAD),
    )
    assert await found(queries, Filter(status=Status.DEAD)) == ([elsewhere, dead], 2)
    assert await found(queries, Filter(status=Status.DEAD, source="shop")) == ([dead], 1)
    assert await found(queries, Filter(email="JO@example.com")) == ([queued, dead], 2)
    assert await found(queries, Filter(order="A-3")) == ([elsewhere], 1)
    assert await found(queries, Filter(order="A-3", status=Status.QUEUED)) == ([], 0)
    assert await found(queries, Filter(relay=queued)) == ([queued], 1)


async def test_times_of_receipt_are_counted_exactly(journal: Journal, queries: Queries) -> None:
    ids = Ids()
    relays = [of_order(f"A-{n}", id=ids.new(1000 * n), copy=f"{n}") for n in range(1, 6)]
    await recorded(journal, *relays)
    wanted = Filter(status=Status.QUEUED, since_ms=2000, until_ms=4000)
    assert await found(queries, wanted) == ([relays[2].id, relays[1].id], 2)


async def test_other_words_filter_behind_and_their_count_is_not_known(
    journal: Journal, queries: Queries
) -> None:
    match, _ = await recorded(
        journal,
        of_order("A-1", kinds="order.refunded", status=Status.DEAD, reason="refund.amount_minor: unknown"),
        of_order("A-2", destination="other", status=Status.DEAD, reason="email: is missing"),
    )
    await journal.redis.hset(journal.keys.relay(match), mapping={"attempts": 4, "code": 503})  # type: ignore[misc]
    for wanted in (
        Filter(event="order.refunded"),
        Filter(destination="main"),
        Filter(code=Span(500, 599)),
        Filter(attempts=Span(4)),
        Filter(text="UNKNOWN amount"),
        Filter(status=Status.DEAD, text="amount"),
    ):
        assert await found(queries, wanted) == ([match], None)


async def test_a_search_that_takes_too_long_says_how_far_it_came_and_goes_on_from_there(
    journal: Journal,
) -> None:
    queries = Queries(journal, ["shop"], ["main"], patience=0)
    ids = await recorded(journal, *(of_order(f"A-{n}") for n in range(1100)))
    wanted = Filter(text=ids[0])
    first = await queries.find(wanted)
    assert (first.relays, first.searched, first.next) == ((), 500, ids[600])
    second = await queries.find(wanted, cursor=first.next)
    third = await queries.find(wanted, cursor=second.next)
    assert ([relay.id for relay in third.relays], third.searched, third.next) == ([ids[0]], 100, None)


async def test_what_a_pause_holds_is_listed_and_counted_as_held(journal: Journal, queries: Queries) -> None:
    ids = await recorded(journal, *(of_order(f"A-{n}") for n in range(3)))
    other = await recorded(journal, of_order("B-1", destination="other"))
    await journal.pause("main", "orders", "key refused", by="its answer")
    assert await found(queries, Filter(status=Status.HELD)) == (ids[::-1], 3)
    assert await found(queries, Filter(status=Status.QUEUED)) == (other, 1)
    assert await found(queries, Filter(status=Status.QUEUED, source="shop")) == (other, None)


async def test_a_walk_goes_from_the_oldest_to_the_end(journal: Journal, queries: Queries) -> None:
    ids = await recorded(journal, *(of_order(f"A-{n}") for n in range(5)))
    first = await queries.walk(Filter(), count=3)
    rest = await queries.walk(Filter(), after=first.last, count=3)
    assert [relay.id for part in (first, rest) for relay in part.relays] == ids
    assert (first.last, rest.last) == (ids[2], None)


async def test_a_filter_that_is_kept_knows_the_person_and_not_the_address(
    journal: Journal, queries: Queries
) -> None:
    ids = await recorded(journal, of_order("A-1"))
    kept = await queries.kept(Filter(email="jo@example.com"))
    assert kept.email is None
    assert await found(queries, kept) == (ids, 1)


async def test_a_relay_that_waits_in_its_lane_names_the_one_it_waits_behind(
    journal: Journal, queries: Queries
) -> None:
    first, second = await recorded(journal, of_order("A-1"), of_order("A-2"))
    details = [await queries.detail(relay) for relay in (first, second)]
    assert [detail and detail.behind for detail in details] == [None, first]

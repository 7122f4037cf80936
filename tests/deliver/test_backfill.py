"""Live before backfill (promise 6): what is old is spaced evenly, and what comes now waits for one slot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from relay.journal.acts import Acts
from relay.journal.journal import Journal, Wakeup
from relay.journal.records import Leased, Limits, Reservation
from tests.journal.test_leases import recording
from tests.support import House, placed

LIMITS = Limits("key", minute=100, second=20)
SLOT_MS = 612
"""A 99th of the minute, with its guard: one call in a hundred is left to what comes now."""
NOW = 1_772_616_600_000
LEASE = timedelta(seconds=30)


@pytest.fixture
async def journal(redis: Redis) -> Journal:
    """One whose clock stands still."""
    return Journal(
        redis, Wakeup("jobs", "job:", {"main": "drain"}), clock=f"local now_ms = function() return {NOW} end"
    )


async def queue(journal: Journal, order: str, *, email: str = "", backfill: bool = False) -> str:
    made = replace(recording(order, email=email or f"{order}@example.com"), backfill=backfill)
    return (await journal.record(made)).id


async def claim(journal: Journal, limits: Limits = LIMITS) -> Any:
    return await journal.claim("main", "drain", 50, limits, lease=LEASE)


async def reserve(journal: Journal, leased: Leased, limits: Limits = LIMITS) -> tuple[str, int]:
    reservation = Reservation(leased.id, leased.token, leased.lane, "shop", "orders", "", "m")
    return (await journal.reserve("main", limits, reservation, lease=LEASE))[:2]


async def test_live_relays_are_taken_first_and_backfill_one_at_a_time(journal: Journal) -> None:
    old = [await queue(journal, f"old-{n}", backfill=True) for n in range(5)]
    live = [await queue(journal, f"live-{n}") for n in range(3)]
    taken = await claim(journal)
    assert {leased.id for leased in taken.relays[:3]} == set(live)
    assert len(taken.relays) == 4
    assert taken.relays[3].id in old


async def test_the_next_of_backfill_goes_one_slot_later(journal: Journal) -> None:
    for n in range(3):
        await queue(journal, f"old-{n}", backfill=True)
    first = await claim(journal)
    assert (await reserve(journal, first.relays[0]))[0] == "ok"
    second = await claim(journal)
    assert not second.relays
    assert second.next_ms == NOW + SLOT_MS


async def test_a_slot_is_one_call_even_where_two_were_leased_for_it(journal: Journal) -> None:
    for n in range(2):
        await queue(journal, f"old-{n}", backfill=True)
    leased = [*(await claim(journal)).relays, *(await claim(journal)).relays]
    verdicts = [await reserve(journal, each) for each in leased]
    assert [verdict for verdict, _ in verdicts] == ["ok", "wait"]


async def test_the_last_room_is_left_to_what_comes_now(journal: Journal) -> None:
    few = Limits("key", minute=3)
    await queue(journal, "old", backfill=True)
    (old,) = (await claim(journal, few)).relays
    for n in range(3):
        await queue(journal, f"live-{n}")
    first, second, third = (await claim(journal, few)).relays
    assert [(await reserve(journal, live, few))[0] for live in (first, second)] == ["ok", "ok"]
    assert (await reserve(journal, old, few))[0] == "wait"
    assert (await reserve(journal, third, few))[0] == "ok"


async def test_a_drain_that_has_no_room_for_backfill_knows_when_there_is_some(journal: Journal) -> None:
    few = Limits("key", minute=3)
    for n in range(2):
        await queue(journal, f"live-{n}")
    for leased in (await claim(journal, few)).relays:
        await reserve(journal, leased, few)
    await queue(journal, "old", backfill=True)
    found = await claim(journal, few)
    assert not found.relays
    assert found.next_ms > NOW


async def test_without_a_limit_backfill_is_not_spaced(journal: Journal) -> None:
    for n in range(5):
        await queue(journal, f"old-{n}", backfill=True)
    assert len((await claim(journal, Limits("key"))).relays) == 5


async def test_a_live_relay_behind_backfill_of_its_customer_makes_the_lane_live(journal: Journal) -> None:
    other = await queue(journal, "old-0", backfill=True)
    first = await claim(journal)
    assert [leased.id for leased in first.relays] == [other]
    await reserve(journal, first.relays[0])
    await queue(journal, "old-1", email="jo@example.com", backfill=True)
    await queue(journal, "live", email="jo@example.com")
    second = await claim(journal)
    assert [leased.fields["order"] for leased in second.relays] == ["old-1"]


async def test_what_comes_now_is_sent_within_a_slot_while_much_that_is_old_waits(house: House) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 600, "rate_per_second": 20}
    house.standin.limits.per_minute, house.standin.limits.per_second = 600, 20
    await house.serve()
    journal = house.journal()
    acts = Acts(journal)
    await journal.pause("main", "all", "until all are recorded", by="the test")
    old = []
    for n in range(60):
        answer = await house.post(placed(f"old-{n}", email=f"old{n}@example.com"))
        await acts.discard(answer.id, by="the test")
        await acts.restore(answer.id, by="the test")
        assert await acts.retry(answer.id, by="the test", backfill=True) == "ok"
        old.append(answer.id)
    await journal.resume("main", "all")
    await house.work()
    await house.until(old[0], "delivered")
    for n in range(5):
        before = len(house.standin.received)
        answer = await house.post(placed(f"live-{n}", email=f"live{n}@example.com"))
        await house.until(answer.id, "delivered")
        orders = [record.body["orderId"] for record in house.standin.received]
        assert orders.index(f"live-{n}") <= before + 2  # one was on its way, and one had the next slot
    await house.until(old[-1], "delivered")
    assert {record.status for record in house.standin.received} == {202}

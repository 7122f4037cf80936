"""Redis's host may set its clock: nothing waits for an hour to come round again, and no lease is broken."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from relay.journal.ids import Ids
from relay.journal.journal import Journal, Wakeup
from relay.journal.records import Claim, Limits, Reservation, Settlement, Status
from tests.recordings import recording
from tests.support import STEPPED_CLOCK, step_clock

LIMITS = Limits("key", minute=3)
LEASE = timedelta(seconds=30)
IDS = Ids()
HOUR = 3_600_000


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}), clock=STEPPED_CLOCK)


async def queued(journal: Journal) -> str:
    relay = IDS.new()
    await journal.record(recording(id=relay, email=f"{relay}@example.com"))
    return relay


async def claim(journal: Journal) -> Claim:
    await journal.sign_on("main", "t")
    return await journal.claim("main", "t", 10, LIMITS, lease=LEASE)


async def reserve(journal: Journal, claimed: Claim) -> list[str]:
    verdicts = []
    for leased in claimed.relays:
        wanted = Reservation(leased.id, leased.token, leased.lane, "shop", "orders", "", "placed@1")
        verdicts.append((await journal.reserve("main", LIMITS, wanted, lease=LEASE))[0])
    return verdicts


async def test_what_was_due_before_the_clock_was_set_back_is_due_after(
    journal: Journal, redis: Redis
) -> None:
    relay = await queued(journal)
    await journal.sweep("main", LIMITS)
    await step_clock(redis, -HOUR)
    await journal.sweep("main", LIMITS)
    assert [leased.id for leased in (await claim(journal)).relays] == [relay]


async def test_a_spent_budget_comes_back_in_a_minute_though_the_clock_was_set_back(
    journal: Journal, redis: Redis
) -> None:
    for _ in range(4):
        await queued(journal)
    assert await reserve(journal, await claim(journal)) == ["ok"] * 3
    await step_clock(redis, -HOUR)
    await journal.sweep("main", LIMITS)
    assert not (await claim(journal)).relays
    await step_clock(redis, -HOUR + 65_000)
    assert len((await claim(journal)).relays) == 1


async def test_what_came_while_the_clock_was_ahead_for_a_moment_is_due_when_it_is_set_right(
    journal: Journal, redis: Redis
) -> None:
    await journal.sweep("main", LIMITS)
    await step_clock(redis, HOUR)
    relay = await queued(journal)
    await step_clock(redis, 0)
    await journal.sweep("main", LIMITS)
    await step_clock(redis, 2_000)
    assert [leased.id for leased in (await claim(journal)).relays] == [relay]


async def test_what_was_spent_while_the_clock_was_ahead_for_a_moment_comes_back_in_a_minute(
    journal: Journal, redis: Redis
) -> None:
    for _ in range(4):
        await queued(journal)
    claimed = await claim(journal)
    await step_clock(redis, HOUR)
    assert await reserve(journal, claimed) == ["ok"] * 3
    await step_clock(redis, 0)
    await journal.sweep("main", LIMITS)
    assert not (await claim(journal)).relays
    await step_clock(redis, 70_000)
    assert len((await claim(journal)).relays) == 1


async def test_the_journals_clock_comes_down_to_the_hosts_without_going_back(
    journal: Journal, redis: Redis
) -> None:
    seen = [await journal.sweep("main", LIMITS)]
    await step_clock(redis, -HOUR)
    for minutes in range(0, 25 * 60, 10):
        await step_clock(redis, -HOUR + 60_000 * minutes)
        seen.append(await journal.sweep("main", LIMITS))
    assert seen[1:] == sorted(seen[1:])
    host = (await redis.time())[0] * 1000 - HOUR + 60_000 * 1490
    assert abs(seen[-1] - host) < 5_000


async def test_a_clock_set_forward_ends_no_lease_before_its_holder_could_speak(
    journal: Journal, redis: Redis
) -> None:
    await queued(journal)
    await journal.sweep("main", LIMITS)
    held = await claim(journal)
    await step_clock(redis, HOUR)
    await journal.sweep("main", LIMITS)
    (leased,) = held.relays
    settlement = Settlement(leased.id, leased.token, leased.lane, "shop", status=Status.DELIVERED)
    assert await journal.settle("main", LIMITS, settlement) == "done"


async def test_a_drain_is_started_at_once_though_redis_is_ahead_of_its_workers(
    journal: Journal, redis: Redis
) -> None:
    await step_clock(redis, HOUR)
    await queued(journal)
    ((_, due),) = await redis.zrange("jobs", 0, -1, withscores=True)
    assert due < (await redis.time())[0] * 1000


async def test_what_waits_outside_its_lane_waits_longer_by_the_time_that_nobody_could_look(
    journal: Journal, redis: Redis
) -> None:
    relay = await queued(journal)
    await journal.sweep("main", LIMITS)
    held = await claim(journal)
    (leased,) = held.relays
    until = held.now_ms + 5_000
    settlement = Settlement(
        leased.id, leased.token, leased.lane, "shop", Status.HELD, reason="thin", due_ms=until
    )
    await journal.settle("main", LIMITS, settlement)
    for moment in range(HOUR, HOUR + 4_000, 2_000):
        await step_clock(redis, moment)
        await journal.sweep("main", LIMITS)
        assert not (await claim(journal)).relays
    for moment in range(HOUR + 4_000, HOUR + 8_000, 2_000):
        await step_clock(redis, moment)
        await journal.sweep("main", LIMITS)
    assert [each.id for each in (await claim(journal)).relays] == [relay]


async def test_that_nobody_sweeps_or_drains_is_seen_whatever_clock_the_queue_goes_by(
    journal: Journal, redis: Redis
) -> None:
    patience = timedelta(seconds=3)
    await queued(journal)
    await journal.sweep("main", LIMITS)
    assert not await journal.unwoken("main", LIMITS, patience)
    await step_clock(redis, 3_500)  # due, and woken, and no drain came
    assert await journal.unwoken("main", LIMITS, patience)
    await claim(journal)
    assert not await journal.unwoken("main", LIMITS, patience)
    await step_clock(redis, 20_000)  # nothing is due, and nobody has looked since
    assert await journal.unwoken("main", LIMITS, patience)

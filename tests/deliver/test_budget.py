"""Within the budget (promise 6): no window is overrun, with one worker and with several."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from relay import wiring
from relay.deliver.client import CommerceClient
from relay.deliver.departure import Departure
from relay.deliver.drain import Drain
from relay.errors import TooLate
from relay.journal.journal import LEAVE, Journal, Wakeup
from relay.journal.records import Leased, Limits, Reservation, Settlement, Status, Verdict
from relay.testing.standin import Standin
from tests.journal.test_leases import LONG, recording
from tests.support import KEY, House, placed, step_clock

PER_SECOND = 20
RELAYS = 70


@pytest.mark.parametrize("workers", [1, 2, 4])
async def test_a_limited_destination_is_used_to_the_last_slot_and_never_over(
    house: House, redis: Redis, workers: int
) -> None:
    """By the moments at which calls were reserved: on a busy machine two may arrive closer than they left."""
    house.raw["destinations"]["main"] |= {"rate_per_minute": 600, "rate_per_second": PER_SECOND}
    await house.serve()
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(RELAYS)]
    for _ in range(workers):
        await house.work()
    for answer in answers:
        await house.until(answer.id, "delivered")
    (budget,) = await redis.keys("{relay}:budget:*")
    moments = [moment for _, moment in await redis.zrange(budget, 0, -1, withscores=True)]
    assert len(moments) == RELAYS
    windows = [later - first for first, later in zip(moments, moments[PER_SECOND:], strict=False)]
    assert min(windows) >= 1050


async def test_two_destinations_with_one_key_share_its_budget(redis: Redis) -> None:
    clock = "local now_ms = function() return 1772616600000 end"  # one moment: no slot comes free
    journal = Journal(redis, Wakeup("jobs", "job:", {"main": "drain", "other": "drain"}), clock=clock)
    limits = Limits("one key", second=5)
    verdicts = []
    for n in range(4):
        for name in ("main", "other"):
            made = replace(recording(f"{name}-{n}", email=f"{name}-{n}@example.com"), destination=name)
            await journal.record(made)
            leased = (await journal.claim(name, "drain", 1, limits, lease=LONG)).relays
            for each in leased:
                call = Reservation(each.id, each.token, each.lane, "shop", "orders", "", "m")
                verdicts.append((await journal.reserve(name, limits, call, lease=LONG))[0])
    assert verdicts == ["ok"] * 5


ONE_A_SECOND = Limits("a key", second=1)
STANDING_CLOCK = """
local function now_ms()
  return 1772616600000 + tonumber(redis.call('GET', KEYS[1] .. 'stepped') or 0)
end
"""
"""It moves by `step_clock` alone."""


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}), clock=STANDING_CLOCK)


def call_of(leased: Leased) -> Reservation:
    return Reservation(leased.id, leased.token, leased.lane, "shop", "orders", "", "m")


async def one_of_two_reserved(journal: Journal) -> tuple[Leased, Verdict]:
    for n in range(2):
        await journal.record(recording(f"A-{n}", email=f"{n}@example.com"))
    (leased,) = (await journal.claim("main", "drain", 10, ONE_A_SECOND, lease=LONG)).relays
    return leased, await journal.reserve("main", ONE_A_SECOND, call_of(leased), lease=LONG)


async def has_room(journal: Journal) -> bool:
    claimed = await journal.claim("main", "drain", 10, ONE_A_SECOND, lease=LONG)
    return bool(claimed.relays)


@pytest.mark.parametrize("arrived", [0, 500, 5_000])
async def test_a_call_is_counted_from_when_it_had_arrived(
    journal: Journal, redis: Redis, arrived: int
) -> None:
    leased, (_, at, spent) = await one_of_two_reserved(journal)
    told = Settlement(
        leased.id, leased.token, leased.lane, "shop", Status.DELIVERED, arrived=(spent, at + arrived)
    )
    await journal.settle("main", ONE_A_SECOND, told)
    await step_clock(redis, arrived + 1_049)
    assert not await has_room(journal)
    await step_clock(redis, arrived + 1_050)
    assert await has_room(journal)


async def test_a_call_that_nobody_answered_is_counted_from_when_it_may_leave_at_the_latest(
    journal: Journal, redis: Redis
) -> None:
    await one_of_two_reserved(journal)
    await step_clock(redis, 2_049)
    assert not await has_room(journal)
    await step_clock(redis, 2_050)
    assert await has_room(journal)


async def test_a_call_that_did_not_leave_in_time_is_reserved_anew_and_counts_once(
    journal: Journal, redis: Redis
) -> None:
    leased, (_, _, spent) = await one_of_two_reserved(journal)
    call = call_of(leased)
    assert (await journal.reserve("main", ONE_A_SECOND, call, lease=LONG)).word == "wait"
    again = await journal.reserve("main", ONE_A_SECOND, replace(call, instead=spent), lease=LONG)
    assert again.word == "ok"
    (budget,) = await redis.keys("{relay}:budget:*")
    assert await redis.zcard(budget) == 1


async def test_a_call_leaves_in_time_or_not_at_all(standin: Standin) -> None:
    """Whatever came between: the process was stopped, Redis answered late, the connection took long."""
    async with CommerceClient(standin.url, KEY) as client:
        for _ in range(2):  # the second time on a connection that stands
            with pytest.raises(TooLate):
                await client.post("/orders", b"{}", Departure(timedelta(0)))
            with pytest.raises(TooLate):
                await client.account(Departure(timedelta(0)))
            assert standin.received_total == 0
        await client.account(Departure())
    assert standin.received_total == 1


class StoppedOnce(Journal):
    """Of a process that is stopped when a call was reserved, and goes on when it may not leave any more."""

    reserved = 0

    async def reserve(
        self, destination: str, limits: Limits, reservation: Reservation, *, lease: timedelta
    ) -> Verdict:
        verdict = await super().reserve(destination, limits, reservation, lease=lease)
        self.reserved += 1
        if self.reserved == 1:
            await asyncio.sleep(1.1 * LEAVE.total_seconds())
        return verdict


async def test_a_worker_that_was_stopped_before_its_call_left_reserves_it_anew(
    house: House, redis: Redis
) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 600, "rate_per_second": PER_SECOND}
    await house.serve()
    relay = (await house.post(placed())).id
    journal = StoppedOnce(redis, Wakeup("jobs", "job:", {"main": "drain"}))
    async with wiring.client(house.config.destinations["main"]) as client:
        destination = wiring.destination("main", house.config, client)
        await Drain(journal, destination, linger=0.1).run()
    await house.until(relay, "delivered")
    (budget,) = await redis.keys("{relay}:budget:*")
    assert (journal.reserved, await redis.zcard(budget), house.standin.received_total) == (2, 1, 1)

"""Within the budget (promise 6): no window is overrun, with one worker and with several."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from relay.journal.journal import Journal, Wakeup
from relay.journal.records import Limits, Reservation
from tests.journal.test_leases import LONG, recording
from tests.support import House, placed

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

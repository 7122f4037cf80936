"""One drain hands over to the next, with calls under way that nobody answers."""

from __future__ import annotations

import asyncio

from relay import wiring
from relay.deliver.drain import Drain
from tests.support import House, eventually, placed


async def test_a_drain_claims_no_more_than_can_be_sent_beside_what_the_one_before_it_has_under_way(
    house: House,
) -> None:
    """What waits too long for its turn to be sent loses its lease, and is called a killer of workers."""
    house.raw["destinations"]["main"] |= {"concurrency": 2}
    journal = house.journal()
    await house.serve()
    for n in range(20):
        await house.post(placed(f"A-{n}", email=f"{n}@example.com"))
    house.standin.faults.delay(30, times=None)
    config = house.config
    async with wiring.client(config.destinations["main"]) as client:
        to = wiring.destination("main", config, client)
        drains = []
        for _ in range(3):
            await journal.redis.delete(journal.keys.drain("main"))
            drains.append(asyncio.create_task(Drain(journal, to, run_for=0).run()))
            await eventually(lambda: _signed_off(house))
        assert await journal.redis.zcard(journal.keys.leased("main")) == 4
        tasks = [*drains, *to.under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _signed_off(house: House) -> bool:
    journal = house.journal()
    return bool(await journal.redis.get(journal.keys.drain("main")) == b"woken")

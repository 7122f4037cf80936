"""Within the budget (promise 6): the destination's own windows are never overrun, and no slot is wasted."""

from __future__ import annotations

import pytest

from tests.support import House, placed

PER_SECOND = 20
RELAYS = 70


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_limited_destination_is_used_to_the_last_slot_and_never_over(
    house: House, workers: int
) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 600, "rate_per_second": PER_SECOND}
    house.standin.limits.per_minute = 600
    house.standin.limits.per_second = PER_SECOND
    await house.serve()
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(RELAYS)]
    for _ in range(workers):
        await house.work()
    for answer in answers:
        await house.until(answer.id, "delivered")
    assert [record.status for record in house.standin.received] == [202] * RELAYS
    moments = [record.at for record in house.standin.received]
    windows = [later - first for first, later in zip(moments, moments[PER_SECOND:], strict=False)]
    assert min(windows) > 1.0


async def test_two_destinations_with_one_key_share_its_budget(house: House) -> None:
    main = house.raw["destinations"]["main"]
    main |= {"rate_per_second": 5}
    house.raw["destinations"]["other"] = dict(main)
    house.raw["sources"]["second"] = {**house.raw["sources"]["shop"], "destination": "other"}
    house.standin.limits.per_second = 5
    await house.start()
    answers = [
        await house.post(placed(f"A-{n}", email=f"{n}@example.com"), source=source)
        for n in range(8)
        for source in ("shop", "second")
    ]
    for answer in answers:
        await house.until(answer.id, "delivered")
    assert {record.status for record in house.standin.received} == {202}

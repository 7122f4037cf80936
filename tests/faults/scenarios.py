"""Promises that take a stage of their own: the budget used up, live before backfill, a long outage."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from relay import wiring
from relay.journal.ids import Ids
from relay.journal.records import Recording
from relay.normalise.contract import Postback
from relay.receive.reading import read, recording
from tests.faults.aftermath import journal_of, settled
from tests.faults.plant import Plant, Size
from tests.faults.run import Plan, run
from tests.faults.traffic import Customer, Shop, a_sale

MINUTE: Final = 60.0
SECOND: Final = 1.0
_LEAST_USED: Final = 0.98
_LATEST: Final = 3.0
"""Seconds from receipt to arrival of a live relay, however much backfill waits."""


@dataclass(frozen=True, slots=True)
class Result:
    line: str
    good: bool

    def __str__(self) -> str:
        return self.line if self.good else f"{self.line}  NOT GOOD"


async def budget(folder: Path, size: Size, *, relays: int, seed: int) -> Result:
    """More waits than may be sent, and the destination refuses what is too much."""
    crowd = [Customer(f"customer{n}@example.com", [a_sale(n)]) for n in range(1, relays + 1)]
    async with Plant.open(folder, size) as plant:
        await Shop(crowd, plant.origins, chance=random.Random(seed), rate=150).open()
        ideal = moments(relays, size.per_minute, size.per_second)[-1]
        await settled(plant, relays, within=1.2 * ideal + 60)
        received = plant.standin.received
    refused = sum(record.status == 429 for record in received)
    at = sorted(record.at for record in received if record.accepted)
    span = at[-1] - at[0]
    allowed = sum(moment <= span for moment in moments(2 * relays, size.per_minute, size.per_second))
    used = len(at) / allowed
    return Result(
        f"budget ({size.per_minute} a minute, {size.per_second} a second, {size.workers} workers): "
        f"{len(at)} calls in {span:.1f} s, {used:.1%} of what was allowed; "
        f"most in 60 s {most_within(at, MINUTE)}, in 1 s {most_within(at, SECOND)}; "
        f"answers of 429: {refused}",
        good=len(at) == relays and not refused and used >= _LEAST_USED,
    )


def moments(calls: int, per_minute: int, per_second: int) -> list[float]:
    """When the earliest that the limits allow leaves, for so many calls."""
    at: list[float] = []
    for n in range(calls):
        after = [0.0]
        for most, window in ((per_minute, MINUTE), (per_second, SECOND)):
            if most and n >= most:
                after.append(at[n - most] + window)
        at.append(max(after))
    return at


def most_within(at: Sequence[float], window: float) -> int:
    first, most = 0, 0
    for last, moment in enumerate(at):
        while at[first] <= moment - window:
            first += 1
        most = max(most, last - first + 1)
    return most


async def live_before_backfill(folder: Path, size: Size, *, relays: int, seed: int) -> Result:
    """What comes now, one by one, while much that is old waits and has the whole budget in use."""
    chance = random.Random(seed)
    async with Plant.open(folder, size) as plant:
        async with journal_of(plant) as journal:
            for old in _old(plant, relays):
                await journal.record(old)
        await asyncio.sleep(MINUTE + 10)  # now every window is as full as it may be
        crowd = [Customer(f"live{n}@example.com", [a_sale(1_000_000 + n)]) for n in range(20)]
        took = []
        for customer in crowd:
            await asyncio.sleep(chance.uniform(1, 4))
            began = time.time()
            await Shop([customer], plant.origins, chance=chance, rate=1000, clients=1).open()
            took.append(await _arrival(plant, customer.told[0].order.name) - began)
        refused = sum(record.status == 429 for record in plant.standin.received)
        waiting = relays - (plant.standin.accepted_total - len(crowd))
    return Result(
        f"live before backfill: {len(crowd)} live relays arrived within {max(took):.2f} s, "
        f"at the middle {sorted(took)[len(took) // 2]:.2f} s; {waiting} of {relays} old ones still wait; "
        f"answers of 429: {refused}",
        good=max(took) <= _LATEST and waiting > 0 and not refused,
    )


async def _arrival(plant: Plant, order: str) -> float:
    """When the destination had a call about `order`."""
    while True:
        for record in reversed(plant.standin.received[-500:]):
            if record.accepted and json.loads(record.raw).get("orderId") == order:
                return record.at
        await asyncio.sleep(0.02)


def _old(plant: Plant, relays: int) -> list[Recording]:
    """Orders as a backfill records them."""
    (source,) = wiring.sources(plant.config)
    ids = Ids()
    made = []
    for n in range(1, relays + 1):
        headers = {"content-type": "application/json"}
        postback = Postback("POST", "", headers, a_sale(n).body, datetime.now(UTC))
        made.append(replace(recording(read(source, postback), ids.new()), backfill=True))
    return made


async def outage(folder: Path, size: Size, *, relays: int, seed: int) -> Result:
    """Redis is away for a minute, and every postback is answered all the same."""
    rate = relays / 80
    verdict = await run(Plan(relays, seed, ["redis-away-60s"], rate, every=5, size=size), folder)
    found = "; ".join(verdict.faults)
    return Result(
        f"outage of 60 s: {verdict}; refused {verdict.refused}, slowest answer {verdict.slowest:.2f} s"
        f"{f'; {found}' if found else ', spool empty'}",
        good=verdict.good,
    )


@dataclass(frozen=True, slots=True)
class Scenario:
    """`relays` and `size` are the usual ones."""

    play: Callable[..., Coroutine[Any, Any, Result]]
    relays: int
    size: Size


_USUAL_LIMITS: Final = Size(per_minute=100, per_second=20)
SCENARIOS: Final = {
    "budget": Scenario(budget, 1_000, _USUAL_LIMITS),
    "live-before-backfill": Scenario(live_before_backfill, 10_000, _USUAL_LIMITS),
    "outage": Scenario(outage, 2_000, Size()),
}

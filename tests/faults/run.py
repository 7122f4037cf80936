"""One run: traffic and trouble at once, then quiet, then the verdict."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.plan import FAULTS, Scene, trouble
from tests.faults.plant import Plant
from tests.faults.traffic import Shop, customers
from tests.faults.verdict import Verdict, judge


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate`: postbacks a second. `every`: seconds between faults. `per_second`: the destination's rate.

    `within`: seconds in which all must be settled once the trouble is over.
    """

    postbacks: int = 5000
    seed: int = 1
    faults: Sequence[str] = tuple(FAULTS)
    rate: float = 80
    every: float = 1.5
    webs: int = 2
    workers: int = 2
    per_second: int = 0
    within: float = 90


async def run(plan: Plan, folder: Path) -> Verdict:
    chance = random.Random(plan.seed)
    crowd = customers(chance, plan.postbacks)
    async with Plant.open(folder, webs=plan.webs, workers=plan.workers, per_second=plan.per_second) as plant:
        shop = Shop(crowd, plant.origins, chance=random.Random(plan.seed), rate=plan.rate)
        scene = Scene(plant, shop, random.Random(plan.seed))
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(trouble(scene, plan.faults, every=plan.every, over=over))
            await shop.open()
            over.set()
        return await _verdict(plan, plant, shop)


async def _verdict(plan: Plan, plant: Plant, shop: Shop) -> Verdict:
    plant.standin.faults.clear()
    relays = [postback.relay for customer in shop.crowd for postback in customer.told]
    stats = await plant.settled(len(relays), plan.within)
    verdict = judge(
        shop.crowd,
        await plant.statuses(relays),
        plant.standin.received,
        plant.outages,
        await plant.said_stats(),
    )
    verdict.kills = plant.kills
    for violation in plant.standin.violations:
        if violation.rule.startswith("a p"):  # a property, a product; repeats and order are judged above
            verdict.blame(f"{violation.id}: {violation.rule}")
    if stats.counts["dead"]:
        verdict.blame(f"{stats.counts['dead']} are dead")
    return verdict

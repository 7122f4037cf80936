"""One run: traffic and trouble at once, then quiet, then the verdict."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import aftermath
from tests.faults.plan import MIXED, trouble
from tests.faults.plant import Plant, Size
from tests.faults.scene import Scene
from tests.faults.traffic import Shop, customers
from tests.faults.verdict import Evidence, Verdict, judge


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate`: postbacks a second. `every`: seconds between faults. `kills`: at least so many in all.

    `within`: seconds in which all must be settled once the trouble is over, besides what the budget takes.
    """

    postbacks: int = 5000
    seed: int = 1
    faults: Sequence[str] = MIXED
    rate: float = 60
    every: float = 1.5
    kills: int = 0
    within: float = 90
    size: Size = field(default_factory=Size)


async def run(plan: Plan, folder: Path) -> Verdict:
    crowd = customers(random.Random(plan.seed), plan.postbacks)
    async with Plant.open(folder, plan.size) as plant:
        shop = Shop(crowd, plant.origins, chance=random.Random(plan.seed), rate=plan.rate)
        scene = Scene(plant, shop, random.Random(plan.seed))
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(trouble(scene, plan.faults, every=plan.every, kills=plan.kills, over=over))
            await shop.open()
            over.set()
        await plant.ready()
        return await verdict(plant, shop, plan)


async def verdict(plant: Plant, shop: Shop, plan: Plan) -> Verdict:
    """Once all is settled, or after the time that the plan gives it."""
    plant.standin.faults.clear()
    told = [postback for customer in shop.crowd for postback in customer.told]
    stats = await aftermath.settled(plant, len(told) + len(shop.strays), plan.within, each=plan.size.each)
    return judge(
        shop.crowd,
        Evidence(
            found=await aftermath.found(plant, shop.strays.union(*(postback.ids for postback in told))),
            strays=shop.strays,
            records=plant.standin.received,
            violations=plant.standin.violations,
            answers=shop.answers,
            outages=plant.outages,
            said=await aftermath.said_stats(plant),
            oddities=await aftermath.oddities(plant, stats),
            kills=plant.kills,
        ),
    )

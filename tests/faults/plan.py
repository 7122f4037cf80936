"""What goes wrong, when, and for how long: by a seed, so that a failure can be had again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from relay.children import Child
from tests.faults.plant import TIMEOUT, Plant
from tests.faults.traffic import Shop


@dataclass(frozen=True, slots=True)
class Scene:
    """What faults work upon."""

    plant: Plant
    shop: Shop
    chance: random.Random


Fault: TypeAlias = Callable[[Scene], Awaitable[None]]


async def kill_web(scene: Scene) -> None:
    await scene.plant.kill(scene.chance.choice(scene.plant.webs))


async def kill_worker(scene: Scene) -> None:
    await scene.plant.kill(scene.chance.choice(scene.plant.workers))


async def workers_away(scene: Scene) -> None:
    """All of them killed, and work piles up until they are back."""
    away = scene.chance.uniform(0.5, 3)
    await asyncio.gather(*(scene.plant.kill(child, away=away) for child in scene.plant.workers))


async def kill_redis(scene: Scene) -> None:
    await scene.plant.kill_redis()


async def redis_away(scene: Scene) -> None:
    """Killed, and not back for longer than a client tries again."""
    await scene.plant.kill_redis(away=scene.chance.uniform(0.5, 3))


async def kill_all(scene: Scene) -> None:
    """As when the machine loses its power, but for the disk."""
    plant = scene.plant
    children: list[Child] = [*plant.webs, *plant.workers]
    await asyncio.gather(plant.kill_redis(), *(plant.kill(child) for child in children))
    await plant.ready()  # else one fault after the other leaves no time to relay anything


async def stop_redis(scene: Scene) -> None:
    await scene.plant.stop_redis(scene.chance.uniform(0.5, 4))


async def down(scene: Scene) -> None:
    """Connections are refused."""
    await scene.plant.stop_destination(scene.chance.uniform(0.5, 5))


async def drop(scene: Scene) -> None:
    scene.plant.standin.faults.drop(times=scene.chance.randint(20, 200))


async def slow(scene: Scene) -> None:
    """Late, but in time."""
    scene.plant.standin.faults.status(202, delay=0.4 * TIMEOUT, times=scene.chance.randint(20, 200))


async def too_slow(scene: Scene) -> None:
    """Taken, and answered when nobody waits any more."""
    scene.plant.standin.faults.delay(1.5 * TIMEOUT, times=scene.chance.randint(20, 200))


async def errors(scene: Scene) -> None:
    """500 now and then."""
    for _ in range(scene.chance.randint(20, 100)):
        scene.plant.standin.faults.status(500)
        await asyncio.sleep(scene.chance.uniform(0.01, 0.06))


async def lose(scene: Scene) -> None:
    """Taken, and the answer lost."""
    for _ in range(scene.chance.randint(5, 30)):
        scene.plant.standin.faults.lose()
        await asyncio.sleep(scene.chance.uniform(0.01, 0.1))


async def limit(scene: Scene) -> None:
    """429: the whole destination is to wait."""
    times = scene.chance.randint(1, 8)
    scene.plant.standin.faults.status(429, headers={"retry-after": "1"}, times=times)


async def duplicates(scene: Scene) -> None:
    scene.shop.duplicates = 0.5
    await asyncio.sleep(2)
    scene.shop.duplicates = 0.03


async def reorder(scene: Scene) -> None:
    scene.shop.reordering = 0.5
    await asyncio.sleep(2)
    scene.shop.reordering = 0.0


FAULTS: Final[dict[str, Fault]] = {
    "kill-web": kill_web,
    "kill-worker": kill_worker,
    "workers-away": workers_away,
    "kill-redis": kill_redis,
    "redis-away": redis_away,
    "kill-all": kill_all,
    "stop-redis": stop_redis,
    "down": down,
    "drop": drop,
    "slow": slow,
    "too-slow": too_slow,
    "errors": errors,
    "lose": lose,
    "limit": limit,
    "duplicates": duplicates,
    "reorder": reorder,
}
_ON_ITS_OWN: Final = frozenset(
    {"kill-web", "kill-worker", "workers-away", "kill-redis", "redis-away", "kill-all", "stop-redis"}
)
"""These hold processes in their hands, so one waits for the other; the rest goes on beside them."""


async def trouble(scene: Scene, names: Sequence[str], *, every: float, over: asyncio.Event) -> None:
    """One fault after the other, about `every` seconds, until `over`; each is brought to its end."""
    beside: dict[str, asyncio.Task[None]] = {}
    while not over.is_set():
        await asyncio.sleep(scene.chance.uniform(0.3, 1.7) * every)
        name = scene.chance.choice(names)
        if name in _ON_ITS_OWN:
            await FAULTS[name](scene)
        elif name not in beside or beside[name].done():
            beside[name] = asyncio.ensure_future(FAULTS[name](scene))
    await asyncio.gather(*beside.values())

"""What befalls the destination."""

from __future__ import annotations

import asyncio

from tests.faults.plant import TIMEOUT
from tests.faults.scene import Scene


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

"""What befalls clocks: they are set, and set right again after a while."""

from __future__ import annotations

import asyncio

from tests.faults.scene import Scene


async def host_clock_forward(scene: Scene) -> None:
    await _set_host(scene, scene.chance.uniform(1, 3600))


async def host_clock_back(scene: Scene) -> None:
    await _set_host(scene, -scene.chance.uniform(1, 3600))


async def redis_clock_forward(scene: Scene) -> None:
    await _set_redis(scene, scene.chance.uniform(1, 3600))


async def redis_clock_back(scene: Scene) -> None:
    await _set_redis(scene, -scene.chance.uniform(1, 3600))


async def _set_host(scene: Scene, seconds: float) -> None:
    scene.plant.set_clock(seconds)
    await asyncio.sleep(scene.chance.uniform(1, 4))
    scene.plant.set_clock(0)


async def _set_redis(scene: Scene, seconds: float) -> None:
    """One set forward looks like a long silence to everyone, so the budget may be overdrawn just then."""
    with scene.plant.outages.of("clock"):
        await scene.plant.store.set_clock(seconds)
        await asyncio.sleep(scene.chance.uniform(1, 4))
        await scene.plant.store.set_clock(0)

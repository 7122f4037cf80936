"""What befalls web and worker processes, and the machine they run on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from relay.children import Child
from tests.faults.scene import Scene


async def kill_web(scene: Scene) -> None:
    await scene.plant.kill(await _one(scene, scene.plant.webs))


async def kill_worker(scene: Scene) -> None:
    await scene.plant.kill(await _one(scene, scene.plant.workers))


async def workers_away(scene: Scene) -> None:
    """All of them killed, and work piles up until they are back."""
    away = scene.chance.uniform(0.5, 3)
    await asyncio.gather(*(scene.plant.kill(child, away=away) for child in scene.plant.workers))


async def kill_all(scene: Scene) -> None:
    """As when the machine loses its power, but for the disk; Redis may come back long after the rest."""
    plant = scene.plant
    away = scene.chance.choice((0, 0, 4))
    await asyncio.gather(plant.store.kill(away=away), *(plant.kill(child) for child in _all(scene)))
    await plant.ready()  # else one fault after the other leaves no time to relay anything


async def restart_web(scene: Scene) -> None:
    await scene.plant.restart(await _one(scene, scene.plant.webs))


async def restart_worker(scene: Scene) -> None:
    await scene.plant.restart(await _one(scene, scene.plant.workers))


async def stop_web(scene: Scene) -> None:
    await scene.plant.freeze(await _one(scene, scene.plant.webs), scene.chance.uniform(0.5, 4))


async def stop_worker(scene: Scene) -> None:
    """For longer than its leases."""
    await scene.plant.freeze(await _one(scene, scene.plant.workers), scene.chance.uniform(0.5, 8))


async def spool_full(scene: Scene) -> None:
    """Redis is away, and the disk that the spool lies on is full: nothing can keep a postback."""
    async with scene.plant.full_disk(*scene.plant.webs):
        await scene.plant.store.kill(away=scene.chance.uniform(1, 3))
        await asyncio.sleep(1)


async def disk_full(scene: Scene) -> None:
    """The disk of all is full. Redis ends at its next write, and cannot come back before there is room."""
    plant = scene.plant
    with plant.outages.of("redis"):
        async with plant.full_disk(*_all(scene), redis=True):
            await asyncio.sleep(scene.chance.uniform(1, 3))
        await plant.store.kill()


async def _one(scene: Scene, children: Sequence[Child]) -> Child:
    """When all of them are up: else there would mostly be none, on a busy machine."""
    await scene.plant.all_up(children)
    return scene.chance.choice(children)


def _all(scene: Scene) -> list[Child]:
    return [*scene.plant.webs, *scene.plant.workers]

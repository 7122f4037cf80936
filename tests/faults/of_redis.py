"""What befalls Redis."""

from __future__ import annotations

from tests.faults.scene import Scene, Strike


async def kill_redis(scene: Scene) -> None:
    await scene.plant.store.kill()


async def redis_away(scene: Scene) -> None:
    """Killed, and not back for longer than a client tries again."""
    await scene.plant.store.kill(away=scene.chance.uniform(0.5, 3))


async def stop_redis(scene: Scene) -> None:
    await scene.plant.store.stop(scene.chance.uniform(0.5, 4))


async def load_long(scene: Scene) -> None:
    await scene.plant.store.load_long()


async def out_of_memory(scene: Scene) -> None:
    await scene.plant.store.fill(scene.chance.uniform(1, 4))


async def read_only(scene: Scene) -> None:
    await scene.plant.store.read_only(scene.chance.uniform(1, 4))


async def misconf(scene: Scene) -> None:
    await scene.plant.store.cannot_save(scene.chance.uniform(1, 4))


async def no_replicas(scene: Scene) -> None:
    await scene.plant.store.lack_replicas(scene.chance.uniform(1, 4))


def away_for(seconds: float) -> Strike:
    async def strike(scene: Scene) -> None:
        await scene.plant.store.kill(away=seconds)

    return strike


def stopped_for(seconds: float) -> Strike:
    async def strike(scene: Scene) -> None:
        await scene.plant.store.stop(seconds)

    return strike


def full_for(seconds: float) -> Strike:
    async def strike(scene: Scene) -> None:
        await scene.plant.store.fill(seconds)

    return strike

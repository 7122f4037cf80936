"""What goes wrong, and when: by a seed, so that a failure can be had again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from tests.faults import of_clocks, of_destination, of_processes, of_redis, of_sender
from tests.faults.scene import Fault, Scene

FAULTS: Final[dict[str, Fault]] = {
    "kill-web": Fault(of_processes.kill_web, holds=True, kills=True),
    "kill-worker": Fault(of_processes.kill_worker, holds=True, kills=True),
    "workers-away": Fault(of_processes.workers_away, holds=True, kills=True),
    "kill-redis": Fault(of_redis.kill_redis, holds=True, kills=True),
    "redis-away": Fault(of_redis.redis_away, holds=True, kills=True),
    "kill-all": Fault(of_processes.kill_all, holds=True, kills=True),
    "restart-web": Fault(of_processes.restart_web, holds=True),
    "restart-worker": Fault(of_processes.restart_worker, holds=True),
    "stop-web": Fault(of_processes.stop_web, holds=True),
    "stop-worker": Fault(of_processes.stop_worker, holds=True),
    "stop-redis": Fault(of_redis.stop_redis, holds=True),
    "load-long": Fault(of_redis.load_long, holds=True),
    "out-of-memory": Fault(of_redis.out_of_memory, holds=True),
    "read-only": Fault(of_redis.read_only, holds=True),
    "misconf": Fault(of_redis.misconf, holds=True),
    "no-replicas": Fault(of_redis.no_replicas, holds=True),
    "spool-full": Fault(of_processes.spool_full, holds=True),
    "disk-full": Fault(of_processes.disk_full, holds=True),
    "host-clock-forward": Fault(of_clocks.host_clock_forward),
    "host-clock-back": Fault(of_clocks.host_clock_back),
    "redis-clock-forward": Fault(of_clocks.redis_clock_forward, holds=True),
    "redis-clock-back": Fault(of_clocks.redis_clock_back, holds=True),
    "down": Fault(of_destination.down),
    "drop": Fault(of_destination.drop),
    "slow": Fault(of_destination.slow),
    "too-slow": Fault(of_destination.too_slow),
    "errors": Fault(of_destination.errors),
    "lose": Fault(of_destination.lose),
    "limit": Fault(of_destination.limit),
    "duplicates": Fault(of_sender.duplicates),
    "reorder": Fault(of_sender.reorder),
    "nonsense": Fault(of_sender.nonsense),
    "stop-redis-20s": Fault(of_redis.stopped_for(20), holds=True, lasts=20),
    "out-of-memory-40s": Fault(of_redis.full_for(40), holds=True, lasts=40),
    "redis-away-30s": Fault(of_redis.away_for(30), holds=True, lasts=30),
    "redis-away-60s": Fault(of_redis.away_for(60), holds=True, lasts=60),
    "redis-away-5min": Fault(of_redis.away_for(300), holds=True, lasts=300),
}
MIXED: Final = tuple(name for name, fault in FAULTS.items() if not fault.lasts)


async def trouble(
    scene: Scene, names: Sequence[str], *, every: float, kills: int, over: asyncio.Event
) -> None:
    """One fault after the other, about `every` seconds, until `over`; each is brought to its end.

    Where the kills are behind what `kills` asks for by now, the next one kills.
    """
    beside: dict[str, asyncio.Task[None]] = {}
    killing = [name for name in names if FAULTS[name].kills]
    left = list(names)
    while not over.is_set() and left:
        behind = scene.plant.kills < kills * scene.shop.share_told
        await asyncio.sleep(scene.chance.uniform(0.3, 1.7) * every * (0.2 if behind else 1))
        name = scene.chance.choice(killing if behind and killing else left)
        fault = FAULTS[name]
        if fault.lasts:
            left.remove(name)
        if fault.holds:
            await fault.strike(scene)
        elif name not in beside or beside[name].done():
            beside[name] = asyncio.ensure_future(fault.strike(scene))
    await asyncio.gather(*beside.values())

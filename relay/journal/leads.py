"""What leads a list: a sorted index, or a few relays that are known by name. Ids sort by receipt."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from typing import Protocol

from redis.asyncio import Redis

from relay.journal.answers import away
from relay.journal.filter import Bounds


class Lead(Protocol):
    async def newest(self, bounds: Bounds, count: int) -> list[str]: ...

    async def oldest(self, bounds: Bounds, count: int) -> list[str]: ...

    async def size(self, bounds: Bounds) -> int: ...


class Indexes:
    """Sorted sets of relay ids, merged. A page costs by how many sets there are, not by their sizes."""

    def __init__(self, redis: Redis, keys: Sequence[str]) -> None:
        self._redis = redis
        self._keys = keys

    async def newest(self, bounds: Bounds, count: int) -> list[str]:
        with away():
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in self._keys:
                    pipe.zrevrangebylex(key, bounds.high, bounds.low, start=0, num=count)
                pages = await pipe.execute()
        return [
            relay.decode() for relay, _ in zip(heapq.merge(*pages, reverse=True), range(count), strict=False)
        ]

    async def oldest(self, bounds: Bounds, count: int) -> list[str]:
        with away():
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in self._keys:
                    pipe.zrangebylex(key, bounds.low, bounds.high, start=0, num=count)
                pages = await pipe.execute()
        return [relay.decode() for relay, _ in zip(heapq.merge(*pages), range(count), strict=False)]

    async def size(self, bounds: Bounds) -> int:
        with away():
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in self._keys:
                    pipe.zlexcount(key, bounds.low, bounds.high)  # type: ignore[no-untyped-call]
                return sum(await pipe.execute())


class Known:
    """A handful of relays."""

    def __init__(self, relays: Collection[str]) -> None:
        self._relays = sorted(relays)

    async def newest(self, bounds: Bounds, count: int) -> list[str]:
        return [relay for relay in reversed(self._relays) if relay in bounds][:count]

    async def oldest(self, bounds: Bounds, count: int) -> list[str]:
        return [relay for relay in self._relays if relay in bounds][:count]

    async def size(self, bounds: Bounds) -> int:
        return sum(relay in bounds for relay in self._relays)

"""Redis, and what can be wrong with it: killed, stopped, full, read-only, unable to save, long in loading."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from redis.asyncio import Redis

from relay.embedded import EmbeddedRedis
from tests.faults.outages import Outages
from tests.support import step_clock

_NOWHERE: Final = ("127.0.0.1", "1")
_BLOCKED: Final = "dump-that-cannot-be-saved.rdb"
_BALLAST_DB: Final = 9
_BALLAST: Final = 400_000
_FILL: Final = "for n = ARGV[1], ARGV[2] do redis.call('SET', 'ballast:' .. n, string.rep('x', 100)) end"


class Store:
    """One Redis server. All it suffers goes into `outages`."""

    def __init__(self, server: EmbeddedRedis, outages: Outages) -> None:
        self.server = server
        self.kills = 0
        self._outages = outages

    async def kill(self, *, away: float = 0) -> None:
        """Kill -9, and started again after `away` seconds."""
        with self._outages.of("redis"):
            self.kills += 1
            await self.server.kill()
            await asyncio.sleep(away)
            await self.server.start()

    async def stop(self, seconds: float) -> None:
        """Neither dead nor answering, as on a disk that hangs."""
        pid = self.server.pid
        with self._outages.of("redis"):
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)
            finally:
                os.kill(pid, signal.SIGCONT)

    async def fill(self, seconds: float) -> None:
        """Every write that needs memory is refused (OOM)."""
        async with self._client() as redis:
            used = (await redis.info("memory"))["used_memory"]
            with self._outages.of("redis"):
                await redis.config_set("maxmemory", used)
                await asyncio.sleep(seconds)
                await redis.config_set("maxmemory", 0)

    async def read_only(self, seconds: float) -> None:
        """As after a failover that made it a replica (READONLY)."""
        async with self._client() as redis:
            with self._outages.of("redis"):
                await redis.replicaof(*_NOWHERE)
                await asyncio.sleep(seconds)
                await redis.replicaof("NO", "ONE")

    async def cannot_save(self, seconds: float) -> None:
        """Its snapshot fails, and it refuses writes for that (MISCONF)."""
        async with self._client() as redis:
            folder = await self._setting(redis, "dir")
            name = await self._setting(redis, "dbfilename")
            blocked = os.path.join(folder, _BLOCKED)  # noqa: PTH118 - Redis's own path
            os.mkdir(blocked)  # noqa: PTH102
            try:
                await redis.config_set("dbfilename", _BLOCKED)
                await redis.config_set("save", "3600 1")
                with self._outages.of("redis"):
                    await self._saved(redis, ok=False)
                    await asyncio.sleep(seconds)
                    await redis.config_set("save", "")
            finally:
                os.rmdir(blocked)  # noqa: PTH106
            await redis.config_set("dbfilename", name)
            await self._saved(redis, ok=True)

    async def set_clock(self, seconds: float) -> None:
        """Ahead of the true one by `seconds`, as the scripts see it."""
        async with self._client() as redis:
            await step_clock(redis, round(seconds * 1000))

    async def lack_replicas(self, seconds: float) -> None:
        """It wants a replica to be there, and none is (NOREPLICAS)."""
        async with self._client() as redis:
            with self._outages.of("redis"):
                await redis.config_set("min-replicas-to-write", 1)
                await asyncio.sleep(seconds)
                await redis.config_set("min-replicas-to-write", 0)

    async def load_long(self) -> None:
        """Killed, and back with so much data that it answers LOADING for a while."""
        async with self._client(db=_BALLAST_DB) as redis:
            for first in range(0, _BALLAST, 20_000):
                await cast("Any", redis.eval(_FILL, 0, str(first), str(first + 20_000)))
            await self.kill()
            await redis.flushdb(asynchronous=True)
            await redis.bgrewriteaof()  # type: ignore[no-untyped-call]
            await self._until(redis, "persistence", aof_rewrite_in_progress=0, aof_rewrite_scheduled=0)

    async def _saved(self, redis: Redis, *, ok: bool) -> None:
        await cast("Any", redis.bgsave())
        word = "ok" if ok else "err"
        await self._until(redis, "persistence", rdb_last_bgsave_status=word, rdb_bgsave_in_progress=0)

    @staticmethod
    async def _until(redis: Redis, section: str, **wanted: Any) -> None:
        async with asyncio.timeout(60):
            while not wanted.items() <= (await redis.info(section)).items():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    @staticmethod
    async def _setting(redis: Redis, name: str) -> str:
        return str((await redis.config_get(name))[name])

    @asynccontextmanager
    async def _client(self, db: int = 0) -> AsyncIterator[Redis]:
        client = Redis.from_url(self.server.url, db=db)
        try:
            yield client
        finally:
            await client.aclose()

"""A relay as an operator runs it: Redis, web and worker processes, and the stand-in behind them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import tomli_w

from relay import settings, wiring
from relay.children import Child
from relay.embedded import EmbeddedRedis
from relay.journal.queries import Queries
from relay.journal.records import Stats
from relay.testing.standin import Standin
from tests.faults.traffic import SOURCE, TOKEN

KEY: Final = "key-of-the-fault-suite"
TIMEOUT: Final = 1.0
"""Seconds of one try; what the stand-in answers later the relay never learns."""

LEASE: Final = 2.0
_KEPT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Outage:
    """From a kill, or a stop, until the process answered again; seconds since 1970."""

    what: str
    began: float
    ended: float


@dataclass(slots=True)
class Plant:
    """Everything that runs. `outages` are what may cause a second sending: of workers, Redis, destination."""

    folder: Path
    redis: EmbeddedRedis
    standin: Standin
    origins: list[str]
    webs: list[Child]
    workers: list[Child]
    env: settings.Environment
    config: settings.Config
    kills: int = 0
    outages: list[Outage] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, webs: int = 2, workers: int = 2, per_second: int = 0
    ) -> AsyncIterator[Plant]:
        async with AsyncExitStack() as stack:
            standin = await stack.enter_async_context(
                Standin.serve(keys={KEY}, keep=_KEPT, keep_orders=_KEPT, per_second=per_second)
            )
            redis = await stack.enter_async_context(EmbeddedRedis(folder))
            log = stack.enter_context((folder / "log").open("ab"))
            ports = _free_ports(webs)
            (folder / "relay.toml").write_text(tomli_w.dumps(_config(standin.url, per_second)))
            variables = _variables(folder, redis.url)
            env = {**os.environ, **variables}
            plant = cls(
                folder=folder,
                redis=redis,
                standin=standin,
                origins=[f"http://127.0.0.1:{port}" for port in ports],
                webs=[_process("serve", {**env, "RELAY_PORT": str(port)}, log) for port in ports],
                workers=[_process("work", env, log) for _ in range(workers)],
                env=settings.environment(variables),
                config=settings.load(folder / "relay.toml"),
            )
            for child in (*plant.webs, *plant.workers):
                await child.start()
                stack.push_async_callback(child.stop)
            await plant.ready()
            yield plant

    async def ready(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109
        """Until every web process can record."""
        async with asyncio.timeout(timeout), httpx.AsyncClient(trust_env=False) as http:
            for origin in self.origins:
                while not await _records(http, origin):  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.05)

    async def kill(self, child: Child, *, away: float = 0) -> None:
        """Kill -9, and started again, at once or after `away` seconds."""
        began = time.time()
        self.kills += 1
        await child.kill()
        await asyncio.sleep(away)
        await child.start()
        if child in self.workers:
            self.outages.append(Outage("worker", began, time.time()))

    async def kill_redis(self, *, away: float = 0) -> None:
        """`away`: seconds until it is started again."""
        began = time.time()
        self.kills += 1
        await self.redis.kill()
        await asyncio.sleep(away)
        await self.redis.start()
        self.outages.append(Outage("redis", began, time.time()))

    async def stop_redis(self, seconds: float) -> None:
        """Neither dead nor answering, as on a disk that hangs."""
        began = time.time()
        pid = self.redis.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
            self.outages.append(Outage("redis", began, time.time()))

    async def stop_destination(self, seconds: float) -> None:
        """Calls under way break off, further ones are refused."""
        began = time.time()
        await self.standin.stop()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self.standin.start()
            self.outages.append(Outage("destination", began, time.time()))

    @asynccontextmanager
    async def queries(self) -> AsyncIterator[Queries]:
        client = wiring.redis(self.env)
        try:
            yield Queries(wiring.journal(client, self.config), [SOURCE], ["main"])
        finally:
            await client.aclose(close_connection_pool=True)

    async def settled(self, received: int, within: float) -> Stats:
        """The sum once `received` postbacks came and none is under way, or after `within` seconds."""
        ends = time.monotonic() + within
        async with self.queries() as queries:
            while True:
                stats = await queries.stats()
                waiting = sum(stats.counts[word] for word in ("queued", "retrying", "held"))
                if (stats.received >= received and not waiting) or time.monotonic() > ends:
                    return stats
                await asyncio.sleep(0.2)

    async def statuses(self, relays: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Of each, its status and reason; of those that the journal does not know, nothing."""
        found = {}
        async with self.queries() as queries:
            for relay in relays:
                detail = await queries.detail(relay)
                if detail is not None:
                    found[relay] = (str(detail.relay.status), detail.relay.reason)
        return found

    async def said_stats(self) -> dict[str, Any]:
        """What `relay stats` prints."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay", "stats"),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **_variables(self.folder, self.redis.url)},
        )
        said, _ = await process.communicate()
        answer: dict[str, Any] = json.loads(said)
        return answer


def _process(verb: str, env: dict[str, str], log: Any) -> Child:
    return Child(verb, (sys.executable, "-m", "relay", verb), env=env, output=log)


async def _records(http: httpx.AsyncClient, origin: str) -> bool:
    try:
        return (await http.get(f"{origin}/readyz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _variables(folder: Path, redis: str) -> dict[str, str]:
    return {
        "RELAY_CONFIG": str(folder / "relay.toml"),
        "RELAY_DATA_DIR": str(folder),
        "RELAY_REDIS_URL": redis,
        "RELAY_LOG_LEVEL": "warning",
        "RELAY_LOG_FORMAT": "json",
    }


def _config(standin: str, per_second: int) -> dict[str, Any]:
    return {
        "destinations": {
            "main": {
                "api_key": KEY,
                "url": standin,
                "rate_per_minute": 0,
                "rate_per_second": per_second,
                "timeout": f"{round(TIMEOUT * 1000)}ms",
                "lease": f"{round(LEASE * 1000)}ms",
                "retry_schedule": ["200ms"] * 1000,  # nothing is to die of the destination's trouble
            }
        },
        "sources": {
            SOURCE: {
                "adapter": "checkoutchamp",
                "destination": "main",
                "tokens": [TOKEN],
                "currency": "USD",
                "since": "2026-01-01",
            }
        },
    }

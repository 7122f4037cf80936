"""A relay as an operator runs it: Redis, web and worker processes, and the stand-in behind them."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import tomli_w

from relay import settings
from relay.addresses import free_port
from relay.children import Child
from relay.embedded import EmbeddedRedis
from relay.tasks import end
from relay.testing.standin import Standin
from tests.faults.outages import Outages
from tests.faults.store import Store
from tests.faults.traffic import SOURCE, TOKEN

KEY: Final = "key-of-the-fault-suite"
TIMEOUT: Final = 1.0
"""Seconds of one try; what the stand-in answers later the relay never learns."""

LEASE: Final = 4.0
_KEPT: Final = 1_000_000
_FULL: Final = 16 * 1024
"""Bytes a file may have on a full disk: what is longer cannot grow any more."""

_STALL: Final = 0.3
"""Seconds for which the stand-in, which runs in this process, may see nothing before that is an outage."""

_UP: Final = 30.0
"""Seconds a process may take to start."""


@dataclass(frozen=True, slots=True)
class Size:
    """`per_minute` and `per_second` are the destination's rate, 0 for none; it enforces them itself.

    The usual rate is one that a backlog reaches, and the postbacks as they come do not.
    """

    webs: int = 2
    workers: int = 2
    per_minute: int = 6000
    per_second: int = 120

    @property
    def each(self) -> float:
        """Seconds of the budget that a call takes, and a tenth more."""
        rates = [(self.per_minute, 60.0), (self.per_second, 1.0)]
        return 1.1 * max((span / rate for rate, span in rates if rate), default=0.01)


@dataclass(slots=True)
class Plant:
    """Everything that runs. `unwilling` counts processes that did not end by themselves when asked to."""

    folder: Path
    store: Store
    standin: Standin
    origins: list[str]
    webs: list[Child]
    workers: list[Child]
    env: settings.Environment
    config: settings.Config
    outages: Outages
    killed: int = 0
    unwilling: int = 0
    _watches: dict[asyncio.Task[None], Child] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, size: Size) -> AsyncIterator[Plant]:
        async with AsyncExitStack() as stack:
            standin = await stack.enter_async_context(
                Standin.serve(
                    keys={KEY},
                    keep=_KEPT,
                    keep_orders=_KEPT,
                    per_minute=size.per_minute,
                    per_second=size.per_second,
                )
            )
            redis = await stack.enter_async_context(EmbeddedRedis(folder))
            log = stack.enter_context((folder / "log").open("ab"))
            ports = _ports(size.webs)
            (folder / "relay.toml").write_text(tomli_w.dumps(_config(standin.url, size)))
            variables = _variables(folder, redis.url)
            env = {**os.environ, **variables, "RELAY_FAULTS_CLOCK": str(folder / "clock")}
            outages = Outages()
            plant = cls(
                folder=folder,
                store=Store(redis, outages),
                standin=standin,
                origins=[f"http://127.0.0.1:{port}" for port in ports],
                webs=[_process("serve", {**env, "RELAY_PORT": str(port)}, log) for port in ports],
                workers=[_process("work", env, log) for _ in range(size.workers)],
                env=settings.environment(variables),
                config=settings.load(folder / "relay.toml"),
                outages=outages,
            )
            plant.set_clock(0)
            watching = asyncio.create_task(plant._watch_standin())
            stack.push_async_callback(end, watching)
            for child in (*plant.webs, *plant.workers):
                await child.start()
                stack.push_async_callback(child.stop)
            await plant.ready()
            yield plant

    async def _watch_standin(self) -> None:
        while True:
            began = time.time()
            await asyncio.sleep(0.05)
            if time.time() - began > _STALL:
                self.outages.add("stand-in", began)

    def set_clock(self, seconds: float) -> None:
        """The one of web and worker processes is ahead of the true one by `seconds`."""
        fresh = self.folder / "clock.new"
        fresh.write_text(str(seconds))
        fresh.rename(self.folder / "clock")

    @property
    def kills(self) -> int:
        return self.killed + self.store.kills

    async def ready(self) -> None:
        """Until every web process can record."""
        await asyncio.gather(*self._watches)
        async with asyncio.timeout(_UP), httpx.AsyncClient(trust_env=False) as http:
            for origin in self.origins:
                while not await _answers(http, f"{origin}/readyz"):  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.05)

    async def all_up(self, children: Sequence[Child]) -> None:
        """Until none of them is just starting."""
        while starting := [watch for watch, child in self._watches.items() if child in children]:
            await asyncio.wait(starting)

    async def kill(self, child: Child, *, away: float = 0) -> None:
        """Kill -9, and started again, at once or after `away` seconds."""
        began = time.time()
        self.killed += 1
        await child.kill()
        await asyncio.sleep(away)
        await child.start()
        self._comes_back(child, began)

    async def restart(self, child: Child) -> None:
        """As on a release: asked to end, and started again. No reason to send anything twice."""
        began = time.time()
        await child.stop()
        self.unwilling += await child.wait() == -signal.SIGKILL
        await child.start()
        if child in self.webs:
            self._comes_back(child, began)

    async def freeze(self, child: Child, seconds: float) -> None:
        """Stopped in the middle of whatever it does, and let go on."""
        began = time.time()
        os.kill(child.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(child.pid, signal.SIGCONT)
            self._comes_back(child, began)

    def _comes_back(self, child: Child, began: float) -> None:
        watch = asyncio.create_task(self._until_back(child, began))
        self._watches[watch] = child
        watch.add_done_callback(self._watches.pop)

    async def _until_back(self, child: Child, began: float) -> None:
        if child in self.workers:
            self.outages.add("worker", began)
            return
        origin = self.origins[self.webs.index(child)]
        async with asyncio.timeout(_UP), httpx.AsyncClient(trust_env=False) as http:
            while not await _answers(http, f"{origin}/healthz"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        self.outages.add("web", began)

    @asynccontextmanager
    async def full_disk(self, *children: Child, redis: bool = False) -> AsyncIterator[None]:
        """No file of these processes can grow any more; with `redis`, of Redis neither."""
        pids = [child.pid for child in children] + ([self.store.server.pid] if redis else [])
        with self.outages.of("disk"):
            for pid in pids:
                _limit_files(pid, _FULL)
            try:
                yield
            finally:
                for pid in pids:
                    _limit_files(pid, resource.RLIM_INFINITY)

    async def stop_destination(self, seconds: float) -> None:
        """Calls under way break off, further ones are refused."""
        with self.outages.of("destination"):
            await self.standin.stop()
            try:
                await asyncio.sleep(seconds)
            finally:
                await self.standin.start()

    async def said(self, *words: str) -> str:
        """What `relay WORDS` prints."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay", *words),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **_variables(self.folder, self.store.server.url)},
        )
        out, _ = await process.communicate()
        return out.decode()


def _process(verb: str, env: dict[str, str], log: Any) -> Child:
    return Child(verb, (sys.executable, "-m", "tests.faults.clocked", verb), env=env, output=log)


def _limit_files(pid: int, most: int) -> None:
    """Of a process that may have died meanwhile."""
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
    except ProcessLookupError:
        return


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _ports(count: int) -> list[int]:
    """None that the system gives to clients: one of them could take it while its process is down."""
    return [free_port("127.0.0.1", 0) for _ in range(count)]


def _variables(folder: Path, redis: str) -> dict[str, str]:
    return {
        "RELAY_CONFIG": str(folder / "relay.toml"),
        "RELAY_DATA_DIR": str(folder),
        "RELAY_REDIS_URL": redis,
        "RELAY_LOG_LEVEL": "debug",
        "RELAY_LOG_FORMAT": "json",
    }


def _config(standin: str, size: Size) -> dict[str, Any]:
    return {
        "destinations": {
            "main": {
                "api_key": KEY,
                "url": standin,
                "rate_per_minute": size.per_minute,
                "rate_per_second": size.per_second,
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

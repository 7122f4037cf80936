"""What the benches share: a folder with its own Redis, processes of the relay, and rows of the table."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w

from relay.addresses import LOOPBACK, free_port
from relay.embedded import EmbeddedRedis

TOKEN: Final = "a-token-of-the-benches"
KEY: Final = "a-key-of-the-benches"


@dataclass(frozen=True, slots=True)
class Web:
    """A web process."""

    origin: str
    pid: int

    def intake(self, source: str = "shop") -> str:
        return f"{self.origin}/in/{source}/{TOKEN}"


@dataclass(frozen=True, slots=True)
class Rig:
    """An empty journal on a Redis of its own, and what a process needs to use it."""

    folder: Path
    redis_url: str

    @property
    def env(self) -> dict[str, str]:
        return {
            "RELAY_REDIS_URL": self.redis_url,
            "RELAY_CONFIG": str(self.folder / "relay.toml"),
            "RELAY_DATA_DIR": str(self.folder),
            "RELAY_LOG_LEVEL": "error",
        }

    def configure(self, raw: dict[str, Any]) -> None:
        (self.folder / "relay.toml").write_text(tomli_w.dumps(raw))

    @asynccontextmanager
    async def web(self, **env: str) -> AsyncIterator[Web]:
        port = free_port(LOOPBACK, 0)
        async with process("relay", "serve", env={**self.env, "RELAY_PORT": str(port), **env}) as running:
            await listening(port)
            yield Web(f"http://127.0.0.1:{port}", running.pid)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        async with process("relay", "work", env=self.env):
            yield


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    with tempfile.TemporaryDirectory() as name:
        async with EmbeddedRedis(Path(name)) as redis:
            yield Rig(Path(name), redis.url)


def destination(url: str, **more: Any) -> dict[str, Any]:
    return {"api_key": KEY, "url": url, "rate_per_minute": 0, "rate_per_second": 0, **more}


def source(to: str = "main") -> dict[str, Any]:
    return {"adapter": "checkoutchamp", "destination": to, "tokens": [TOKEN], "currency": "USD"}


@asynccontextmanager
async def process(
    *words: str, env: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, env={**os.environ, **(env or {})}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        await running.wait()


async def output(*words: str, env: dict[str, str] | None = None) -> bytes:
    """What `python -m` says to the end."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, env={**os.environ, **(env or {})}, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await running.communicate()
    return out


def cpu(process: int) -> float:
    """Seconds of CPU a process has used: they depend less than a rate on what else the machine does."""
    _, _, rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")
    user, system = rest.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def head() -> None:
    sys.stdout.write("| figure | measured | aim |\n| --- | --- | --- |\n")


def row(name: str, value: str, aim: str = "") -> None:
    sys.stdout.write(f"| {name} | {value} | {aim} |\n")
    sys.stdout.flush()


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]

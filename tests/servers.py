"""Redis servers by TCP: a master, its replica, and a Sentinel that watches over them."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from relay.children import Child
from relay.embedded import find_server
from tests.support import eventually

SERVICE = "relay"
DOWN_AFTER_MS = 500


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Server:
    """One process; `start` after `kill` brings it back with its data."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, *, sentinel: bool = False
    ) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._sentinel = sentinel
        base = {} if sentinel else {"appendonly": "yes", "appendfsync": "always", "save": ""}
        self._settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            **base,
            **(settings or {}),
        }
        self._child: Child | None = None

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "redis.conf"
        if not config.exists():  # a Sentinel, and whoever it tells, write down there whom they follow
            lines = (f"{key} {value}" for key, value in self._settings.items())
            config.write_text("\n".join(lines) + "\n")
        command: list[str | Path] = [find_server(), config, *(["--sentinel"] if self._sentinel else [])]
        with (self._folder / "redis.log").open("ab") as log:
            self._child = Child("redis", command, output=log)
            await self._child.start()
        await eventually(self.answers)

    async def answers(self) -> bool:
        try:
            return bool(await self.ask("PING"))
        except (RedisError, OSError):
            return False

    async def ask(self, *command: str) -> Any:
        async with Redis(port=self.port, socket_timeout=2) as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def role(self) -> str:
        return cast("bytes", (await self.ask("ROLE"))[0]).decode()

    async def kill(self) -> None:
        if self._child is not None:
            await self._child.kill()

    async def move(self, port: int) -> None:
        """Starts with its data, as a master, at another's port, where clients take it for that one."""
        await self.kill()
        config = self._folder / "redis.conf"
        config.write_text(re.sub(r"(?m)^(port|replicaof) .*\n", "", config.read_text()) + f"port {port}\n")
        self.port, self.url = port, f"redis://127.0.0.1:{port}/0"
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()


@dataclass
class Pair:
    """A master and its replica."""

    master: Server
    replica: Server

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[Pair]:
        async with (
            Server(folder / "one") as master,
            Server(folder / "two", {"replicaof": f"127.0.0.1 {master.port}"}) as replica,
        ):
            pair = cls(master, replica)
            await eventually(pair.linked)
            yield pair

    async def linked(self) -> bool:
        role = await self.replica.ask("ROLE")
        return bool(role[0] == b"slave" and role[3] == b"connected")


@dataclass
class Watched:
    """A pair with a Sentinel that makes the replica the master when the master is gone."""

    pair: Pair
    sentinel: Server

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{SERVICE}"

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[Watched]:
        async with AsyncExitStack() as stack:
            pair = await stack.enter_async_context(Pair.running(folder))
            sentinel = Server(folder / "sentinel", sentinel=True)
            await stack.enter_async_context(sentinel)
            for command in (
                ("MONITOR", SERVICE, "127.0.0.1", str(pair.master.port), "1"),
                ("SET", SERVICE, "down-after-milliseconds", str(DOWN_AFTER_MS)),
                ("SET", SERVICE, "failover-timeout", "3000"),
            ):
                await sentinel.ask("SENTINEL", *command)
            watched = cls(pair, sentinel)
            await eventually(watched.knows_the_replica)
            yield watched

    async def knows_the_replica(self) -> bool:
        found = await self.sentinel.ask("SENTINEL", "REPLICAS", SERVICE)
        return [dict(zip(one[::2], one[1::2], strict=True))[b"flags"] for one in found] == [b"slave"]

    async def promoted(self) -> None:
        """Returns when the replica is the master, and Sentinel says so."""

        async def master() -> bool:
            address = await self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            return bool(int(address[1]) == self.pair.replica.port)

        await eventually(master)

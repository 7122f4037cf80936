"""RELAY_REDIS_URL: what it may say, and that a wrong one stops the start without telling its password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from relay import redis_url, wiring
from relay.errors import SettingsError
from relay.settings import environment
from tests.servers import SERVICE, Watched, free_port
from tests.shell import Shell
from tests.support import House, placed
from tests.tls import certificate, front

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"http://:{SECRET}@host", "expected it to start with one of redis://, rediss://, unix://"),
        (
            f"redis://:{SECRET}/{SECRET}@host:6379/0",
            "has a wrong host or port; expected HOST or HOST:PORT; write",
        ),
        (
            f"redis://:{SECRET}#{SECRET}@host:6379/0",
            "is not a URL; write / # ? @ : % in user and password as",
        ),
        (f"redis://[:{SECRET}@host", "is not a URL"),
        (f"redis://:{SECRET}@host:70000", "has a wrong host or port"),
        (f"redis://:{SECRET}@one,two", "names several hosts"),
        (f"redis://:{SECRET}@host/{SECRET}", "names a database that is no number"),
        (f"redis://:{SECRET}@host?{SECRET}=1", "has an option after the ? that is not known; known are db"),
        (f"redis://:{SECRET}@host?ssl_ca_certs=ca.pem", "sets ssl_ca_certs, which is for rediss://"),
        (f"rediss://:{SECRET}@host?ssl_ca_certs=/no/{SECRET}.pem", "No such file or directory"),
        (f"rediss://:{SECRET}@host?ssl_cert_reqs={SECRET}", "none of required, optional, none"),
        (f"rediss://:{SECRET}@host?ssl_check_hostname={SECRET}", "neither true nor false"),
        (f"unix://:{SECRET}@host/socket", "has a host before the socket's path"),
        (f"unix://:{SECRET}@", "names no socket"),
        (f"redis+sentinel://:{SECRET}@one:26379,two:26379", "names no service"),
        (f"redis+sentinel://:{SECRET}@one:26379,/relay/{SECRET}", "names a database that is no number"),
    ],
)
def test_a_wrong_url_is_said_in_one_line_without_its_password(url: str, says: str) -> None:
    with pytest.raises(SettingsError) as told:
        redis_url.pool(url)
    message = str(told.value)
    assert message.startswith("RELAY_REDIS_URL ")
    assert says in message
    assert SECRET not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://host", {"host": "host", "port": 6379, "db": 0}),
        ("redis://host/3", {"host": "host", "port": 6379, "db": 3}),
        ("redis://host?db=4", {"host": "host", "db": 4}),
        ("redis://:p%40ss%2Fword@[::1]:7000", {"host": "::1", "port": 7000, "password": "p@ss/word"}),
        ("redis://relay:pa@host", {"username": "relay", "password": "pa"}),
        ("rediss://host", {"ssl_cert_reqs": "required", "ssl_check_hostname": True}),
        ("rediss://host?ssl_cert_reqs=none", {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("unix:///run/redis.sock?db=2", {"path": "/run/redis.sock", "db": 2}),
        ("unix://relay:pa@/run/redis.sock", {"path": "/run/redis.sock", "username": "relay"}),
    ],
)
def test_a_url_says_where_and_as_whom(url: str, expected: dict[str, object]) -> None:
    found: ConnectionPool = redis_url.pool(url)
    assert expected.items() <= found.connection_kwargs.items()


async def test_a_redis_that_is_loading_is_asked_a_few_times_and_not_from_within_each_connection() -> None:
    connections = 0

    async def loading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.read(1000):
            writer.write(b"-LOADING Redis is loading the dataset in memory\r\n")
        writer.close()

    server = await asyncio.start_server(loading, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        client = wiring.redis(environment({"RELAY_REDIS_URL": f"redis://127.0.0.1:{port}"}))
        with pytest.raises(BusyLoadingError):
            await client.ping()
        await client.aclose(close_connection_pool=True)
    assert connections <= 4


async def test_a_wrong_url_stops_the_start(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": f"rediss//:{SECRET}@host", "THE_KEY": "key"})
    shell.configure("http://127.0.0.1:1")
    for command in ("serve", "work", "check"):
        ran = await shell.relay(command)
        assert ran.code != 0
        (line,) = ran.err.splitlines()
        assert "RELAY_REDIS_URL" in line
        assert SECRET not in line


async def test_a_user_with_a_password_and_only_the_relay_s_keys_is_enough(
    redis: Redis, house: House, tmp_path: Path
) -> None:
    command = cast("Callable[..., Awaitable[Any]]", redis.execute_command)
    path = redis.connection_pool.connection_kwargs["path"]
    rights = ["~{relay}*", "~arq:*", "&*", "+@all", "-@dangerous", "+info", "+config|get", "+bgrewriteaof"]
    await command("ACL", "SETUSER", "relay", "on", f">{SECRET}/@", *rights)
    try:
        async with House.built(f"unix://relay:{SECRET}%2F%40@{path}", tmp_path / "own") as own:
            await own.start()
            answer = await own.post(placed())
            await own.until(answer.id, "delivered")
    finally:
        await command("ACL", "DELUSER", "relay")


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with Watched.running(tmp_path / "redis") as watched:
        yield watched


async def test_sentinel_names_the_master(watched: Watched, tmp_path: Path) -> None:
    gone = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{watched.sentinel.port}/{SERVICE}/1"
    async with House.built(gone, tmp_path / "data") as house:
        await house.start()
        answer = await house.post(placed())
        await house.until(answer.id, "delivered")
    assert (await watched.pair.master.ask("INFO", "keyspace")).keys() == {"db1"}


async def test_by_tls_a_server_is_trusted_whose_certificate_is_by_the_named_authority(
    redis: Redis, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    async with front(cert, key, redis.connection_pool.connection_kwargs["path"]) as port:
        trusting = f"rediss://localhost:{port}/0?ssl_ca_certs={cert}"
        async with House.built(trusting, tmp_path / "data") as house:
            await house.start()
            answer = await house.post(placed())
            await house.until(answer.id, "delivered")
        for url in (f"rediss://localhost:{port}", trusting.replace("localhost", "127.0.0.1")):
            stranger = Redis(connection_pool=redis_url.pool(url))
            with pytest.raises(RedisConnectionError, match="certificate verify failed"):
                await stranger.ping()
            await stranger.aclose(close_connection_pool=True)

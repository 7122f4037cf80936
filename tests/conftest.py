"""A real Redis of the tests' own, an empty database for each, and a whole relay around it on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from relay.embedded import EmbeddedRedis
from tests.ops.receivers import Hook, Mailbox
from tests.support import House, RedisProcess

if TYPE_CHECKING:
    from relay.testing.standin import Standin


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess.started(tmp_path_factory.mktemp("redis")) as process:
        yield process


@pytest.fixture
async def redis(redis_process: RedisProcess) -> AsyncIterator[Redis]:
    """An empty database."""
    client = Redis.from_url(redis_process.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def house(redis: Redis, redis_process: RedisProcess, tmp_path: Path) -> AsyncIterator[House]:
    """A relay with one source, one destination and the stand-in behind it; nothing runs until started."""
    async with House.built(redis_process.url, tmp_path) as house:
        yield house


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    """A Redis that a test may stop."""
    async with EmbeddedRedis(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def standin(house: House) -> Standin:
    return house.standin


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """Where alerts go; before `house`, so that it outlives the processes that send them."""
    async with Hook.serving() as hook:
        yield hook


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with Mailbox.serving() as box:
        yield box

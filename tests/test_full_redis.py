"""A full Redis: what it holds goes out, what comes is spooled, and both are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from relay.embedded import EmbeddedRedis
from tests.support import House, placed


@asynccontextmanager
async def full(redis: EmbeddedRedis) -> AsyncIterator[None]:
    client = Redis.from_url(redis.url)
    await client.config_set("maxmemory", (await client.info("memory"))["used_memory"] // 2)
    try:
        yield
    finally:
        await client.config_set("maxmemory", 0)
        await client.aclose()


@pytest.fixture
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis]:
    async with EmbeddedRedis(tmp_path_factory.mktemp("own")) as redis:
        yield redis


@pytest.fixture
async def shop(own: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with House.built(own.url, tmp_path_factory.mktemp("data")) as house:
        yield house


async def test_what_a_full_redis_holds_goes_out_though_no_job_can_be_queued(
    shop: House, own: EmbeddedRedis
) -> None:
    await shop.serve()
    before = [await shop.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(5)]
    async with full(own):
        during = await shop.post(placed("B-1"))
        await shop.work()
        for answer in before:
            await shop.until(answer.id, "delivered")
        stats = (await shop.api("GET", "/stats")).json()
        assert (stats["counts"]["delivered"], stats["counts"]["queued"], stats["spool"]) == (5, 1, 1)
        assert stats["balanced"] is True
    await shop.until(during.id, "delivered")
    assert shop.standin.accepted_total == 6
    assert shop.standin.violations == []

"""SIGTERM loses nothing, and a worker ends in its deadline whatever does not answer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import tomli_w

from relay.embedded import EmbeddedRedis
from relay.testing.standin import Standin
from tests.shell import Shell
from tests.support import House, placed


@asynccontextmanager
async def worker(house: House, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of its own, as an operator runs it."""
    (folder / "relay.toml").write_text(tomli_w.dumps(house.raw | {"sources": {"shop": _SHOP}}))
    url = house.env.redis_url
    assert url is not None
    shell = Shell(folder, {"RELAY_REDIS_URL": url.get_secret_value()})
    async with shell.running("work") as process:
        yield process


_SHOP = {"adapter": "checkoutchamp", "destination": "main", "tokens": ["t"]}


async def test_a_call_under_way_is_finished_and_told(house: House, standin: Standin, tmp_path: Path) -> None:
    await house.serve()
    slow = standin.faults.status(202, delay=30)
    answer = await house.post(placed())
    async with worker(house, tmp_path) as process:
        await standin.wait_for(lambda _: slow.fired == 1, timeout=20)
        process.send_signal(signal.SIGTERM)
        standin.release()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    assert (await house.until(answer.id, "delivered")).relay.attempts == 1
    assert len(standin.accepted) == 1


async def test_what_nobody_answers_is_left_to_its_lease(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path / "redis") as redis, House.built(redis.url, tmp_path) as house:
        house.raw["destinations"]["main"] |= {"timeout": "1s", "lease": "2s"}
        await house.serve()
        deaf = house.standin.faults.delay(60)
        answer = await house.post(placed())
        async with worker(house, tmp_path) as process:
            await house.standin.wait_for(lambda _: deaf.fired == 1, timeout=20)
            os.kill(redis.pid, signal.SIGSTOP)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
        os.kill(redis.pid, signal.SIGCONT)
        house.standin.faults.clear()
        house.standin.release()
        await house.work()
        await house.until(answer.id, "delivered")


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_has_nothing_to_do_ends_at_once(
    house: House, tmp_path: Path, which: signal.Signals
) -> None:
    await house.serve()
    answer = await house.post(placed())
    async with worker(house, tmp_path) as process:
        await house.until(answer.id, "delivered")
        process.send_signal(which)
        assert await asyncio.wait_for(process.wait(), 60) == 0

"""Told to end, a process begins nothing more; told twice, it waits for nobody."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from relay.embedded import EmbeddedRedis
from relay.testing.standin import Standin
from tests.servers import free_port
from tests.shell import Shell
from tests.support import KEY, TOKEN, House, eventually

CLOSED = 15
"""Seconds that no end may take here: far below the longest answer that is waited for."""


@pytest.fixture
async def house(own_redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[House]:
    async with House.built(own_redis.url, tmp_path / "data") as house:
        yield house


@pytest.fixture
def shell(house: House, own_redis: EmbeddedRedis, tmp_path: Path) -> Shell:
    """Two calls at a time, and an answer is waited for longer than any test."""
    variables = {
        "RELAY_REDIS_URL": own_redis.url,
        "RELAY_DATA_DIR": str(tmp_path / "data"),
        "RELAY_PORT": str(free_port()),
        "RELAY_LOG_FORMAT": "json",
        "THE_KEY": KEY,
    }
    shell = Shell(tmp_path, variables)
    more = 'concurrency = 2\ntimeout = "60s"\nlease = "90s"\nrate_per_minute = 0\nrate_per_second = 0'
    shell.configure(house.standin.url, more=more)
    return shell


async def ended(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(CLOSED):
        return await process.wait()


def sale(n: int) -> dict[str, str]:
    return {
        "customerType": "SALE",
        "orderId": f"A{n}",
        "orderStatus": "COMPLETE",
        "responseType": "SUCCESS",
        "emailAddress": f"p{n}@example.com",
        "totalPrice": "49.90",
        "currencyCode": "USD",
    }


async def posted(shell: Shell, http: httpx.AsyncClient, n: int) -> str:
    answer = await http.post(
        f"http://127.0.0.1:{shell.variables['RELAY_PORT']}/in/shop/{TOKEN}", json=sale(n)
    )
    assert answer.status_code == 200
    relay: str = answer.json()["id"]
    return relay


@asynccontextmanager
async def web(shell: Shell, http: httpx.AsyncClient) -> AsyncIterator[asyncio.subprocess.Process]:
    async def answers() -> bool:
        try:
            return (await http.get(f"http://127.0.0.1:{shell.variables['RELAY_PORT']}/healthz")).is_success
        except httpx.TransportError:
            return False

    async with shell.running("serve") as process:
        await eventually(answers)
        yield process


async def sent_once(house: House, relays: list[str]) -> None:
    for relay in relays:
        await house.until(relay, "delivered")
    assert sorted(r.body["orderId"] for r in house.standin.accepted) == [f"A{n}" for n in range(len(relays))]
    assert house.standin.violations == []


async def under_way(standin: Standin, calls: int) -> None:
    """Until so many calls wait at the stand-in, which answers when it is told to."""
    fault = standin.faults.delay(60, times=calls)
    await standin.wait_for(lambda _: fault.fired == calls, timeout=CLOSED)


async def test_a_worker_that_is_told_to_end_waits_for_its_answers_and_begins_nothing(
    house: House, shell: Shell
) -> None:
    async with web(shell, house.http), shell.running("work") as first:
        relays = [await posted(shell, house.http, n) for n in range(6)]
        await under_way(house.standin, 2)
        first.terminate()
        await eventually(lambda: _left(house))
        house.standin.release()
        assert await ended(first) == 0
        assert house.standin.accepted_total == 2
        async with shell.running("work"):
            await sent_once(house, relays)  # what was claimed and not begun, too: no lease has to run out


async def test_a_worker_told_twice_ends_at_once_and_its_relays_are_still_there(
    house: House, shell: Shell
) -> None:
    async with web(shell, house.http), shell.running("work") as process:
        relay = await posted(shell, house.http, 0)
        await under_way(house.standin, 1)
        process.terminate()
        await eventually(lambda: _left(house))
        process.terminate()
        assert await ended(process) == 0
        await house.until(relay, "queued")


async def _left(house: House) -> bool:
    """Whether the drain has signed off."""
    return not await house.journal().redis.exists("{relay}:drain:main")


async def test_a_web_process_told_to_end_answers_what_it_is_receiving(house: House, shell: Shell) -> None:
    body = json.dumps(sale(0)).encode()
    async with web(shell, house.http) as process:
        port = int(shell.variables["RELAY_PORT"])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /in/shop/{TOKEN} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:10])
        await writer.drain()
        await house.http.get(f"http://127.0.0.1:{port}/readyz")  # behind the first half
        process.terminate()
        await eventually(lambda: _closed(port))
        writer.write(body[10:])
        answer = await asyncio.wait_for(reader.read(), CLOSED)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200")
        assert await ended(process) in (0, -signal.SIGTERM)
        await house.until(json.loads(answer.partition(b"\r\n\r\n")[2])["id"], "queued")


async def _closed(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


async def test_a_web_process_told_twice_waits_for_no_sender(house: House, shell: Shell) -> None:
    async with web(shell, house.http) as process:
        port = int(shell.variables["RELAY_PORT"])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST /in/shop/{TOKEN} HTTP/1.1\r\nhost: l\r\ncontent-length: 9\r\n\r\n{{".encode())
        await writer.drain()
        await house.http.get(f"http://127.0.0.1:{port}/readyz")
        process.terminate()
        await eventually(lambda: _closed(port))
        process.terminate()
        assert await ended(process) in (0, -signal.SIGTERM)
        writer.close()

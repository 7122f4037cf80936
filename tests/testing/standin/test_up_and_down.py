"""A stand-in that goes down and comes back, here or as a process."""

import asyncio
import signal
import socket
import sys

import httpx
import pytest
import uvloop

from relay.testing.standin import Record, Standin
from tests.testing.standin.support import BEARER, KEY, ORDER, client_of, order


async def down_and_back() -> list[Record]:
    async with Standin.serve() as standin, client_of(standin) as client:
        port = standin.port
        await client.post("/orders", json=order())
        await standin.stop()
        await standin.stop()
        with pytest.raises(httpx.ConnectError):
            await client.post("/orders", json=order("fulfilled"))
        await standin.start()
        await standin.start()
        assert standin.port == port
        await client.post("/orders", json=order("fulfilled"))
        return standin.received


async def test_it_goes_down_and_comes_back_with_its_port_and_memory() -> None:
    assert [r.body["status"] for r in await down_and_back()] == ["placed", "fulfilled"]


def test_it_goes_down_and_comes_back_under_uvloop() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert len(runner.run(down_and_back())) == 2


async def test_nobody_can_take_its_port_while_it_is_down() -> None:
    async with Standin.serve() as standin:
        await standin.stop()
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", standin.port))
    with socket.socket() as heir:
        heir.bind(("127.0.0.1", standin.port))


async def test_it_ends_whatever_is_open_and_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with Standin.serve() as standin:
        slow = standin.faults.delay(3600)
        idle = await asyncio.open_connection("127.0.0.1", standin.port)
        halfway = await asyncio.open_connection("127.0.0.1", standin.port)
        halfway[1].write(b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        delayed = await asyncio.open_connection("127.0.0.1", standin.port)
        delayed[1].write(b"GET /api/v1/account HTTP/1.1\r\nHost: a\r\n\r\n")
        await standin.wait_for(lambda _: slow.fired == 1)
    assert asyncio.all_tasks() == before
    for reader, writer in (idle, halfway, delayed):
        await asyncio.gather(reader.read(), return_exceptions=True)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert standin.received == []


async def test_a_taken_port_is_an_error() -> None:
    async with Standin.serve() as standin:
        with pytest.raises(OSError, match="in use"):
            await Standin(port=standin.port).start()


async def process(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay.testing.standin", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_says_its_address_and_ends_when_asked(number: signal.Signals) -> None:
    child = await process("--port", "0", "--key", KEY, "--per-minute", "1")
    assert child.stdout is not None
    line = (await child.stdout.readline()).decode().strip()
    url = line.removeprefix("Stand-in Commerce API: ")
    async with httpx.AsyncClient(base_url=url, headers=BEARER, verify=False) as client:
        statuses = [(await client.post("/orders", json=ORDER)).status_code for _ in range(2)]
        child.send_signal(number)
        out, err = await child.communicate()
    assert statuses == [202, 429]
    assert (child.returncode, out, err) == (0, b"", b"")


async def test_a_process_whose_port_is_taken_says_so(standin: Standin) -> None:
    child = await process("--port", str(standin.port))
    _, err = await child.communicate()
    assert child.returncode == 1
    assert err.startswith(b"The stand-in cannot listen: ")
    assert len(err.splitlines()) == 1

"""Request lines as senders write them that put values into a URL as they are."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import pairwise
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from relay.receive.wire import LONGEST_HEAD, LONGEST_LINE, mended
from tests.support import TOKEN, House

HEAD = b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"


def get(said: str, encoding: str = "utf-8") -> bytes:
    """A request that the spoken platform ignores because of `said`, which stands in it as typed."""
    return f"GET /in/shop/{TOKEN}?ignored={said}".encode(encoding) + HEAD


class Caller:
    """A connection on which bytes are sent as they are."""

    def __init__(self, origin: str) -> None:
        self._where = urlsplit(origin)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._where.hostname, self._where.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def head(self) -> bytes:
        async with asyncio.timeout(10):
            return await self._reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> dict[str, Any]:
        head = (await self.head()).lower()
        async with asyncio.timeout(10):
            assert head.split(b" ")[1] == b"200", head
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            told: dict[str, Any] = json.loads(await self._reader.readexactly(length))
            return told


@pytest.mark.parametrize("said", ["Zoë", "Zoë Müller-Łukasik", "a  b", '{c1}|^`<">\\', "süß HTTP/1.1 süß"])
async def test_what_belongs_in_percent_signs_is_read_as_it_was_meant(house: House, said: str) -> None:
    async with Caller(await house.serve()) as caller:
        await caller.send(get(said))
        assert (await caller.answer())["reason"] == said


async def test_bytes_that_are_no_utf_8_are_recorded_too(house: House) -> None:
    async with Caller(await house.serve()) as caller:
        await caller.send(get("Zoë", "latin-1"))
        assert (await caller.answer())["status"] == "dead"


async def test_a_line_may_come_in_pieces_and_others_after_it(house: House) -> None:
    origin = await house.serve()
    request = get("Zoë Müller")
    async with Caller(origin) as caller, Caller(origin) as other:
        for start, end in pairwise((0, 3, 60, len(request) - 20, len(request))):
            await caller.send(request[start:end])
            await other.send(get(f"until {end}"))
            await other.answer()  # by now the piece was read as well
        assert (await caller.answer())["reason"] == "Zoë Müller"
        await caller.send(b"\r\n" + get("née"))
        assert (await caller.answer())["reason"] == "née"
        body = b"ignored=Zo\xc3\xab"
        await caller.send(get("Zoë").replace(b"Length: 0", b"Length: %d" % len(body)) + body)
        assert (await caller.answer())["reason"] == "Zoë"


@pytest.mark.parametrize("said", ["h2c", "websocket"])
@pytest.mark.parametrize("cut", [None, 20, 150, -30])
async def test_a_sender_that_offers_another_protocol_is_heard_in_this_one(
    house: House, said: str, cut: int | None
) -> None:
    body = b'{"ignored": "heard"}'
    request = (
        f"POST /in/shop/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade, HTTP2-Settings\r\nUPGRADE: {said}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    origin = await house.serve()
    async with Caller(origin) as caller, Caller(origin) as other:
        await caller.send(request[:cut])
        await other.send(get("meanwhile"))
        await other.answer()  # by now the piece was read as well
        await caller.send(request[cut:] if cut else b"")
        assert (await caller.answer())["reason"] == "heard"


async def test_a_long_line_is_read(house: House) -> None:
    async with Caller(await house.serve()) as caller:
        await caller.send(get("é&name=" + "x" * (LONGEST_LINE // 2)))
        assert (await caller.answer())["reason"] == "é"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /in/shop?a=b%20c HTTP/1.1\r\nName: Zo\xc3\xab\r\n\r\n",
        b"POST /in/shop HTTP/1.1\r\n\r\nZo\xc3\xab b",
        b"POST /in/shop HTTP/1.1\r\nNo-Upgrade: h2c\r\n\r\n\nUpgrade: h2c",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\n",
        b"",
    ],
)
def test_what_is_in_order_or_no_request_is_left_alone(request_: bytes) -> None:
    assert mended(request_) == request_


async def test_a_head_without_end_is_refused(house: House) -> None:
    async with Caller(await house.serve()) as caller:
        await caller.send(b"GET /in/shop HTTP/1.1\r\n")
        with suppress(ConnectionError):
            for _ in range(2 * LONGEST_HEAD // 60_000):
                await caller.send(b"a: b\r\n" * 10_000)
        assert (await caller.head()).split(b" ")[1] == b"431"

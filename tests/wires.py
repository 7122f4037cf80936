"""Servers that speak bytes, for what no HTTP library would answer."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def speaking(say: Callable[[StreamReader, StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Gives the URL of a server that has this to say. All of its connections end with it."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await say(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def begin(reader: StreamReader, writer: StreamWriter) -> None:
        talks.add(asyncio.create_task(talk(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for each in talks:
            each.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[str]:
    """Says these, one for each request, and then that all is well."""
    left = list(answers)

    async def say(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if left else OK)
        await writer.drain()

    async with speaking(say) as url:
        yield url


@asynccontextmanager
async def trickling() -> AsyncIterator[str]:
    """Begins an answer, and goes on with a letter now and then."""

    async def say(_: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with speaking(say) as url:
        yield url


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Takes requests and says nothing."""

    async def say(reader: StreamReader, _: StreamWriter) -> None:
        await reader.read()

    async with speaking(say) as url:
        yield url

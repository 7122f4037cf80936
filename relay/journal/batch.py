"""Group commit: what asks for the same script at the same time shares one call, one round trip, one fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST: Final = 32
"""Items in one script: one of 32 records holds Redis for some 3 ms."""

FLIGHTS: Final = 3
"""Scripts under way at once: while one is being fsynced, the next gathers. Measured at 64 connections, three
of 32 took 2,580 postbacks a second, two of 128 took 2,220."""


class Batcher(Generic[Item, Answer]):
    """`flush` answers each item of a list; an error it raises is every item's."""

    def __init__(self, flush: Callable[[list[Item]], Awaitable[Sequence[Answer]]]) -> None:
        self._flush = flush
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._flights: set[asyncio.Task[None]] = set()
        self._aloft = 0

    async def submit(self, item: Item) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._aloft < FLIGHTS:
            self._aloft += 1
            flight = asyncio.create_task(self._fly())
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)
        return await future

    async def _fly(self) -> None:
        try:
            await asyncio.sleep(0)  # lets every request of this turn of the loop come aboard
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._send(batch)
        finally:
            self._aloft -= 1

    async def _send(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._flush([item for item, _ in batch])
        except BaseException as error:  # handed to everyone who waits
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)

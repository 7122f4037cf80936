"""How long from the postback to the destination, alone and beside neighbours in trouble."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from httpx_aiohttp import AiohttpTransport

from relay.testing.standin import Standin
from tests.bench import rig
from tests.bench.load import body
from tests.bench.rig import TOKEN, Rig, percentile

RATE = 100
"""Postbacks a second."""

NEIGHBOURS_RATE = 20
"""Postbacks a second of the one in trouble."""

DESTINATIONS = 200
FIRST = {"warm": 10_000_000, "steady": 20_000_000, "troubled": 50_000_000}
"""Order numbers, so that each part of a run has its own."""


@dataclass
class Times:
    """When each order's postback left, and when its call was answered; seconds since 1970."""

    sent: dict[str, float] = field(default_factory=dict)
    refused: int = 0

    def took(self, standin: Standin) -> list[float]:
        """Milliseconds."""
        return [
            (record.at - self.sent[order]) * 1000
            for record in standin.accepted
            if isinstance(record.body, dict) and (order := str(record.body.get("orderId"))) in self.sent
        ]


async def run(seconds: float) -> None:
    await _alone(seconds)
    await _neighbours(seconds)


async def _alone(seconds: float) -> None:
    async with Standin.serve(keep=1_000_000) as standin, rig.rig() as made:
        made.configure(
            {"destinations": {"main": rig.destination(standin.url)}, "sources": {"shop": rig.source()}}
        )
        async with made.web() as web, made.worker():
            times = await _measured(web.origin, ["shop"], seconds, standin)
        took = times.took(standin)
    rig.row(f"postback to accepted, {RATE}/s, p50", f"{percentile(took, 50):.0f} ms", "60 ms")
    rig.row("its p99", f"{percentile(took, 99):.0f} ms", "250 ms")


async def _neighbours(seconds: float) -> None:
    await _compare(f"one dead destination among {DESTINATIONS}: the others'", _beside_dead, seconds)
    await _compare("one source whose every relay fails: the other's", _beside_failing, seconds)


async def _compare(
    name: str, beside: Callable[[float, bool], Awaitable[list[float]]], seconds: float
) -> None:
    """The same traffic with and without the trouble; the others must not feel it.

    Side by side, each with processes of its own, so that whatever else the machine does meets both.
    """
    well, ill = await asyncio.gather(*(beside(seconds, trouble) for trouble in (False, True)))
    for percent in (50, 99):
        ratio = percentile(ill, percent) / percentile(well, percent)
        rig.row(f"{name} p{percent}", f"{ratio:.2f} times that without", "1.1")


async def _beside_dead(seconds: float, trouble: bool) -> list[float]:
    """One destination of many never answers."""
    async with Standin.serve(keep=1_000_000) as standin, _deaf() as deaf, rig.rig() as made:
        names = [f"d{n}" for n in range(DESTINATIONS)]
        destinations = {name: rig.destination(standin.url, api_key=f"key-of-{name}") for name in names}
        if trouble:
            destinations["d0"]["url"] = deaf
        made.configure(
            {"destinations": destinations, "sources": {f"s-{name}": rig.source(name) for name in names}}
        )
        return await _with_neighbour(made, "s-d0", [f"s-{name}" for name in names[1:]], seconds, standin)


async def _beside_failing(seconds: float, trouble: bool) -> list[float]:
    """One source of two at a destination, whose calls it fails to take, however often they are tried."""
    async with Standin.serve(keep=1_000_000) as standin, rig.rig() as made:
        made.configure(
            {
                "destinations": {"main": rig.destination(standin.url)},
                "sources": {"failing": rig.source(), "shop": rig.source()},
            }
        )
        for number in range(round(seconds * NEIGHBOURS_RATE) if trouble else 0):
            standin.faults.status(500, order_id=_order_id(FIRST["troubled"] + number), times=None)
        return await _with_neighbour(made, "failing", ["shop"], seconds, standin)


async def _with_neighbour(
    made: Rig, neighbour: str, sources: Sequence[str], seconds: float, standin: Standin
) -> list[float]:
    async with made.web() as web, made.worker():
        troubled = _steady(
            web.origin, [neighbour], seconds * NEIGHBOURS_RATE, "troubled", rate=NEIGHBOURS_RATE
        )
        wanted = _measured(web.origin, sources, seconds, standin)
        _, times = await asyncio.gather(troubled, wanted)
    return times.took(standin)


class _deaf:  # noqa: N801 - used as a function is
    """A server that takes connections and never says anything."""

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/v1"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


async def _measured(origin: str, sources: Sequence[str], seconds: float, standin: Standin) -> Times:
    """Once each of `sources` has a drain and a connection, and until all is accepted."""
    warm = await _steady(origin, sources, max(len(sources), RATE), "warm")
    await _all_accepted(standin, warm)
    times = await _steady(origin, sources, seconds * RATE, "steady")
    await _all_accepted(standin, times)
    return times


async def _steady(
    origin: str, sources: Sequence[str], count: float, part: str, *, rate: float = RATE
) -> Times:
    """`count` postbacks at `rate` a second, to one of `sources` after the other; waits for the answers."""
    times = Times()
    async with httpx.AsyncClient(
        base_url=origin, timeout=10, transport=AiohttpTransport(), trust_env=False
    ) as http:
        began = time.time()

        async def send(number: int) -> None:
            await asyncio.sleep(began + number / rate - time.time())
            order = FIRST[part] + number
            content = body(order)
            times.sent[_order_id(order)] = time.time()
            answer = await http.post(f"/in/{sources[number % len(sources)]}/{TOKEN}", content=content)
            times.refused += answer.status_code != HTTPStatus.OK

        await asyncio.gather(*(send(number) for number in range(round(count))))
    if times.refused:
        sys.exit(f"{times.refused} postbacks were refused: nothing was measured")
    return times


def _order_id(order: int) -> str:
    """As the call names it."""
    return f"{order:010X}"


async def _all_accepted(standin: Standin, times: Times) -> None:
    await standin.wait_for(lambda standin: len(times.took(standin)) >= len(times.sent), timeout=60)

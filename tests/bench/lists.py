"""Lists and pages led by an index, and the intake: what they cost beside many dead letters, as ratios to few;
and whether the web process stays as small as it was.

Both journals are asked in turns, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from redis.asyncio import Redis

from relay.journal import codec
from relay.journal.ids import Ids
from relay.journal.journal import Journal, Wakeup
from relay.journal.records import BookEntry, Recording, Status
from relay.normalise import times
from tests.bench import load, rig

FEW: Final = 1_000
ROUNDS: Final = 40
INTAKES: Final = 7
_AT_ONCE: Final = 250
_OF_ORDERS: Final = 10
"""Each tenth has an order and a customer; the others could not be read."""

_REGULAR: Final = 300
"""Dead letters of one customer, so that a page of theirs is full."""

_EMAIL: Final = "regular@example.com"
_HEADERS: Final = {"authorization": f"Bearer {rig.TOKEN}"}
_LISTS: Final = {
    "status": "/api/v1/relays?status=dead",
    "status, in the middle": "/api/v1/relays?status=dead&cursor={middle}",
    "status and source": "/api/v1/relays?status=dead&source=shop",
    "status and time": "/api/v1/relays?status=dead&since=1d",
    "issue": "/api/v1/relays?issue={issue}",
    "e-mail": f"/api/v1/relays?email={_EMAIL}",
    "order": "/api/v1/relays?order=O-500",
    "issues": "/api/v1/issues",
    "stats": "/api/v1/stats",
    "page: overview": "/ops/",
    "page: relays": "/ops/relays?filter=status%3Adead",
    "page: issues": "/ops/issues",
    "page: relay": "/ops/relays/{middle}",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A web process beside so many dead letters."""

    http: httpx.AsyncClient
    web: rig.Web
    redis: int
    names: dict[str, str]

    async def took(self, path: str) -> float:
        """Milliseconds."""
        started = time.perf_counter()
        answer = await self.http.get(path.format(**self.names), headers=_HEADERS)
        if answer.status_code != httpx.codes.OK:
            sys.exit(f"{path} was answered with {answer.status_code}: nothing was measured")
        return (time.perf_counter() - started) * 1000

    @property
    def memory(self) -> int:
        """MiB."""
        status = Path(f"/proc/{self.web.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) >> 10


async def run(relays: int) -> None:
    async with AsyncExitStack() as stack:
        few = await stack.enter_async_context(_subject(FEW))
        started = time.perf_counter()
        many = await stack.enter_async_context(_subject(relays))
        rig.row(f"{relays} dead letters recorded", f"{time.perf_counter() - started:.0f} s")
        for name, path in _LISTS.items():
            await _compare(name, path, few, many)
        await _search(many)
        await _intake(few, many)
        rig.row("memory of the web process", f"{many.memory} MiB, beside few {few.memory} MiB", "flat")


async def _compare(name: str, path: str, few: Subject, many: Subject) -> None:
    for subject in (few, many):
        await subject.took(path)
    pairs = [(await few.took(path), await many.took(path)) for _ in range(ROUNDS)]
    one, other = (statistics.median(took) for took in zip(*pairs, strict=True))
    rig.row(f"{name}: many beside few", f"{other / one:.2f} ({other:.1f} ms, {one:.1f} ms)", "2")


async def _search(many: Subject) -> None:
    """A word that no index answers and no relay has: how long a page searches, and how far it comes."""
    started = time.perf_counter()
    answer = await many.http.get("/api/v1/relays?status=dead&q=nowhere", headers=_HEADERS)
    took = time.perf_counter() - started
    rig.row(
        "a word behind the index", f"searched {answer.json()['searched']} in {took * 1000:.0f} ms", "200 ms"
    )


async def _intake(few: Subject, many: Subject) -> None:
    """In the end, since it adds to both what they hold."""
    pairs = []
    for turn in range(INTAKES):
        first = 1 + turn * 10_000_000
        pairs.append([await load.measured(s.web.intake(), 2, first, s.web.pid, s.redis) for s in (few, many)])
    rates = statistics.median(one["rate"] / other["rate"] for one, other in pairs)
    costs = statistics.median(other["cpu"] / one["cpu"] for one, other in pairs)
    rig.row("intake beside few, as a rate: to that beside many", f"{rates:.2f}", "within 1.1")
    rig.row("its CPU in web process and Redis: beside many to beside few", f"{costs:.2f}", "within 1.1")


@asynccontextmanager
async def _subject(relays: int) -> AsyncIterator[Subject]:
    async with rig.rig() as bench, AsyncExitStack() as stack:
        bench.configure(
            {
                "destinations": {"main": rig.destination("http://127.0.0.1:9/api/v1")},
                "sources": {"shop": rig.source()},
            }
        )
        redis = Redis.from_url(bench.redis_url)
        stack.push_async_callback(redis.aclose)
        await redis.config_set("appendfsync", "no")  # only while it is filled
        middle = await fill(Journal(redis, Wakeup()), relays)
        await redis.config_set("appendfsync", "always")
        web = await stack.enter_async_context(bench.web(RELAY_API_TOKEN=rig.TOKEN))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=web.origin, timeout=60))
        issues = (await http.get("/api/v1/issues", headers=_HEADERS)).json()["issues"]
        largest = max(issues, key=lambda issue: int(issue["count"]))
        server = (await redis.info("server"))["process_id"]
        yield Subject(http, web, server, {"issue": largest["id"], "middle": middle})


async def fill(journal: Journal, relays: int) -> str:
    """Records dead letters through the journal's own script; gives the id of the middle one."""
    ids, middle = Ids(), ""
    for start in range(0, relays, _AT_ONCE):
        batch = [_dead(ids.new(), n) for n in range(start, min(start + _AT_ONCE, relays))]
        await journal.record_spooled([(recording, 0) for recording in batch])
        if start <= relays // 2:
            middle = batch[-1].id
    return middle


_POSTBACK: Final = {"method": "POST", "query": "", "headers": {}, "body": "{}"}


def _dead(relay: str, number: int) -> Recording:
    common: dict[str, Any] = {
        "id": relay,
        "source": "shop",
        "adapter": "checkoutchamp",
        "destination": "main",
        "at_ms": times.now_ms(),
        "status": Status.DEAD,
        "copy": relay,
        "window_ms": 1000,
    }
    postback = {**_POSTBACK, "received_at": times.now_ms()}
    if number % _OF_ORDERS:
        reason = f"product{number % 5}_price: is not an amount"
        blob = codec.pack({"postback": postback, "reading": {"error": "unmappable", "reason": reason}})
        return Recording(**common, blob=blob, reason=reason, stage="normalise")
    order = f"O-{number}"
    email = _EMAIL if number < _REGULAR * _OF_ORDERS else f"{number}@example.com"
    event = {
        "kind": "order.placed",
        "order_id": order,
        "names": [f"id:{order}"],
        "customer": {"email": email},
    }
    blob = codec.pack({"postback": postback, "reading": {"events": [event]}})
    entry = BookEntry((f"id:{order}",), json.dumps([event]))
    refusal = f"422: order {order} is not known here"
    return Recording(
        **common,
        blob=blob,
        reason=refusal,
        stage="deliver",
        kinds="order.placed",
        email=email,
        order=order,
        orders=(entry,),
        places=True,
        is_order=True,
    )

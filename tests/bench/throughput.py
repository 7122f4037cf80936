"""How many a second: intake of one web process, delivery of one worker, and what a relay takes of memory."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable
from typing import Any, cast

import httpx
from redis.asyncio import Redis

from relay.addresses import port_near
from tests.bench import rig
from tests.bench.load import body
from tests.bench.rig import TOKEN, Rig


async def run(seconds: float, rounds: int) -> None:
    standin = port_near(23000)
    async with (
        rig.rig() as made,
        rig.process("relay.testing.standin", "--port", str(standin), "--keep", "100"),
    ):
        url = f"http://127.0.0.1:{standin}/api/v1"
        made.configure({"destinations": {"main": rig.destination(url)}, "sources": {"shop": rig.source()}})
        redis = Redis.from_url(made.redis_url)
        await _intake(made, seconds, rounds)
        await _memory(redis)
        await _delivery(made, standin, redis, url)
        await redis.aclose()


async def _intake(made: Rig, seconds: float, rounds: int) -> None:
    bare = port_near(21000)
    first = 1
    async with rig.process("tests.bench.bare", str(bare)), made.web() as origin:
        await rig.listening(bare)
        ratios, tails, rates = [], [], []
        for _ in range(rounds):
            reference = await _load(f"http://127.0.0.1:{bare}/in/shop/{TOKEN}", seconds, first)
            ours = await _load(f"{origin}/in/shop/{TOKEN}", seconds, first)
            first += 10_000_000
            ratios.append(ours["rate"] / reference["rate"])
            tails.append(ours["p99"] / reference["p99"])
            rates.append(ours["rate"])
            if ours["refused"]:
                sys.exit(f"{ours['refused']} postbacks were refused: nothing was measured")
    rig.row(
        "intake, one web process, 64 connections",
        f"{statistics.median(ratios):.2f} of the bare route",
        "0.35",
    )
    rig.row("its p99", f"{statistics.median(tails):.1f} times the bare route's", "4")
    rig.row("its rate", f"{statistics.median(rates):.0f}/s")


async def _load(url: str, seconds: float, first: int) -> dict[str, float]:
    words = ("tests.bench.load", url, "--seconds", str(seconds), "--first", str(first))
    result: dict[str, float] = json.loads(await rig.output(*words))
    return result


async def _memory(redis: Redis) -> None:
    relays = await _total(redis, "received")
    used = (await redis.info("memory"))["used_memory"]
    size = len(body(1))
    rig.row("memory per queued relay", f"{used / relays / size:.2f} times its body of {size} bytes", "1.3")


PLAIN = 2_000
"""Jobs of the plain design."""


async def _delivery(made: Rig, standin: int, redis: Redis, url: str) -> None:
    plain = await rig.output("tests.bench.plain", made.redis_url, url, str(PLAIN))
    waiting = await _total(redis, "queued")
    async with made.worker(), httpx.AsyncClient() as http:
        started, last = None, 0
        while last < waiting:
            answer: dict[str, Any] = (
                await http.get(f"http://127.0.0.1:{standin}/_standin/received?limit=0")
            ).json()
            last = answer["accepted_total"] - PLAIN
            if last > 0 and started is None:
                started = (time.perf_counter(), last)
            await asyncio.sleep(0.25)
            if started and time.perf_counter() - started[0] > 20:
                break
        assert started is not None
        rate = (last - started[1]) / (time.perf_counter() - started[0])
    ratio = rate / float(plain)
    rig.row("delivery of one worker, no budget", f"{ratio:.1f} times one arq job for each relay", "4")
    rig.row("its rate", f"{rate:.0f}/s")


async def _total(redis: Redis, word: str) -> int:
    return int(await cast("Awaitable[bytes]", redis.hget("{relay}:n", f"shop:{word}")))

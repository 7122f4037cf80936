"""How many a second: intake of one web process, delivery of one worker, and what a relay takes of memory."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable
from typing import cast

import httpx
from redis.asyncio import Redis

from relay.addresses import port_near
from tests.bench import load, rig
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
        empty = await _used(redis)
        await _intake(made, seconds, rounds)
        await _memory(redis, empty)
        await _delivery(made, standin, redis, url)
        await redis.aclose()


async def _intake(made: Rig, seconds: float, rounds: int) -> None:
    port = port_near(21000)
    first = 1
    async with rig.process("tests.bench.bare", str(port)) as bare, made.web() as web:
        await rig.listening(port)
        ratios, tails, costs, rates = [], [], [], []
        for _ in range(rounds):
            reference = await load.measured(
                f"http://127.0.0.1:{port}/in/shop/{TOKEN}", seconds, first, bare.pid
            )
            ours = await load.measured(web.intake(), seconds, first, web.pid)
            first += 10_000_000
            ratios.append(ours["rate"] / reference["rate"])
            tails.append(ours["p99"] / reference["p99"])
            costs.append(ours["cpu"] / reference["cpu"])
            rates.append(ours["rate"])
    rig.row(
        "intake, one web process, 64 connections",
        f"{statistics.median(ratios):.2f} of the bare route",
        "0.35",
    )
    rig.row("its p99", f"{statistics.median(tails):.1f} times the bare route's", "4")
    rig.row("its CPU in the web process", f"{statistics.median(costs):.1f} times the bare route's", "2.9")
    rig.row("its rate", f"{statistics.median(rates):.0f}/s")


async def _memory(redis: Redis, empty: int) -> None:
    relays = await _total(redis, "received")
    used = await _used(redis) - empty
    size = len(body(1))
    rig.row("memory per queued relay", f"{used / relays / size:.2f} times its body of {size} bytes", "1.3")


async def _used(redis: Redis) -> int:
    used: int = (await redis.info("memory"))["used_memory"]
    return used


PLAIN = 2_000
"""Jobs of the plain design."""

ALONE = 3_000
"""Relays that are delivered part by part."""


async def _delivery(made: Rig, standin: int, redis: Redis, url: str) -> None:
    plain = float(await rig.output("tests.bench.plain", made.redis_url, url, str(PLAIN)))
    parts: dict[str, float] = json.loads(await rig.output("tests.bench.parts", str(ALONE), env=made.env))
    before = await _accepted(standin)
    waiting = await _total(redis, "queued")
    async with made.worker():
        started, last = None, 0
        while last < waiting:
            last = await _accepted(standin) - before
            if last > 0 and started is None:
                started = (time.perf_counter(), last)
            await asyncio.sleep(0.25)
            if started and time.perf_counter() - started[0] > 20:
                break
        assert started is not None
        rate = (last - started[1]) / (time.perf_counter() - started[0])
    told = ", ".join(f"{part} {1e6 * took / ALONE:.0f}" for part, took in parts.items())
    alone = ALONE / sum(parts.values())
    rig.row(
        "delivery of one worker, no budget",
        f"{rate / plain:.1f} times one arq job for each relay",
        "at least 4",
    )
    rig.row("beside its parts one after the other", f"{rate / alone:.2f} of their rate", "at least 0.7")
    rig.row("its parts alone, us for each relay", told)
    rig.row("its rate", f"{rate:.0f}/s")


async def _accepted(standin: int) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{standin}/_standin/received?limit=0")
    accepted: int = answer.json()["accepted_total"]
    return accepted


async def _total(redis: Redis, word: str) -> int:
    return int(await cast("Awaitable[bytes]", redis.hget("{relay}:n", f"shop:{word}")))

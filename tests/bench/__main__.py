"""Runs the benches and prints a table. `python -m tests.bench [--seconds 5] [--rounds 3]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis

from relay.dev import port_near
from relay.embedded import EmbeddedRedis
from tests.bench.load import body

TOKEN = "a-token-of-the-benches"


def config(url: str) -> str:
    return f"""
[destinations.main]
api_key = "a-key-of-the-benches"
url = "{url}"
rate_per_minute = 0
rate_per_second = 0

[sources.shop]
adapter = "checkoutchamp"
destination = "main"
tokens = ["{TOKEN}"]
currency = "USD"
"""


@asynccontextmanager
async def process(
    *words: str, env: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, env={**os.environ, **(env or {})}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        await running.wait()


async def listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def load(url: str, seconds: float, first: int) -> dict[str, float]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.load",
        url,
        "--seconds",
        str(seconds),
        "--first",
        str(first),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await running.communicate()
    result: dict[str, float] = json.loads(out)
    return result


def row(name: str, value: str, aim: str) -> None:
    sys.stdout.write(f"| {name} | {value} | {aim} |\n")
    sys.stdout.flush()


async def intake(env: dict[str, str], seconds: float, rounds: int) -> None:
    bare, web = port_near(21000), port_near(22000)
    first = 1
    async with (
        process("tests.bench.bare", str(bare)),
        process("relay", "serve", env={**env, "RELAY_PORT": str(web)}),
    ):
        await listening(bare)
        await listening(web)
        ratios, tails, rates = [], [], []
        for _ in range(rounds):
            reference = await load(f"http://127.0.0.1:{bare}/in/shop/{TOKEN}", seconds, first)
            ours = await load(f"http://127.0.0.1:{web}/in/shop/{TOKEN}", seconds, first)
            first += 10_000_000
            ratios.append(ours["rate"] / reference["rate"])
            tails.append(ours["p99"] / reference["p99"])
            rates.append(ours["rate"])
            if ours["refused"]:
                sys.exit(f"{ours['refused']} postbacks were refused: nothing was measured")
    row(
        "intake, one web process, 64 connections",
        f"{statistics.median(ratios):.2f} of the bare route",
        "0.35",
    )
    row("its p99", f"{statistics.median(tails):.1f} times the bare route's", "4")
    row("its rate", f"{statistics.median(rates):.0f}/s", "")


async def memory(url: str) -> None:
    redis = Redis.from_url(url)
    totals = await redis.hgetall("{relay}:n")
    used = (await redis.info("memory"))["used_memory"]
    relays = int(totals[b"shop:received"])
    size = len(body(1))
    row("memory per queued relay", f"{used / relays / size:.2f} times its body of {size} bytes", "1.3")
    await redis.aclose()


async def delivery(env: dict[str, str], standin: int, url: str) -> None:
    redis = Redis.from_url(url)
    waiting = int((await redis.hgetall("{relay}:n"))[b"shop:queued"])
    async with process("relay", "work", env=env), httpx.AsyncClient() as http:
        started, last = None, 0
        while last < waiting:
            answer: dict[str, Any] = (
                await http.get(f"http://127.0.0.1:{standin}/_standin/received?limit=0")
            ).json()
            last = answer["accepted_total"]
            if last and started is None:
                started = (time.perf_counter(), last)
            await asyncio.sleep(0.25)
            if started and time.perf_counter() - started[0] > 20:
                break
        assert started is not None
        rate = (last - started[1]) / (time.perf_counter() - started[0])
    row("delivery of one worker, no budget", f"{rate:.0f}/s", "")
    await redis.aclose()


async def main(seconds: float, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        standin = port_near(23000)
        (folder / "relay.toml").write_text(config(f"http://127.0.0.1:{standin}/api/v1"))
        async with (
            EmbeddedRedis(folder) as redis,
            process("relay.testing.standin", "--port", str(standin), "--keep", "100"),
        ):
            env = {
                "RELAY_REDIS_URL": redis.url,
                "RELAY_CONFIG": str(folder / "relay.toml"),
                "RELAY_DATA_DIR": name,
                "RELAY_LOG_LEVEL": "error",
            }
            sys.stdout.write("| figure | measured | aim |\n| --- | --- | --- |\n")
            await intake(env, seconds, rounds)
            await memory(redis.url)
            await delivery(env, standin, redis.url)


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("--seconds", type=float, default=5)
    words.add_argument("--rounds", type=int, default=3)
    said = words.parse_args()
    asyncio.run(main(said.seconds, said.rounds))

"""Runs the benches and prints a table. `python -m tests.bench [--only latency] [--seconds 5]`."""

from __future__ import annotations

import argparse
import asyncio

from tests.bench import latency, lists, rig, throughput

PARTS = ("throughput", "latency", "lists")


async def main(parts: list[str], seconds: float, rounds: int, relays: int) -> None:
    rig.head()
    if "throughput" in parts:
        await throughput.run(seconds, rounds)
    if "latency" in parts:
        await latency.run(2 * seconds)
    if "lists" in parts:
        await lists.run(relays)


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("--seconds", type=float, default=5)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument(
        "--relays", type=int, default=1_000_000, help="dead letters beside which lists are timed"
    )
    words.add_argument("--only", action="append", choices=PARTS, default=[])
    said = words.parse_args()
    asyncio.run(main(said.only or list(PARTS), said.seconds, said.rounds, said.relays))

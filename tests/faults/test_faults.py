"""A short run of each kind of trouble, by a fixed seed; `python -m tests.faults` runs at any length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.plant import Size
from tests.faults.run import Plan, run

SELECTION = {
    "processes": ("kill-web", "kill-worker", "restart-worker", "disk-full"),
    "redis": ("kill-redis", "out-of-memory", "read-only", "misconf"),
    "senders_and_destination": (
        "duplicates",
        "reorder",
        "drop",
        "too-slow",
        "errors",
        "lose",
        "limit",
    ),
}


@pytest.mark.parametrize("faults", SELECTION.values(), ids=SELECTION.keys())
async def test_what_was_acknowledged_arrives_once_and_in_order_whatever_fails(
    faults: tuple[str, ...], tmp_path: Path
) -> None:
    plan = Plan(postbacks=100, seed=7, faults=faults, rate=40, every=1, size=Size(webs=1, workers=1))
    verdict = await run(plan, tmp_path)
    assert verdict.good, "\n".join([str(verdict), *verdict.faults])

"""A short run of each kind of trouble, by a fixed seed; `python -m tests.faults` runs at any length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.plant import Size
from tests.faults.run import Plan, run

SELECTION = {
    "processes": ("kill-web", "kill-worker", "kill-redis"),
    "the_destination": ("down", "drop", "slow", "too-slow", "errors", "lose", "limit"),
    "the_sender": ("duplicates", "reorder"),
}


@pytest.mark.parametrize("faults", SELECTION.values(), ids=SELECTION.keys())
async def test_what_was_acknowledged_arrives_once_and_in_order_whatever_fails(
    faults: tuple[str, ...], tmp_path: Path
) -> None:
    plan = Plan(postbacks=300, seed=7, faults=faults, rate=60, every=1, size=Size(webs=1, workers=1))
    verdict = await run(plan, tmp_path)
    assert verdict.good, "\n".join([str(verdict), *verdict.faults])

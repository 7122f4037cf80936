"""The scenarios at a size that fits the tests; `python -m tests.faults --scenario` plays them whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.plant import Size
from tests.faults.scenarios import budget, moments, most_within


async def test_several_workers_use_the_budget_up_and_never_overdraw_it(tmp_path: Path) -> None:
    size = Size(webs=1, workers=4, per_minute=1_000, per_second=100)
    result = await budget(tmp_path, size, relays=300, seed=1)
    assert result.good, result


def test_what_limits_allow_is_as_much_at_once_as_a_second_takes_until_the_minute_is_full() -> None:
    allowed = moments(7, 5, 2)
    assert allowed == [0, 0, 1, 1, 2, 60, 60]
    assert most_within([*allowed], 1) == 2
    assert most_within([*allowed], 60) == 5


@pytest.mark.parametrize("window", [1, 60])
def test_calls_at_one_moment_lie_within_one_window(window: float) -> None:
    assert most_within([3.0] * 4, window) == 4

"""How the scenarios reckon; `python -m tests.faults --scenario` plays them."""

from __future__ import annotations

import pytest

from tests.faults.scenarios import moments, most_within


def test_what_limits_allow_is_as_much_at_once_as_a_second_takes_until_the_minute_is_full() -> None:
    allowed = moments(7, 5, 2)
    assert allowed == [0, 0, 1, 1, 2, 60, 60]
    assert most_within([*allowed], 1) == 2
    assert most_within([*allowed], 60) == 5


@pytest.mark.parametrize("window", [1, 60])
def test_calls_at_one_moment_lie_within_one_window(window: float) -> None:
    assert most_within([3.0] * 4, window) == 4

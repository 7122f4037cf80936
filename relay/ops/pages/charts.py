"""Charts as numbers: where each bar stands. The templates draw them, and say them in words beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_HEIGHT: Final = 100
_VISIBLE: Final = 3  # a bar of few among many is still to be seen


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    height: float
    value: int


def bars(values: Sequence[int], most: int = 0, *, height: int = _HEIGHT) -> tuple[Bar, ...]:
    """Standing on the ground, one unit apart; of nothing there is no bar."""
    top = max(most, *values, 1) if values else 1
    found = []
    for x, value in enumerate(values):
        if value:
            tall = max(height * value / top, _VISIBLE)
            found.append(Bar(x, round(height - tall, 2), round(tall, 2), value))
    return tuple(found)


def steps(values: Sequence[int], most: int = 0, *, height: int = _HEIGHT) -> str:
    """A line that steps from one value to the next, as the `d` of a path."""
    top = max(most, *values, 1) if values else 1
    levels = [round(height - height * value / top, 2) for value in values]
    return "".join(f"{'L' if x else 'M'}{x} {y}H{x + 1}" for x, y in enumerate(levels))

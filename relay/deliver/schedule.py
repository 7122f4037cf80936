"""When a call is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

JITTER: Final = 0.1
"""Either way, so that what failed together does not come back together."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`steps` of n entries are n retries: one more failure than that is the last."""

    steps: Sequence[timedelta]
    chance: Callable[[], float] = random.random

    def after(self, failures: int) -> timedelta | None:
        """How long to wait after that many failures, None where it is to be tried no more."""
        if failures > len(self.steps):
            return None
        return self.steps[failures - 1] * (1 - JITTER + 2 * JITTER * self.chance())

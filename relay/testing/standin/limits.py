"""The rate limit: so many requests a minute and a second for each key, in exact sliding windows."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE: Final = 60.0
SECOND: Final = 1.0


@dataclass(slots=True)
class Limits:
    """A rate of 0 means unlimited. A refused request does not count against the windows."""

    per_minute: int = 0
    per_second: int = 0
    retry_after: bool = False
    """Whether a 429 says when to come back."""
    clock: Callable[[], float] = time.monotonic
    _taken: dict[str, deque[float]] = field(default_factory=dict, repr=False)

    def wait(self, key: str) -> float | None:
        """None where `key` may pass now, which is then counted; else the seconds until it may."""
        if not (self.per_minute or self.per_second):
            return None
        now = self.clock()
        taken = self._taken.setdefault(key, deque())
        while taken and taken[0] <= now - MINUTE:
            taken.popleft()
        free = max(_free(taken, self.per_minute, MINUTE, now), _free(taken, self.per_second, SECOND, now))
        if free > now:
            return free - now
        taken.append(now)
        return None

    def clear(self) -> None:
        self._taken.clear()


def _free(taken: deque[float], most: int, window: float, now: float) -> float:
    """When fewer than `most` of `taken` lie within the window."""
    return taken[-most] + window if most and len(taken) >= most else now

"""Guessing passwords is slow: a few wrong ones, then a wait."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

WINDOW: Final = 300.0  # seconds a wrong password is remembered
FROM_ONE_ADDRESS: Final = 8
OF_ONE_NAME: Final = 30  # higher, so that a stranger cannot easily lock a person out
_REMEMBERED: Final = 10_000


class Throttle:
    """Wrong passwords by address and by name, within this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str, name: str) -> float:
        """Seconds until the next try may be made; 0 for now."""
        return max(
            self._until(_neighbourhood(address), FROM_ONE_ADDRESS), self._until(f"name:{name}", OF_ONE_NAME)
        )

    def wrong(self, address: str, name: str) -> None:
        now = self._clock()
        for key in (_neighbourhood(address), f"name:{name}"):
            self._wrong.setdefault(key, deque(maxlen=OF_ONE_NAME)).append(now)
            self._wrong.move_to_end(key)
        while len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        self._wrong.pop(_neighbourhood(address), None)

    def _until(self, key: str, most: int) -> float:
        moments = self._wrong.get(key)
        if moments is None:
            return 0
        now = self._clock()
        while moments and moments[0] <= now - WINDOW:
            moments.popleft()
        return max(0.0, moments[-most] + WINDOW - now) if len(moments) >= most else 0


def _neighbourhood(address: str) -> str:
    """One customer of a provider has a whole /64."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return ":".join(known.exploded.split(":")[:4]) if isinstance(known, IPv6Address) else address

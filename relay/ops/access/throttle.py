"""Guessing passwords is slow: a few wrong ones, then a wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from relay.ops.access.memory import Memory

WINDOW: Final = timedelta(minutes=5)
"""How long a wrong password is remembered."""

FROM_ONE_ADDRESS: Final = 8
OF_ONE_NAME: Final = 30  # higher, so that a stranger cannot easily lock a person out


@dataclass(frozen=True, slots=True)
class Try:
    """One password, counted as wrong until it proves right. `wait`: seconds until there may be another.

    `told`: that too many were wrong has been said before, within the window.
    """

    id: str
    most: Mapping[str, int]
    wait: float = 0
    told: bool = False


class Throttle:
    """Wrong passwords by address and by name. `digest` hides both: the memory may be anybody's to read."""

    def __init__(self, memory: Memory, digest: Callable[[str], str]) -> None:
        self._memory = memory
        self._digest = digest

    async def take(self, address: str, name: str) -> Try:
        most = {
            self._digest(f"address:{_neighbourhood(address)}"): FROM_ONE_ADDRESS,
            self._digest(f"name:{name}"): OF_ONE_NAME,
        }
        try_, wait = await self._memory.take(most, WINDOW)
        told = bool(wait) and not await self._memory.first(next(iter(most)), WINDOW)
        return Try(try_, most, wait, told)

    async def right(self, try_: Try) -> None:
        await self._memory.give(try_.id, try_.most, WINDOW)


def _neighbourhood(address: str) -> str:
    """One customer of a provider has a whole /64."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return ":".join(known.exploded.split(":")[:4]) if isinstance(known, IPv6Address) else address

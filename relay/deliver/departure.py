"""When a call leaves: not later than its reservation allows, however long the worker or the connection took.

The budget goes by reservations, the destination by arrivals. A worker that was stopped in between, an answer
of Redis that came late, a connection that took long: each would let the calls of two windows arrive in one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import aiohttp

from relay.errors import TooLate
from relay.journal.journal import LEAVE

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

GUARD: Final = 0.05
"""Seconds by which the second's window is longer than the destination's: so much later may a call arrive."""


@dataclass(slots=True)
class Departure:
    """Made before the reservation is asked for. The call does not leave more than `within` later."""

    within: timedelta = LEAVE
    _asked: float = field(default_factory=time.monotonic)
    _left: float | None = None

    def leave(self) -> None:
        """The call goes out now. Raises TooLate where it must not any more."""
        now = time.monotonic()
        if now - self._asked > self.within.total_seconds():
            raise TooLate("its reservation is too old")
        self._left = now

    @property
    def arrived_ms(self) -> int:
        """How long after its reservation the call had arrived, now that it is answered or given up.

        Nobody can say how long before: one that is answered late may have been counted late.
        """
        if self._left is None:
            return 0
        return round(max(0.0, time.monotonic() - GUARD - self._asked) * 1000)


_UNDER_WAY: Final[ContextVar[Departure | None]] = ContextVar("departure", default=None)


@contextmanager
def departing(departure: Departure | None) -> Iterator[None]:
    """What is sent by a Connector within leaves as `departure`."""
    token = _UNDER_WAY.set(departure)
    try:
        yield
    finally:
        _UNDER_WAY.reset(token)


class Connector(aiohttp.TCPConnector):
    """Between a connection and the call that goes out on it nothing is waited for, so here it leaves."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        departure = _UNDER_WAY.get()
        if departure is not None:
            try:
                departure.leave()
            except TooLate:
                connection.release()
                raise
        return connection

"""`State`: what a stand-in was set to, what it was told to do wrong, and what it has received."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypedDict

from relay.testing.standin.api import Api
from relay.testing.standin.commerce import Commerce
from relay.testing.standin.faults import Faults
from relay.testing.standin.limits import Limits
from relay.testing.standin.records import Record, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from relay.testing.standin.answers import Shape
    from relay.testing.standin.orders import Order, Violation


class Settings(TypedDict, total=False):
    """What `Standin` may be given."""

    keys: Iterable[str] | None
    shape: Shape
    per_minute: int
    per_second: int
    retry_after: bool
    keep: int
    keep_orders: int
    clock: Callable[[], float]


class State:
    """All of a stand-in but the port it serves on.

    `keys` are those it accepts, None any that is not empty; `shape` is that of its errors; a rate of 0 is
    unlimited. It remembers the newest `keep` records, the first `keep` violations and `keep_orders` orders.
    """

    def __init__(
        self,
        *,
        keys: Iterable[str] | None = None,
        shape: Shape = "A",
        per_minute: int = 0,
        per_second: int = 0,
        retry_after: bool = False,
        keep: int = 10_000,
        keep_orders: int = 200_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.faults = Faults()
        self.records = Records(keep)
        self.limits = Limits(per_minute, per_second, retry_after, clock)
        self.commerce = Commerce(keep=keep, keep_orders=keep_orders)
        self.api = Api(self.commerce, self.limits, shape, None if keys is None else set(keys))
        self.stopped = True
        self._woken = asyncio.Event()

    async def pause(self, seconds: float) -> bool:
        """Waits until released at the latest; gives whether the stand-in was stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        return self.stopped

    def release(self) -> None:
        """Ends the delays being waited out now, so that a test can hold a request as long as it likes."""
        self._woken.set()
        self._woken = asyncio.Event()

    @property
    def keys(self) -> set[str] | None:
        """The accepted keys, to be changed at will; None takes any that is not empty."""
        return self.api.keys

    @keys.setter
    def keys(self, keys: Iterable[str] | None) -> None:
        self.api.keys = None if keys is None else set(keys)

    @property
    def received(self) -> list[Record]:
        """Oldest first, the newest `keep` of them."""
        return list(self.records.received)

    @property
    def accepted(self) -> list[Record]:
        """Of `received`, what was processed and met with a 2xx, even where that answer was lost."""
        return list(self.records.accepted)

    @property
    def received_total(self) -> int:
        return self.records.received_total

    @property
    def accepted_total(self) -> int:
        return self.records.accepted_total

    @property
    def orders(self) -> dict[str, Order]:
        return self.commerce.orders

    @property
    def violations(self) -> list[Violation]:
        return self.commerce.violations

    async def wait_for(self, what: int | Callable[[Self], bool], timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Until that many requests were received, or `what(standin)` holds, tried at every record and fault.

        Raises TimeoutError, saying what came instead.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (what(self) if callable(what) else self.received_total >= what):
                    await self.records.change()
        except TimeoutError:
            raise TimeoutError(
                f"{self.received_total} requests received, {self.accepted_total} accepted in {timeout} s"
            ) from None

    def reset(self) -> None:
        """Forgets what was received, the faults, and the rate's windows; keeps keys and settings."""
        self.records.clear()
        self.commerce.clear()
        self.faults.clear()
        self.limits.clear()

    def plain(self, limit: int | None = None) -> dict[str, Any]:
        """Everything known, as JSON values; of the records the newest `limit`."""
        records = self.received
        return {
            "received_total": self.received_total,
            "accepted_total": self.accepted_total,
            "received": [r.plain() for r in (records if limit is None else records[len(records) - limit :])],
            "orders": {name: order.plain() for name, order in self.orders.items()},
            "violations": [{"n": v.n, "rule": v.rule, "id": v.id} for v in self.violations],
        }

"""What an intake hands to the journal, in a line."""

from __future__ import annotations

from typing import Any

from relay.journal.ids import Ids
from relay.journal.records import BookEntry, Recording, Status

IDS = Ids()


def recording(**said: Any) -> Recording:
    """A queued relay of the source shop, a copy of none; `said` are fields of it. The id is of `at_ms`."""
    relay = said.get("id") or (Ids().new(said["at_ms"]) if "at_ms" in said else IDS.new())
    usual: dict[str, Any] = {
        "id": relay,
        "source": "shop",
        "adapter": "spoken",
        "destination": "main",
        "at_ms": 1,
        "status": Status.QUEUED,
        "copy": relay,
        "window_ms": 60_000,
        "blob": b"{}",
    }
    return Recording(**usual | said)


def of_order(order: str = "A-1", **said: Any) -> Recording:
    """One that is known to place that order of jo@example.com."""
    usual: dict[str, Any] = {
        "kinds": "order.placed",
        "email": "jo@example.com",
        "order": order,
        "orders": (BookEntry((f"id:{order}",), "[]"),),
    }
    return recording(**usual | said)

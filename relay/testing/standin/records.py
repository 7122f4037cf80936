"""What was received, newest kept, and waiting for more of it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

SECRET: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"x-api-key"})
_SHORT: Final = 8


@dataclass(slots=True)
class Record:
    """One request. Reading `headers` and `body` parses them, so that receiving stays cheap."""

    n: int
    at: float
    """When it was answered, in seconds since 1970."""
    method: str
    path: str
    key: str
    """The API key's last four characters, as "…abcd"."""
    status: int
    """As answered. Where the answer never left (`lose`), the one that should have been sent."""
    fault: str | None
    accepted: bool
    raw: bytes = field(repr=False)
    raw_headers: list[tuple[bytes, bytes]] = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Without those that hold a secret."""
        return {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.raw_headers
            if name not in SECRET
        }

    @property
    def body(self) -> Any:
        """The JSON, or the text where it is none."""
        try:
            return json.loads(self.raw, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return self.raw.decode(errors="replace")

    def plain(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "key": self.key,
            "headers": self.headers,
            "body": self.body,
            "status": self.status,
            "fault": self.fault,
            "accepted": self.accepted,
        }


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def masked(key: str) -> str:
    """A key short enough to guess from its end is not shown at all."""
    if not key:
        return ""
    return f"…{key[-4:]}" if len(key) >= _SHORT else "…"


class Records:
    """The newest `keep` of what was received and of what was accepted, and how many there were in all."""

    def __init__(self, keep: int) -> None:
        self.received: deque[Record] = deque(maxlen=keep)
        self.accepted: deque[Record] = deque(maxlen=keep)
        self.received_total = 0
        self.accepted_total = 0
        self._changed: asyncio.Event | None = None

    def add(self, record: Record) -> None:
        self.received_total += 1
        self.received.append(record)
        if record.accepted:
            self.accepted_total += 1
            self.accepted.append(record)
        self.changed()

    def clear(self) -> None:
        self.received.clear()
        self.accepted.clear()
        self.received_total = self.accepted_total = 0

    def changed(self) -> None:
        """Wakes who waits."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def change(self) -> None:
        """Returns at the next change."""
        self._changed = self._changed or asyncio.Event()
        await self._changed.wait()

"""Taking away what was recorded: of a person, or by age. No count is lowered by it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from redis.exceptions import ResponseError

from relay.journal import ids
from relay.journal.answers import away
from relay.journal.journal import Journal
from relay.journal.records import Status


class Eraser:
    def __init__(self, journal: Journal) -> None:
        self._redis = journal.redis
        self._prefix = journal.keys.prefix
        self._script = journal.script("erase")

    async def erase(self, relay: str, reason: str, person: str = "") -> int:
        """Takes a relay's body, history and person away. 1; 0 where it is unknown; -1 while being sent.

        `person` is who is being forgotten by that.
        """
        return await self._run("erase", {"id": relay, "reason": reason, "person": person})

    async def erase_book(self, source: str, book: str, names: Sequence[str]) -> None:
        """Takes an order's book away, with those of `names` that lead to it."""
        await self._run("erase_book", {"source": source, "book": book, "names": list(names)})

    async def drop_old(
        self, verb: str, source: str, status: Status, before_ms: int, *, step: int, reason: str
    ) -> int:
        """One step of retention: how many relays received before then, or settled ("retain_late").

        "retain" and "retain_late" drop bodies, "drop_records" all but the totals.
        """
        options = {
            "source": source,
            "status": status,
            "before": ids.floor(before_ms),
            "before_ms": before_ms,
            "step": step,
            "reason": reason,
        }
        return await self._run(verb, options)

    async def rewrite(self) -> None:
        """Has Redis rewrite its append-only file, so that what was erased leaves the disk too."""
        with away(), suppress(ResponseError):  # one is under way already, or this server does not allow it
            await cast("Awaitable[Any]", self._redis.bgrewriteaof())  # type: ignore[no-untyped-call]

    async def _run(self, verb: str, options: Mapping[str, Any]) -> int:
        with away():
            answer: int = await self._script(keys=[self._prefix], args=[verb, json.dumps(options)])
        return answer

"""The turn to watch: one process of all holds it, and only who holds it writes which alerts stand."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from relay.journal.answers import ask, away
from relay.journal.journal import Journal

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

HOLD: Final = timedelta(seconds=30)
"""How long a process that says nothing keeps others from the watch; longer than sending alerts may take."""


@dataclass(frozen=True, slots=True)
class Turn:
    """`now_ms` by the journal's clock as it was taken; `book` as the last holder left it, "" at first."""

    now_ms: int
    book: bytes
    token: str
    _script: AsyncScript
    _prefix: str

    async def keep(self, book: bytes, *, hold: timedelta = HOLD) -> bool:
        """Writes `book` and holds on for `hold`; False, and nothing written, where another took over."""
        arguments: list[str | int | bytes] = ["keep", self.token, hold // timedelta(milliseconds=1), book]
        with away():
            kept: int = await self._script(keys=[self._prefix], args=arguments)
        return kept == 1


class Turns:
    """Raises JournalAway where Redis cannot answer."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._script = journal.script("watch")
        self._prefix = journal.keys.prefix

    async def book(self) -> bytes:
        """As it was written last; it takes no turn to read it."""
        return await ask(self._journal.redis.get(self._journal.keys.alerts)) or b""

    async def take(self) -> Turn | None:
        """The turn, where nobody has it."""
        token = secrets.token_hex(8)
        arguments: list[str | int] = ["take", token, HOLD // timedelta(milliseconds=1), ""]
        with away():
            taken = await self._script(keys=[self._prefix], args=arguments)
        return Turn(taken[0], taken[1], token, self._script, self._prefix) if taken else None

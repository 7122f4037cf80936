"""Asking the journal for what Prometheus sees."""

from __future__ import annotations

from collections.abc import Mapping

from relay.errors import JournalAway
from relay.journal.journal import Journal
from relay.journal.meter import metered
from relay.journal.numbers import Numbers
from relay.journal.records import Limits
from relay.journal.turn import Turns
from relay.journal.vitals import Signs
from relay.metrics.journal import Known
from relay.ops.alerts import book

_ALIVE_MS = 30_000


class Scrape:
    """`limits` are the destinations' rates, by name."""

    def __init__(
        self, journal: Journal, signs: Signs, numbers: Numbers, turns: Turns, limits: Mapping[str, Limits]
    ) -> None:
        self._journal = journal
        self._signs = signs
        self._numbers = numbers
        self._turns = turns
        self._limits = limits

    async def known(self) -> Known | None:
        """None while Redis is away."""
        try:
            vitals = await self._signs.read()
            return Known(
                now_ms=await self._numbers.now_ms(),
                vitals=vitals,
                traffic=await self._numbers.traffic(self._limits, vitals.pauses),
                limits=self._limits,
                workers=len(await self._numbers.workers(_ALIVE_MS)),
                metered=await metered(self._journal),
                alerts=book.load(await self._turns.book()),
            )
        except JournalAway:
            return None

"""The watch: looks for trouble and tells the channels, one process at a time, and never disturbs relaying."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from relay.journal.turn import Turn, Turns
from relay.journal.vitals import Signs
from relay.ops.alerts import habit as habits
from relay.ops.alerts.book import Book, Manners, Notice, began, due, dump, ended, failed, load, observe, told
from relay.ops.alerts.channels import Channel, Unsent
from relay.ops.alerts.habit import HOUR_MS, LEARNED_FROM, Habit, Quiet, Wish
from relay.ops.alerts.incidents import Rules, Silence, find
from relay.ops.alerts.words import message
from relay.tasks import patiently, regularly

log: Final = structlog.get_logger()

_RECORDED_WITHIN: Final = 10.0
"""Seconds Redis may be away after a channel was told, before the telling is forgotten and done again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look for, whom to tell and how often. `url`: where the relay's pages are found from outside."""

    channels: Sequence[Channel] = ()
    every: timedelta = timedelta(seconds=15)
    rules: Rules = field(default_factory=Rules)
    manners: Manners = field(default_factory=Manners)
    quiet: Quiet = field(default_factory=Quiet)
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    url: str | None = None


class Watch:
    def __init__(self, signs: Signs, turns: Turns, plan: Plan) -> None:
        self._signs = signs
        self._turns = turns
        self._plan = plan
        self._habits: dict[str, tuple[int, Habit | None]] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Looks until `stopping`. While Redis is away there is nothing to look at."""
        await regularly("watch", self.look, stopping, every=self._plan.every)

    async def look(self) -> bool:
        """One look, and the telling of what it found; False where it is another process's turn."""
        turn = await self._turns.take()
        if turn is None:
            return False
        book = await self._looked(turn)
        if not await turn.keep(dump(book)):
            return True
        book = await self._tell(book, turn.now_ms)
        await patiently(lambda: turn.keep(dump(book), hold=self._plan.every), within=_RECORDED_WITHIN)
        return True

    async def _looked(self, turn: Turn) -> Book:
        vitals = await self._signs.read()
        silences = await self._silences(vitals.last, turn.now_ms)
        found = find(vitals, silences, turn.now_ms, self._plan.rules)
        before = load(turn.book)
        names = [channel.name for channel in self._plan.channels]
        book = observe(before, found, names, turn.now_ms, self._plan.manners)
        _say_what_changed(before, book)
        return book

    # Silence --------------------------------------------------------------------------------------------

    async def _silences(self, last: Mapping[str, int], now_ms: int) -> list[Silence]:
        return [
            Silence(source, last_ms)
            for source, last_ms in last.items()
            if await self._is_silent(source, last_ms, now_ms)
        ]

    async def _is_silent(self, source: str, last_ms: int, now_ms: int) -> bool:
        wish = self._plan.wishes.get(source, "habit")
        long_enough = now_ms - last_ms >= self._plan.quiet.least // timedelta(milliseconds=1)
        habit = await self._habit(source, last_ms) if wish == "habit" and long_enough else None
        return habits.is_silent(habit, last_ms, now_ms, self._plan.quiet, wish)

    async def _habit(self, source: str, last_ms: int) -> Habit | None:
        """What was usual until the silence; learned once for each."""
        known = self._habits.get(source)
        if known is None or known[0] != last_ms:
            end = last_ms // HOUR_MS + 1
            counts = await self._signs.by_the_hour(source, end - LEARNED_FROM, LEARNED_FROM)
            began = next((hour for hour, count in enumerate(counts) if count), len(counts))
            known = last_ms, habits.learn(counts[began:], end - LEARNED_FROM + began)
            self._habits[source] = known
        return known[1]

    # Telling --------------------------------------------------------------------------------------------

    async def _tell(self, book: Book, now_ms: int) -> Book:
        pending = [
            (channel, notices)
            for channel in self._plan.channels
            if (notices := due(book, channel.name, now_ms, self._plan.manners))
        ]
        answers = await asyncio.gather(*(self._reach(channel, notices) for channel, notices in pending))
        for (channel, notices), reached in zip(pending, answers, strict=True):
            if reached:
                book = told(book, channel.name, notices, now_ms)
            else:
                book = failed(book, channel.name, now_ms, self._plan.manners)
        return book

    async def _reach(self, channel: Channel, notices: Sequence[Notice]) -> bool:
        try:
            await channel.send(message(notices, self._plan.url))
        except Exception as error:  # noqa: BLE001 - a channel that breaks is one that cannot be reached
            said = str(error) if isinstance(error, Unsent) else type(error).__name__
            log.warning("alert.unsent", channel=channel.name, alerts=len(notices), error=said)
            return False
        log.info("alert.sent", channel=channel.name, alerts=len(notices))
        return True


def _say_what_changed(before: Book, book: Book) -> None:
    """For those who read logs instead of channels."""
    for incident in began(before, book):
        log.warning("alert.raised", alert=incident.key, kind=incident.kind)
    for incident in ended(before, book):
        log.info("alert.over", alert=incident.key, kind=incident.kind)

"""Fetch-back: what waits for an order nobody told us of is completed with what the platform says of it.

It is asked late in the wait, since most such orders come by themselves. What the platform does not know
either becomes a dead letter at the end of the wait, as without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from relay.compose.compose import NOT_KNOWN
from relay.errors import PostbackError, PullError
from relay.journal.acts import Acts
from relay.journal.answers import away
from relay.journal.journal import Journal
from relay.journal.queries import Queries
from relay.journal.records import Relay
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.contract import Events, Postback
from relay.normalise.events import BOOKED, BookedEvent
from relay.normalise.pulling import Puller
from relay.pull.complete import completed
from relay.pull.fetch import Fetcher
from relay.receive.reading import edited
from relay.receive.sources import Source
from relay.tasks import regularly

log: Final = structlog.get_logger()

EVERY: Final = timedelta(seconds=5)
AHEAD: Final = timedelta(minutes=5)
"""Before the end of the wait, so that there is time to ask again."""

REST: Final = timedelta(minutes=1)
"""Nothing is asked of a platform that gave no usable answer."""

_BY: Final = "the platform's answer"
_AT_ONCE: Final = 50
_ASKED_KEPT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A source whose platform can be asked."""

    source: Source
    puller: Puller
    fetcher: Fetcher


class FetchBack:
    """Safe to run in several workers: each relay is asked about by one."""

    def __init__(self, journal: Journal, queries: Queries, platforms: Mapping[str, Asked]) -> None:
        self._journal = journal
        self._queries = queries
        self._acts = Acts(journal)
        self._platforms = platforms
        self._rests: dict[str, datetime] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        await regularly("fetch back", self.look, stopping, every=EVERY)

    async def look(self) -> None:
        """Asks about every relay that has waited nearly in vain."""
        until = times.now_ms() + times.in_ms(AHEAD)
        for destination in {platform.source.destination for platform in self._platforms.values()}:
            for relay in await self._queries.waiting(destination, until, _AT_ONCE):
                if relay.source in self._platforms and relay.reason.startswith(NOT_KNOWN):
                    await self._ask(relay, self._platforms[relay.source])

    async def _ask(self, relay: Relay, platform: Asked) -> None:
        now = datetime.now(UTC)
        if self._rests.get(relay.source, now) > now or not await self._mine(relay.id):
            return
        try:
            await self._complete(relay.id, platform)
        except PullError as error:
            log.warning("fetch_back.no_answer", source=relay.source, error=type(error).__name__)
            self._rests[relay.source] = now + REST
            with away():
                await self._journal.redis.delete(self._journal.keys.asked(relay.id))

    async def _mine(self, relay: str) -> bool:
        with away():
            return bool(
                await self._journal.redis.set(
                    self._journal.keys.asked(relay), 1, nx=True, px=times.in_ms(_ASKED_KEPT)
                )
            )

    async def _complete(self, relay: str, platform: Asked) -> None:
        detail = await self._queries.detail(relay)
        if detail is None or not detail.reading:
            return
        events = normalised.load(detail.reading["events"])
        whole = [await self._told(event, platform) if isinstance(event, BOOKED) else None for event in events]
        if any(whole):
            told = tuple(new or old for new, old in zip(whole, events, strict=True))
            await self._acts.edit(relay, edited(detail, told), by=_BY)
            log.info("fetch_back.completed", source=platform.source.name, relay=relay)

    async def _told(self, event: BookedEvent, platform: Asked) -> BookedEvent | None:
        pull = platform.puller.order(event)
        if pull is None:
            return None
        async for found in platform.fetcher.run(pull):
            postback = Postback(
                "POST", "", {"content-type": "application/json"}, found.body, datetime.now(UTC)
            )
            try:
                reading = platform.source.adapter.read(postback)
            except PostbackError:
                continue
            whole = completed(event, reading.events) if isinstance(reading, Events) else None
            if whole is not None:
                return whole
        return None

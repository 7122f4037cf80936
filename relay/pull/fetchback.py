"""Fetch-back: what waits for an order nobody told us of is completed with what the platform says of it.

It is asked late in the wait, since most such orders come by themselves. What the platform does not know
either becomes a dead letter at the end of the wait, as without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from relay.compose.compose import NOT_KNOWN
from relay.errors import PostbackError, PullError
from relay.journal.acts import Acts
from relay.journal.answers import away
from relay.journal.forget import is_forgotten
from relay.journal.journal import Journal
from relay.journal.queries import Queries
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

PAUSES: Final = (timedelta(seconds=2),)
"""Between tries of one request: soon there is another look, and others wait for this one to end."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_BY: Final = "the platform's answer"
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
        self._failed: dict[str, set[str]] = {name: set() for name in platforms}

    async def run(self, stopping: asyncio.Event) -> None:
        """Each platform by itself: one that leaves us waiting keeps no other source's relays waiting."""
        await asyncio.gather(
            *(
                regularly("fetch back", partial(self.look, name, stopping), stopping, every=EVERY)
                for name in self._platforms
            )
        )

    async def look(self, source: str, stopping: asyncio.Event | None = None) -> None:
        """Asks about every relay of the source that has waited nearly in vain; last what failed before."""
        platform, until = self._platforms[source], times.now_ms() + times.in_ms(AHEAD)
        waiting = [
            relay.id
            for relay in await self._queries.waiting(platform.source.destination, until)
            if relay.source == source and relay.reason.startswith(NOT_KNOWN)
        ]
        self._failed[source].intersection_update(waiting)
        for relay in sorted(waiting, key=self._failed[source].__contains__):
            if stopping is not None and stopping.is_set():
                return
            await self._ask(relay, platform)

    async def _ask(self, relay: str, platform: Asked) -> None:
        source = platform.source.name
        if datetime.now(UTC) < self._rests.get(source, _LONG_AGO) or not await self._mine(relay):
            return
        try:
            await self._complete(relay, platform)
        except PullError as error:
            log.warning("fetch_back.no_answer", source=source, error=type(error).__name__)
            self._rests[source] = datetime.now(UTC) + REST
            self._failed[source].add(relay)
            with away():
                await self._journal.redis.delete(self._journal.keys.asked(relay))

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
            if whole is None:
                continue
            if await is_forgotten(self._journal, whole.customer.email, whole.ordered_at):
                return None
            return whole
        return None

"""Looking into the journal. A page costs the same however many relays lie behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from redis.asyncio import Redis

from relay.journal.answers import ask, text
from relay.journal.filter import Bounds, Filter
from relay.journal.issues import Issues
from relay.journal.journal import Journal
from relay.journal.keys import ENDPOINTS
from relay.journal.leads import Indexes, Known, Lead
from relay.journal.records import Pause, Relay, RelayDetail, Stats, Status
from relay.journal.views import by_source, hold, pause_of, relay_of

_HELD_BY_PAUSE: Final = (Status.HELD, Status.QUEUED, Status.RETRYING)

_AT_ONCE: Final = 500
"""Relays looked at between two looks at the clock."""

PATIENCE: Final = 0.2
"""Seconds a page may search for what no index answers."""


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the cursor of the page behind, None on the last. `total` None where no index knows it.

    With fewer relays than asked for and a `next`, time was up after `searched`: go on from there.
    """

    relays: tuple[Relay, ...]
    next: str | None
    total: int | None
    searched: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of what a filter leads through, oldest first: `relays` of it fit.

    `last` is where to go on, None at the end.
    """

    relays: tuple[Relay, ...]
    last: str | None
    looked_at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Led:
    """A lead, and the words that it answers by itself."""

    lead: Lead
    answers: frozenset[str]

    def alone(self, wanted: Filter) -> bool:
        return wanted.said <= self.answers | {"since_ms", "until_ms"}


class Queries:
    """Reads only; raises JournalAway where Redis cannot answer."""

    def __init__(
        self,
        journal: Journal,
        sources: Sequence[str],
        destinations: Sequence[str],
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._journal = journal
        self._redis: Redis = journal.redis
        self._keys = journal.keys
        self._sources = tuple(sources)
        self._destinations = tuple(destinations)
        self._patience = patience
        self.issues = Issues(self._redis, self._keys)

    # Lists -------------------------------------------------------------------------------------------

    async def find(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first."""
        ends = time.monotonic() + self._patience
        pauses = await self.pauses()
        led = await self._led(wanted, pauses)
        total = await self._total(wanted, led, pauses)
        bounds = Bounds.of(wanted).before(cursor)
        count = limit + 1 if led.alone(wanted) else _AT_ONCE
        found: list[Relay] = []
        searched = 0
        while True:
            began = time.monotonic()
            ids = await led.lead.newest(bounds, count)
            searched += len(ids)
            found += [relay for relay in await self._relays(ids, pauses) if wanted.fits(relay)]
            if len(found) > limit:
                return Page(tuple(found[:limit]), found[limit - 1].id, total, searched)
            if len(ids) < count:
                return Page(tuple(found), None, total, searched)
            if 2 * time.monotonic() - began > ends:  # another stretch like this one would be too long
                return Page(tuple(found), ids[-1], total, searched)
            bounds = bounds.before(ids[-1])

    async def walk(self, wanted: Filter, *, after: str | None = None, count: int = _AT_ONCE) -> Stretch:
        """The next `count` of what leads, oldest first, and those among them that fit."""
        pauses = await self.pauses()
        led = await self._led(wanted, pauses)
        ids = await led.lead.oldest(Bounds.of(wanted).after(after), count)
        relays = tuple(relay for relay in await self._relays(ids, pauses) if wanted.fits(relay))
        return Stretch(relays, ids[-1] if len(ids) == count else None, tuple(ids))

    async def some(self, relays: Sequence[str]) -> list[Relay]:
        """Those of `relays` that there are."""
        return await self._relays(relays, await self.pauses())

    async def count(self, wanted: Filter) -> int | None:
        """How many fit, None where no index knows."""
        pauses = await self.pauses()
        return await self._total(wanted, await self._led(wanted, pauses), pauses)

    async def kept(self, wanted: Filter) -> Filter:
        """The same, as it may be kept: an e-mail address becomes the digest it goes by."""
        if wanted.email is None:
            return wanted
        return replace(wanted, email=None, person=await self._journal.person(wanted.email))

    async def _led(self, wanted: Filter, pauses: Mapping[tuple[str, str], Pause]) -> _Led:
        keys = self._keys
        if wanted.relay:
            return _Led(Known({wanted.relay}), frozenset({"relay"}))
        if wanted.order:
            return _Led(Known(await self._of_order(wanted)), frozenset({"order", "source"}))
        if wanted.issue:
            dead = {"status"} if wanted.status is Status.DEAD else set()
            return _Led(Indexes(self._redis, [keys.issue_index(wanted.issue)]), frozenset({"issue", *dead}))
        if wanted.email or wanted.person:
            person = await self._journal.person(wanted.email) if wanted.email else wanted.person or ""
            return _Led(Indexes(self._redis, [keys.person(person)]), frozenset({"email", "person"}))
        answers = {"source"} if _mixed(wanted, pauses) else {"source", "status"}
        return _Led(Indexes(self._redis, await self._indexes(wanted, pauses)), frozenset(answers))

    async def _indexes(self, wanted: Filter, pauses: Mapping[tuple[str, str], Pause]) -> list[str]:
        """Those that hold something: of many sources most have nothing dead."""
        totals = text(await ask(self._redis.hgetall(self._keys.totals)))
        statuses = {str(status) for status in _stored_as(wanted, pauses)}
        found = []
        for key, count in totals.items():
            source, _, status = key.rpartition(":")
            if status in statuses and wanted.source in (None, source) and int(count):
                found.append(self._keys.index(source, Status(status)))
        return found

    async def _total(self, wanted: Filter, led: _Led, pauses: Mapping[tuple[str, str], Pause]) -> int | None:
        bounds = Bounds.of(wanted)
        if isinstance(led.lead, Known):
            relays = await self._relays(await led.lead.newest(bounds, _AT_ONCE), pauses)
            return sum(wanted.fits(relay) for relay in relays)
        if led.alone(wanted):
            return await led.lead.size(bounds)
        if _mixed(wanted, pauses) and wanted.status and wanted.said == {"status"}:
            return (await self.stats()).counts[wanted.status]
        return None

    async def _all_sources(self) -> Sequence[str]:
        totals = text(await ask(self._redis.hgetall(self._keys.totals)))
        return sorted({*self._sources, *(key.rpartition(":")[0] for key in totals)})

    async def _of_order(self, wanted: Filter) -> frozenset[str]:
        """By any name of the order: the kinds of names are the adapters' own, so each is tried."""
        found: set[str] = set()
        for source in [wanted.source] if wanted.source else await self._all_sources():
            for kind in await ask(self._redis.smembers(self._keys.kinds(source))):
                book = await self._journal.book(source, [f"{kind.decode()}:{wanted.order}"])
                found |= {key[2:] for key in book if key.startswith("f:")}
        return frozenset(found)

    async def _relays(self, found: Sequence[str], pauses: Mapping[tuple[str, str], Pause]) -> list[Relay]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for relay in found:
                pipe.hgetall(self._keys.relay(relay))
            answers = await ask(pipe.execute())
        return [relay_of(i, text(f), pauses) for i, f in zip(found, answers, strict=True) if f]

    async def waiting(self, destination: str, until_ms: int) -> list[Relay]:
        """Those held outside their lane whose wait ends by then, the first to end first."""
        held = await ask(self._redis.zrangebyscore(self._keys.held(destination), "-inf", until_ms))
        found: list[Relay] = []
        for start in range(0, len(held), _AT_ONCE):
            found += await self._relays([relay.decode() for relay in held[start : start + _AT_ONCE]], {})
        return found

    # One relay ---------------------------------------------------------------------------------------

    async def detail(self, relay: str) -> RelayDetail | None:
        keys = self._keys
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.relay(relay))
            pipe.get(keys.blob(relay))
            pipe.lrange(keys.history(relay), 0, -1)
            answers = await ask(pipe.execute())
        fields, blob, history = text(answers[0]), answers[1], answers[2]
        if not fields:
            first = await ask(self._redis.get(keys.also(relay)))
            return await self.detail(first.decode()) if first else None
        stored = self._journal.body(blob) if blob else {}
        return RelayDetail(
            relay=relay_of(relay, fields, await self.pauses()),
            postback=stored.get("postback"),
            reading=stored.get("reading"),
            history=tuple(self._journal.body(entry) for entry in history),
            original=stored.get("original"),
            behind=await self._behind(relay, fields),
        )

    async def _behind(self, relay: str, fields: Mapping[str, str]) -> str | None:
        """The relay that leaves first of its lane, where it waits for one."""
        lane = self._keys.lane(fields["dest"], fields["lane"])
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zscore(lane, relay)
            pipe.zrange(lane, 0, 0)
            stands, head = await ask(pipe.execute())
        return head[0].decode() if stands is not None and head[0].decode() != relay else None

    # Numbers -----------------------------------------------------------------------------------------

    async def pauses(self) -> dict[tuple[str, str], Pause]:
        """What is paused, by (destination, endpoint); endpoint "all" for a whole destination."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in self._destinations:
                pipe.hgetall(self._keys.destination(name))
            answers = await ask(pipe.execute())
        found = {}
        for name, fields in zip(self._destinations, answers, strict=True):
            for key, value in text(fields).items():
                kind, _, endpoint = key.partition(":")
                if kind == "paused":
                    found[name, endpoint] = pause_of(endpoint, json.loads(value))
        return found

    async def stats(self) -> Stats:
        # No transaction, which a full Redis refuses: the totals are one key, and so of one moment.
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._keys.totals)
            pipe.hgetall(self._keys.active)
            for name in self._destinations:
                for endpoint in ENDPOINTS:
                    for backfill in (False, True):
                        pipe.zrange(
                            self._keys.ready(name, endpoint, backfill=backfill), 0, 0, withscores=True
                        )
            totals, active, *heads = await ask(pipe.execute())
        sources = by_source(text(totals))
        counts = {status: sum(s[status] for s in sources.values()) for status in Status}
        hold(counts, text(active), await self.pauses())
        due = [int(score) for head in heads for _, score in head]
        return Stats(
            received=sum(s["received"] for s in sources.values()),
            counts={str(status): n for status, n in counts.items()},
            duplicates=sum(s["copies"] for s in sources.values()),
            overtaken=sum(s["overtaken"] for s in sources.values()),
            oldest_due_ms=min(due, default=None),
            sources=sources,
        )

    async def source_times(self, source: str) -> tuple[int | None, int | None]:
        """When the first and the last postback of `source` came, in ms."""
        fields = text(await ask(self._redis.hgetall(self._keys.source(source))))
        return (
            int(fields["first"]) if "first" in fields else None,
            int(fields["last"]) if "last" in fields else None,
        )


def _mixed(wanted: Filter, pauses: Mapping[tuple[str, str], Pause]) -> bool:
    """Whether that status is told only by looking at pauses."""
    return bool(pauses) and wanted.status in _HELD_BY_PAUSE


def _stored_as(wanted: Filter, pauses: Mapping[tuple[str, str], Pause]) -> Sequence[Status]:
    if wanted.status is None:
        return tuple(Status)
    return _HELD_BY_PAUSE if wanted.status is Status.HELD and pauses else (wanted.status,)

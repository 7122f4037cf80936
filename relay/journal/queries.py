"""Looking into the journal. A page costs the same however many relays lie behind it."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from relay.errors import JournalAway
from relay.journal import codec, ids
from relay.journal.journal import Journal
from relay.journal.records import Pause, Relay, RelayDetail, Stats, Status
from relay.normalise import times

_ACTIVE: Final = (Status.QUEUED, Status.RETRYING)
_SEARCHED_AT_ONCE: Final = 200
_SEARCHED_AT_MOST: Final = 20_000
_HELD_BY_PAUSE: Final = (Status.HELD, *_ACTIVE)


@dataclass(frozen=True, slots=True)
class Filter:
    """What to list. Times are ms. One index leads; the other words are looked at relay by relay."""

    status: Status | None = None
    source: str | None = None
    event: str | None = None
    order: str | None = None
    email: str | None = None
    destination: str | None = None
    code: str | None = None
    attempts: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    text: str | None = None

    @property
    def indexed(self) -> bool:
        """Whether the leading index alone answers it, so that its count is known."""
        others = (self.event, self.destination, self.code, self.attempts, self.text)
        timed = self.since_ms is not None or self.until_ms is not None
        return not any(o is not None for o in others) and not timed and not (self.order or self.email)


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the cursor of the page behind, None on the last. `total` None where no index knows it."""

    relays: tuple[Relay, ...]
    next: str | None
    total: int | None
    searched: int


class Queries:
    """Reads only; raises JournalAway where Redis cannot answer."""

    def __init__(self, journal: Journal, sources: Sequence[str], destinations: Sequence[str]) -> None:
        self._journal = journal
        self._redis: Redis = journal.redis
        self._keys = journal.keys
        self._sources = tuple(sources)
        self._destinations = tuple(destinations)

    async def detail(self, relay: str) -> RelayDetail | None:
        keys = self._keys
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.relay(relay))
            pipe.get(keys.blob(relay))
            pipe.lrange(keys.history(relay), 0, -1)
            fields, blob, history = await _ask(pipe.execute())
        if not fields:
            first = await _ask(self._redis.get(keys.also(relay)))
            return await self.detail(first.decode()) if first else None
        held = await self.pauses()
        stored = codec.unpack(blob) if blob else {}
        return RelayDetail(
            relay=_relay(relay, _text(fields), held),
            postback=stored.get("postback"),
            reading=stored.get("reading"),
            history=tuple(codec.unpack(entry) for entry in history),
        )

    async def pauses(self) -> dict[tuple[str, str], Pause]:
        """What is paused, by (destination, endpoint); endpoint "all" for a whole destination."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in self._destinations:
                pipe.hgetall(self._keys.destination(name))
            answers = await _ask(pipe.execute())
        found = {}
        for name, fields in zip(self._destinations, answers, strict=True):
            for key, value in _text(fields).items():
                kind, _, endpoint = key.partition(":")
                if kind == "paused":
                    p = json.loads(value)
                    found[name, endpoint] = Pause(
                        endpoint, p["reason"], int(p["since"]), p["by"], int(p["probe_at"])
                    )
        return found

    async def stats(self) -> Stats:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._keys.totals)
            pipe.hgetall(self._keys.active)
            for name in self._destinations:
                for endpoint in ("orders", "checkouts", "products", "stock", "events"):
                    pipe.zrange(self._keys.ready(name, endpoint), 0, 0, withscores=True)
            totals, active, *heads = await _ask(pipe.execute())
        sources = _by_source(_text(totals))
        counts = {status: sum(s[status] for s in sources.values()) for status in Status}
        _hold(counts, _text(active), await self.pauses())
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
        fields = _text(await _ask(self._redis.hgetall(self._keys.source(source))))
        return (
            int(fields["first"]) if "first" in fields else None,
            int(fields["last"]) if "last" in fields else None,
        )

    async def find(self, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Newest first. Where no index answers alone, searches up to a bound and says where to go on."""
        pauses = await self.pauses()
        indexes = await self._indexes(wanted, pauses)
        found: list[Relay] = []
        searched = 0
        before = cursor
        while len(found) <= limit and searched < _SEARCHED_AT_MOST:
            page = await self._newest(indexes, wanted, before, _SEARCHED_AT_ONCE)
            if not page:
                return self._page(found, limit, await self._total(wanted, indexes, pauses), searched, None)
            searched += len(page)
            before = page[-1]
            found += [r for r in await self._relays(page, pauses) if _fits(r, wanted)]
        total = await self._total(wanted, indexes, pauses)
        return self._page(found, limit, total, searched, before)

    @staticmethod
    def _page(
        found: Sequence[Relay], limit: int, total: int | None, searched: int, before: str | None
    ) -> Page:
        shown = tuple(found[:limit])
        more = shown[-1].id if len(found) > limit else before
        return Page(shown, more, total, searched)

    async def _indexes(
        self, wanted: Filter, pauses: Mapping[tuple[str, str], Pause]
    ) -> Sequence[str] | frozenset[str]:
        """The keys of the leading index, or, for an order, its relays themselves."""
        if wanted.order:
            return await self._of_order(wanted)
        if wanted.email:
            return [self._keys.person(await self._journal.person(wanted.email))]
        sources = [wanted.source] if wanted.source else await self._all_sources()
        statuses: Iterable[Status] = Status
        if wanted.status:
            statuses = _stored_as(wanted.status, pauses)
        return [self._keys.index(source, status) for source in sources for status in statuses]

    async def _all_sources(self) -> Sequence[str]:
        totals = _text(await _ask(self._redis.hgetall(self._keys.totals)))
        return sorted({*self._sources, *(key.rpartition(":")[0] for key in totals)})

    async def _of_order(self, wanted: Filter) -> frozenset[str]:
        """By any name of the order: the kinds of names are the adapters' own, so each is tried."""
        found: set[str] = set()
        for source in [wanted.source] if wanted.source else await self._all_sources():
            for kind in await _ask(self._redis.smembers(self._keys.kinds(source))):
                book = await self._journal.book(source, [f"{kind.decode()}:{wanted.order}"])
                found |= {key[2:] for key in book if key.startswith("f:")}
        return frozenset(found)

    async def _newest(
        self, indexes: Sequence[str] | frozenset[str], wanted: Filter, before: str | None, count: int
    ) -> list[str]:
        top = f"({before}" if before else f"({ids.floor(wanted.until_ms)}" if wanted.until_ms else "+"
        low = f"[{ids.floor(wanted.since_ms)}" if wanted.since_ms else "-"
        if isinstance(indexes, frozenset):
            inside = [i for i in indexes if (top == "+" or i < top[1:]) and (low == "-" or i >= low[1:])]
            return sorted(inside, reverse=True)[:count]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in indexes:
                pipe.zrevrangebylex(key, top, low, start=0, num=count)
            pages = await _ask(pipe.execute())
        merged = heapq.merge(*pages, reverse=True)
        return [relay.decode() for relay, _ in zip(merged, range(count), strict=False)]

    async def _relays(self, found: Sequence[str], pauses: Mapping[tuple[str, str], Pause]) -> list[Relay]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for relay in found:
                pipe.hgetall(self._keys.relay(relay))
            answers = await _ask(pipe.execute())
        return [_relay(i, _text(f), pauses) for i, f in zip(found, answers, strict=True) if f]

    async def _total(
        self,
        wanted: Filter,
        indexes: Sequence[str] | frozenset[str],
        pauses: Mapping[tuple[str, str], Pause],
    ) -> int | None:
        mixed = wanted.status in _HELD_BY_PAUSE and bool(pauses)
        if isinstance(indexes, frozenset) or not wanted.indexed or mixed:
            return None
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in indexes:
                pipe.zcard(key)
            sizes: list[int] = await _ask(pipe.execute())
        return sum(sizes)


def _stored_as(status: Status, pauses: Mapping[tuple[str, str], Pause]) -> Iterable[Status]:
    return _HELD_BY_PAUSE if status is Status.HELD and pauses else (status,)


def _fits(r: Relay, wanted: Filter) -> bool:
    return (
        (wanted.status is None or r.status is wanted.status)
        and (wanted.source is None or r.source == wanted.source)
        and (wanted.event is None or wanted.event in r.kinds)
        and (wanted.destination is None or r.destination == wanted.destination)
        and (wanted.code is None or _code_fits(r.code, wanted.code))
        and (wanted.attempts is None or r.attempts == wanted.attempts)
        and (wanted.text is None or wanted.text.lower() in f"{r.id} {r.order} {r.reason}".lower())
    )


def _code_fits(code: int | None, wanted: str) -> bool:
    return str(code) == wanted or (wanted[1:] == "xx" and code is not None and str(code)[0] == wanted[0])


def _relay(relay: str, fields: Mapping[str, str], pauses: Mapping[tuple[str, str], Pause]) -> Relay:
    due = fields.get("due")
    found = Relay(
        id=relay,
        source=fields["source"],
        adapter=fields["adapter"],
        destination=fields["dest"],
        endpoint=fields["endpoint"],
        status=Status(fields["status"]),
        reason=fields.get("reason", ""),
        received_at=times.z(times.from_ms(int(fields["at"]))),
        kinds=tuple(kind for kind in fields["kinds"].split(",") if kind),
        order=fields.get("order"),
        attempts=int(fields.get("attempts", 0)),
        tries=int(fields.get("tries", 0)),
        copies=int(fields.get("copies", 0)),
        code=int(fields["code"]) if "code" in fields else None,
        stage=fields.get("stage"),
        next_try=times.z(times.from_ms(int(float(due)))) if due else None,
        changed_at=times.z(times.from_ms(int(fields["changed"]))) if "changed" in fields else None,
    )
    pause = pauses.get((found.destination, "all")) or pauses.get((found.destination, found.endpoint))
    if pause and found.status in _ACTIVE:
        return replace(found, status=Status.HELD, reason=pause.reason, next_try=None)
    return found


def _by_source(totals: Mapping[str, str]) -> dict[str, dict[str, int]]:
    words = ("received", "copies", "overtaken", *Status)
    sources: dict[str, dict[str, int]] = {}
    for key, value in totals.items():
        source, _, word = key.rpartition(":")
        sources.setdefault(source, {str(w): 0 for w in words})[word] = int(value)
    return sources


def _hold(
    counts: dict[Status, int], active: Mapping[str, str], pauses: Mapping[tuple[str, str], Pause]
) -> None:
    for key, value in active.items():
        destination, endpoint, status = key.rsplit(":", 2)
        if (destination, "all") in pauses or (destination, endpoint) in pauses:
            counts[Status(status)] -= int(value)
            counts[Status.HELD] += int(value)


def _text(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in fields.items()}


async def _ask(answer: Any) -> Any:
    try:
        return await cast("asyncio.Future[Any]", answer)
    except (RedisError, OSError, TimeoutError) as error:
        raise JournalAway(f"Redis: {error}") from error

"""Forgetting a person: everywhere in the journal, by the index and by looking into every body."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from relay.errors import JournalAway, VaultShut
from relay.journal import wire
from relay.journal.activity import Activity
from relay.journal.answers import ask, away, text
from relay.journal.eraser import Eraser
from relay.journal.journal import Journal
from relay.journal.mentions import Address
from relay.journal.replays import ReplayBook
from relay.normalise import times

_AT_ONCE: Final = 200

Sealed = TypeVar("Sealed")
Opened = TypeVar("Opened")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """`busy` are relays that were being sent at that moment: forget once more in a minute."""

    relays: int
    orders: int
    busy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Book:
    """An order's book: the relays that told of it, and the names it goes by."""

    source: str
    name: str
    relays: frozenset[str]
    names: Sequence[str]


async def forget(journal: Journal, email: str, *, by: str, lost: Collection[str] = ()) -> Forgotten:
    """Erases `email` and what belongs to it: bodies, history, order books, indexes.

    What tells of an order of theirs goes too, though it names no address: it may name the person. Bodies
    nobody could read are searched too, but for what was sealed with keys that are `lost`. Raises ValueError
    where `email` is no address, and VaultShut where another key is not at hand.
    """
    address, eraser = Address.of(email), Eraser(journal)
    person = await journal.person(email)
    with away():
        await journal.redis.set(journal.keys.forgotten(person), times.now_ms())
    relays = {relay async for relay in _relays(journal, address, lost)} | set(await _indexed(journal, person))
    books = [book async for book in _books(journal, address, lost)]
    relays.update(*(book.relays for book in books))
    answers = {relay: await eraser.erase(relay, f"forgotten by {by}", person) for relay in relays}
    busy = {relay for relay, answer in answers.items() if answer < 0}
    # Last, and not while one of its relays is being sent: nothing else may lead to the others.
    done = [book for book in books if not book.relays & busy]
    for book in done:
        await eraser.erase_book(book.source, book.name, book.names)
    await ReplayBook(journal).forget(person, address)
    activity = Activity(journal)
    await activity.forget(address)
    await activity.note(by, "forgot a person", detail=f"{len(relays)} relays, {len(done)} order books")
    await eraser.rewrite()
    return Forgotten(sum(answer > 0 for answer in answers.values()), len(done), tuple(sorted(busy)))


async def is_forgotten(journal: Journal, email: str | None, at: datetime | None) -> bool:
    """Whether what that person did at that time lies before they were forgotten; what bears no time does."""
    if not email:
        return False
    forgotten = await ask(journal.redis.get(journal.keys.forgotten(await journal.person(email))))
    return forgotten is not None and (at is None or times.to_ms(at) <= int(forgotten))


async def _indexed(journal: Journal, person: str) -> list[str]:
    with away():
        found = await journal.redis.zrange(journal.keys.person(person), 0, -1)
    return [relay.decode() for relay in found]


async def _relays(journal: Journal, address: Address, lost: Collection[str]) -> AsyncIterator[str]:
    for kind in ("b", "h"):
        prefix = f"{journal.keys.prefix}{kind}:"
        async for keys in _chunks(journal, prefix):
            for key, value in zip(keys, await _values(journal, kind, keys), strict=True):
                bodies = (_opened(journal.body, data, lost) for data in value)
                if any(body is not None and address.stands_in_body(body) for body in bodies):
                    yield key.removeprefix(prefix)


def _opened(read: Callable[[Sealed], Opened], data: Sealed, lost: Collection[str]) -> Opened | None:
    """None for what a lost key sealed: nobody can read it any more."""
    try:
        return read(data)
    except VaultShut as error:
        if error.key not in lost:
            raise
        return None


async def _values(journal: Journal, kind: str, keys: list[str]) -> list[list[bytes]]:
    with away():
        async with journal.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                if kind == "b":
                    pipe.get(key)
                else:
                    pipe.lrange(key, 0, -1)
            answers: list[Any] = await pipe.execute()
    return [([a] if a else []) if kind == "b" else a for a in answers]


async def _books(journal: Journal, address: Address, lost: Collection[str]) -> AsyncIterator[_Book]:
    prefix = f"{journal.keys.prefix}o:"

    def read(told: str) -> str:
        return wire.part(told, journal.vault)

    async for keys in _chunks(journal, prefix):
        for key in keys:
            fields = text(await ask(journal.redis.hgetall(key)))
            told = {
                field[2:]: _opened(read, value, lost) for field, value in fields.items() if field[:2] == "f:"
            }
            parts = [part for part in told.values() if part is not None]
            if any(address.stands_in(part) for part in parts):
                source, name = key.removeprefix(prefix).split(":", 1)
                yield _Book(source, name, frozenset(told), _names(parts))


def _names(parts: Iterable[str]) -> list[str]:
    return sorted({name for part in parts for event in json.loads(part) for name in event["names"]})


async def _chunks(journal: Journal, prefix: str) -> AsyncIterator[list[str]]:
    chunk: list[str] = []
    pattern = prefix.replace("{", "[{]").replace("}", "[}]") + "*"
    try:
        async for key in journal.redis.scan_iter(pattern, count=1000):
            chunk.append(key.decode())
            if len(chunk) >= _AT_ONCE:
                yield chunk
                chunk = []
    except OSError as error:
        raise JournalAway(f"Redis: {error}") from error
    if chunk:
        yield chunk

"""Forgetting a person: everywhere in the journal, by the index and by looking into every body."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.errors import JournalAway
from relay.journal.activity import Activity
from relay.journal.answers import ask, away
from relay.journal.eraser import Eraser
from relay.journal.journal import Journal
from relay.journal.mentions import Address
from relay.journal.replays import ReplayBook
from relay.normalise import times

_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Forgotten:
    """`busy` are relays that were being sent at that moment: forget once more in a minute."""

    relays: int
    orders: int
    busy: tuple[str, ...]


async def forget(journal: Journal, email: str, *, by: str) -> Forgotten:
    """Erases `email` and what belongs to it: bodies, history, order books, indexes.

    What tells of an order of theirs goes too, though it names no address: it may name the person. Bodies
    nobody could read are searched too. Raises ValueError where `email` is no address.
    """
    address, eraser = Address.of(email), Eraser(journal)
    person = await journal.person(email)
    with away():
        await journal.redis.set(journal.keys.forgotten(person), times.now_ms())
    relays = {relay async for relay in _relays(journal, address)} | set(await _indexed(journal, person))
    orders = 0
    async for source, book, fields in _books(journal, address):
        relays |= {key[2:] for key in fields if key.startswith("f:")}
        await eraser.erase_book(source, book, _names(fields))
        orders += 1
    answers = {relay: await eraser.erase(relay, f"forgotten by {by}", person) for relay in relays}
    await ReplayBook(journal).forget(person, address)
    activity = Activity(journal)
    await activity.forget(address)
    await activity.note(by, "forgot a person", detail=f"{len(relays)} relays, {orders} order books")
    await eraser.rewrite()
    busy = tuple(sorted(relay for relay, answer in answers.items() if answer < 0))
    return Forgotten(sum(answer > 0 for answer in answers.values()), orders, busy)


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


async def _relays(journal: Journal, address: Address) -> AsyncIterator[str]:
    for kind in ("b", "h"):
        prefix = f"{journal.keys.prefix}{kind}:"
        async for keys in _chunks(journal, prefix):
            for key, value in zip(keys, await _values(journal, kind, keys), strict=True):
                if any(address.stands_in_body(journal.body(data)) for data in value):
                    yield key.removeprefix(prefix)


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


async def _books(journal: Journal, address: Address) -> AsyncIterator[tuple[str, str, Mapping[str, str]]]:
    prefix = f"{journal.keys.prefix}o:"
    async for keys in _chunks(journal, prefix):
        for key in keys:
            source, name = key.removeprefix(prefix).split(":", 1)
            fields = await journal.book(source, [name])
            if any(address.stands_in(part) for part in _parts(fields)):
                yield source, name, fields


def _parts(book: Mapping[str, str]) -> list[str]:
    return [value for field, value in book.items() if field.startswith("f:")]


def _names(book: Mapping[str, str]) -> list[str]:
    return sorted({name for part in _parts(book) for event in json.loads(part) for name in event["names"]})


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

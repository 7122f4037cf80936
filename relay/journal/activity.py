"""The activity: who did what, when and on what. Bounded, and without e-mail addresses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from relay.journal import ids
from relay.journal.answers import ask
from relay.journal.journal import Journal
from relay.journal.mentions import Address
from relay.normalise import times

_IDS: Final = ids.Ids()
_ADDRESS: Final = re.compile(r"(?<!\S)\S+(?:@|%40)\S+")
"""From where a word begins: else a long one is read once for each of its letters."""
_LONGEST: Final = 300
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Act:
    """`on` is a relay, an issue, a replay or a destination; `detail` in words."""

    id: str
    at_ms: int
    by: str
    what: str
    on: str
    detail: str


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """Newest first. `next` is the cursor of the page behind, None on the last."""

    acts: tuple[Act, ...]
    next: str | None


def entry(by: str, what: str, on: str = "", detail: str = "") -> str:
    """One act, as it lies in the journal; sorted by its id, and so by time."""
    said = {"by": by, "what": what, "on": without_addresses(on), "detail": without_addresses(detail)}
    plain = json.dumps({key: value for key, value in said.items() if value}, ensure_ascii=False)
    return f"{_IDS.new()} {plain}"


class Activity:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._redis = journal.redis
        self._key = journal.keys.activity

    async def note(self, by: str, what: str, on: str = "", detail: str = "") -> None:
        """Writes down what changes nothing in the journal: a sign-in, a look at personal data."""
        await self._journal.operate("note", {}, entry(by, what, on, detail))

    async def page(self, *, limit: int = 50, cursor: str | None = None) -> ActivityPage:
        high = f"({cursor}" if cursor else "+"
        found = await ask(self._redis.zrevrangebylex(self._key, high, "-", start=0, num=limit + 1))
        acts = tuple(_act(member.decode()) for member in found[:limit])
        return ActivityPage(acts, acts[-1].id if len(found) > limit else None)

    async def drop_older(self, age: timedelta) -> int:
        """How many were dropped."""
        before = ids.floor(times.now_ms() - times.in_ms(age))
        dropped: int = await ask(self._redis.zremrangebylex(self._key, "-", f"({before}"))
        return dropped

    async def forget(self, address: Address) -> None:
        """Leaves no name that holds the address: of those who act, too."""
        low = "-"
        while True:
            found = await ask(self._redis.zrangebylex(self._key, low, "+", start=0, num=_AT_ONCE))
            for member in found:
                if address.stands_in(member.decode()):
                    await self._replace(member)
            if len(found) < _AT_ONCE:
                return
            low = f"({found[-1].decode()}"

    async def _replace(self, member: bytes) -> None:
        act = _act(member.decode())
        plain = json.dumps({"by": "a person forgotten", "what": act.what})
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zrem(self._key, member)
            pipe.zadd(self._key, {f"{act.id} {plain}": 0})
            await ask(pipe.execute())


def _act(member: str) -> Act:
    relay, _, plain = member.partition(" ")
    said = json.loads(plain)
    on, detail = said.get("on", ""), said.get("detail", "")
    return Act(relay, ids.moment_ms(relay), said["by"], said["what"], on, detail)


def without_addresses(text: str) -> str:
    """`text` as it may be kept beyond the person it is about."""
    return _ADDRESS.sub("(an address)", text)[:_LONGEST]

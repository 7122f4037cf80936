"""Looking at issues: the dead letters of one fingerprint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from relay.journal.answers import ask, text
from relay.journal.keys import Keys
from relay.normalise import times

TREND_DAYS: Final = 14
_DAY_MS: Final = 86_400_000
_SAME_MOMENT: Final = 100
"""Issues that may have been seen last in one millisecond: a script settles 32 relays."""


@dataclass(frozen=True, slots=True)
class Issue:
    """`count` dead letters now, `ever` so many. `trend`: deaths on each of 14 days (UTC), oldest first.

    `newest` is the latest of its dead letters; `trial` the one that was retried to see whether it goes now.
    Moments are ms.
    """

    id: str
    title: str
    stage: str
    adapter: str
    kinds: tuple[str, ...]
    count: int
    ever: int
    first_ms: int
    last_ms: int
    trend: tuple[int, ...]
    newest: str | None
    trial: str | None
    muted_by: str | None
    muted_ms: int | None


@dataclass(frozen=True, slots=True)
class IssuePage:
    """Those seen last come first. `next` is the cursor of the page behind, None on the last."""

    issues: tuple[Issue, ...]
    next: str | None
    total: int


class Issues:
    """Reads only; raises JournalAway where Redis cannot answer."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def page(self, *, limit: int = 50, cursor: str | None = None) -> IssuePage:
        """Raises ValueError for a cursor that is none of ours."""
        last_ms, after = _position(cursor)
        top = "+inf" if last_ms is None else last_ms
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zcard(self._keys.issues)
            pipe.zrevrangebyscore(
                self._keys.issues, top, "-inf", start=0, num=limit + _SAME_MOMENT + 1, withscores=True
            )
            total, entries = await ask(pipe.execute())
        behind = [
            (issue.decode(), int(at))
            for issue, at in entries
            if last_ms is None or (int(at), issue.decode()) < (last_ms, after)
        ]
        shown = behind[:limit]
        following = f"{shown[-1][1]}-{shown[-1][0]}" if len(behind) > limit else None
        return IssuePage(await self._read([issue for issue, _ in shown]), following, total)

    async def one(self, issue: str) -> Issue | None:
        """None where it is not known, or not any more."""
        return next(iter(await self._read([issue])), None)

    async def muted_dead(self) -> int:
        """How many dead letters lie in muted issues: they raise no alert."""
        muted = await ask(self._redis.smembers(self._keys.muted))
        async with self._redis.pipeline(transaction=False) as pipe:
            for issue in muted:
                pipe.zcard(self._keys.issue_index(issue.decode()))
            return sum(await ask(pipe.execute()))

    async def _read(self, issues: Sequence[str]) -> tuple[Issue, ...]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for issue in issues:
                pipe.hgetall(self._keys.issue(issue))
                pipe.zcard(self._keys.issue_index(issue))
                pipe.zrevrangebylex(self._keys.issue_index(issue), "+", "-", start=0, num=1)
            answers = await ask(pipe.execute())
        read = zip(issues, answers[::3], answers[1::3], answers[2::3], strict=True)
        return tuple(_issue(i, text(fields), count, newest) for i, fields, count, newest in read if fields)


def _position(cursor: str | None) -> tuple[int | None, str]:
    if cursor is None:
        return None, ""
    at, _, issue = cursor.partition("-")
    if not at.isdecimal() or len(at) > len("1772616600000") + 2:
        raise ValueError("the cursor is none of this list")
    return int(at), issue


def _issue(issue: str, fields: Mapping[str, str], count: int, newest: Sequence[bytes]) -> Issue:
    muted = json.loads(fields["muted"]) if "muted" in fields else {}
    today = times.now_ms() // _DAY_MS
    days = range(today - TREND_DAYS + 1, today + 1)
    return Issue(
        id=issue,
        title=fields["title"],
        stage=fields["stage"],
        adapter=fields["adapter"],
        kinds=tuple(kind for kind in fields["kinds"].split(",") if kind),
        count=count,
        ever=int(fields["ever"]),
        first_ms=int(fields["first"]),
        last_ms=int(fields["last"]),
        trend=tuple(int(fields.get(f"d:{day}", 0)) for day in days),
        newest=newest[0].decode() if newest else None,
        trial=fields.get("trial"),
        muted_by=muted.get("by"),
        muted_ms=muted.get("at"),
    )

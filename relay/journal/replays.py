"""Replays as they lie in the journal: acts on all relays of a filter, and how far each has come."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from relay.journal.activity import entry
from relay.journal.answers import ask, away, text
from relay.journal.filter import Filter
from relay.journal.ids import Ids
from relay.journal.journal import Journal
from relay.journal.mentions import Address
from relay.journal.wire import pairs
from relay.normalise import times

State = Literal["running", "paused", "done", "cancelled"]
Act = Literal["retry", "discard"]

HOLD: Final = timedelta(seconds=15)
"""How long a worker that says nothing keeps others from a replay; longer than a handful of relays takes."""

_DONE: Final = {"running": "resumed a replay", "paused": "paused a replay", "cancelled": "cancelled a replay"}
_SKIPPED: Final = "skipped:"
_BEHIND_ALL: Final = "~"
"""A cursor behind every id."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants done to the relays of a filter. `line` is the filter in their words, no address
    in it. `stage` "" means where each died. `stale`: although they are old.
    """

    wanted: Filter
    act: Act
    by: str
    line: str
    stage: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """`planned`: how many fitted at the start, None where no index knew; `searched`: looked at so far."""

    id: str
    state: State
    wish: Wish
    started_ms: int
    ended_ms: int | None
    planned: int | None
    searched: int
    done: int
    refused: int
    skipped: Mapping[str, int]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Intent:
    """The next relays of a replay, and where it goes on behind them; None: these are the last."""

    relays: tuple[str, ...]
    cursor: str | None
    searched: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A worker's turn at a replay. `intent`: what had been written down and not been told as done."""

    token: str
    replay: Replay
    intent: Intent | None


class ReplayBook:
    """Raises JournalAway where Redis cannot do its part."""

    def __init__(self, journal: Journal) -> None:
        self._redis = journal.redis
        self._keys = journal.keys
        self._script = journal.script("replay")
        self._ids = Ids()

    async def start(self, wish: Wish, planned: int | None) -> str:
        """The id of the new replay. The filter must be one that may be kept."""
        relay = self._ids.new()
        fields = {
            "act": wish.act,
            "by": wish.by,
            "filter": json.dumps(wish.wanted.to_plain()),
            "line": wish.line,
            "stage": wish.stage,
            "stale": "1" if wish.stale else "",
            "planned": "" if planned is None else str(planned),
        }
        flat = [part for pair in fields.items() for part in pair]
        activity = entry(wish.by, f"started a replay: {wish.act}", relay, wish.line)
        await self._call("start", {"id": relay, "fields": flat}, activity)
        return relay

    async def one(self, replay: str) -> Replay | None:
        fields = text(await ask(self._redis.hgetall(self._keys.replay(replay))))
        return _replay(replay, fields) if fields else None

    async def newest(self, limit: int) -> list[Replay]:
        found = await ask(self._redis.zrevrange(self._keys.replays, 0, limit - 1))
        replays = [await self.one(replay.decode()) for replay in found]
        return [replay for replay in replays if replay is not None]

    async def under_way(self) -> list[str]:
        return sorted(replay.decode() for replay in await ask(self._redis.smembers(self._keys.replaying)))

    async def change(self, replay: str, to: Literal["running", "paused", "cancelled"], *, by: str) -> str:
        """Answers "ok", else the state that does not fit, or "unknown"."""
        answer: bytes = await self._call("change", {"id": replay, "to": to}, entry(by, _DONE[to], replay))
        return answer.decode()

    async def forget(self, person: str, address: Address) -> None:
        """Drops those that were about a person, by digest or in words; one that runs is ended by that."""
        for replay in await self.newest(1000):
            plain = json.dumps(replay.wish.wanted.to_plain(), ensure_ascii=False)
            if replay.wish.wanted.person == person or address.stands_in(plain):
                with away():
                    async with self._redis.pipeline(transaction=True) as pipe:
                        pipe.delete(self._keys.replay(replay.id))
                        pipe.zrem(self._keys.replays, replay.id)
                        pipe.srem(self._keys.replaying, replay.id)
                        await pipe.execute()

    # For workers -------------------------------------------------------------------------------------

    async def take(self, replay: str) -> Turn | None:
        """The turn to go on with it, where nobody has it and there is something to do."""
        token = secrets.token_hex(8)
        options = {"id": replay, "token": token, "hold_ms": times.in_ms(HOLD)}
        flat = await self._call("take", options)
        if not flat:
            return None
        fields = pairs(flat)
        pending = json.loads(fields["pending"]) if "pending" in fields else None
        intent = Intent(tuple(pending["relays"]), pending["cursor"], pending["searched"]) if pending else None
        return Turn(token, _replay(replay, fields), intent)

    async def give_back(self, turn: Turn) -> None:
        await self._call("give_back", {"id": turn.replay.id, "token": turn.token})

    async def intend(self, turn: Turn, intent: Intent) -> bool:
        """Writes down what is about to be done; False where another took over."""
        pending = {"relays": intent.relays, "cursor": intent.cursor, "searched": intent.searched}
        options = {"id": turn.replay.id, "token": turn.token, "pending": json.dumps(pending)}
        answer: bytes = await self._call("intend", options)
        return answer == b"ok"

    async def commit(
        self, turn: Turn, intent: Intent, *, done: int, refused: int, skipped: Mapping[str, int]
    ) -> None:
        """Tells what came of it, unless another has."""
        counts = {"done": done, "refused": refused, "searched": intent.searched}
        counts |= {f"{_SKIPPED}{reason}": count for reason, count in skipped.items()}
        options = {
            "id": turn.replay.id,
            "token": turn.token,
            "counts": {field: count for field, count in counts.items() if count},
            "cursor": intent.cursor or _BEHIND_ALL,
            "ended": intent.cursor is None,
        }
        await self._call("commit", options)

    async def _call(self, verb: str, options: Mapping[str, Any], activity: str = "") -> Any:
        with away():
            return await self._script(keys=[self._keys.prefix], args=[verb, json.dumps(options), activity])


def _replay(replay: str, fields: Mapping[str, str]) -> Replay:
    return Replay(
        id=replay,
        state=fields["state"],  # type: ignore[arg-type]  # one of the four, as the script writes it
        wish=Wish(
            wanted=Filter.from_plain(json.loads(fields["filter"])),
            act=fields["act"],  # type: ignore[arg-type]  # one of the two, as `start` wrote it
            by=fields["by"],
            line=fields["line"],
            stage=fields["stage"],
            stale=bool(fields["stale"]),
        ),
        started_ms=int(fields["started"]),
        ended_ms=int(fields["ended"]) if "ended" in fields else None,
        planned=int(fields["planned"]) if fields["planned"] else None,
        searched=int(fields.get("searched", 0)),
        done=int(fields.get("done", 0)),
        refused=int(fields.get("refused", 0)),
        skipped={
            field.removeprefix(_SKIPPED): int(count)
            for field, count in fields.items()
            if field.startswith(_SKIPPED)
        },
        cursor=fields.get("cursor"),
    )

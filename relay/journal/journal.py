"""The journal: the durable record in Redis, and the only truth. Every change is one script.

All methods raise JournalAway where Redis cannot do its part now.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pydantic_core import to_json
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from relay.errors import VaultShut
from relay.journal import codec, wire
from relay.journal.answers import away
from relay.journal.batch import Batcher
from relay.journal.keys import Keys
from relay.journal.records import (
    Claim,
    Limits,
    Pause,
    Receipt,
    Recording,
    Reservation,
    Settlement,
    Verdict,
)
from relay.journal.replicas import Replicas
from relay.journal.vault import Vault
from relay.normalise import times
from relay.tasks import end

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

DRAIN_HOLD: Final = timedelta(seconds=4)
"""How long a drain that says nothing keeps others from starting."""

PROBE: Final = timedelta(seconds=30)
"""Until the first look whether a pause may end; then twice as long each time, to ten minutes."""

PROBE_MOST: Final = timedelta(minutes=10)

BREAKER_LANES: Final = 20
"""Customers refused in the same words, with nothing accepted between, before the endpoint is paused."""

CONFIRMED_IN: Final = timedelta(seconds=1)
"""How long replicas have to take what was recorded, where that is asked for."""

LEAVE: Final = timedelta(seconds=1)
"""How long after its reservation a call may leave: its worker may be stopped, or Redis's answer late."""

_FORGOTTEN_AFTER: Final = 3600
"""Seconds of silence."""

Settled = Literal["done", "tripped the breaker", "taken over"]
_SETTLED: Final[dict[int, Settled]] = {1: "done", 2: "tripped the breaker", 0: "taken over"}

BOOK_KEPT: Final = timedelta(days=400)
"""After an order's last event."""


@dataclass(frozen=True, slots=True)
class Wakeup:
    """How to start a drain, in the job queue's own terms, so that scripts can do it in the same step."""

    queue: str = ""
    prefix: str = ""
    jobs: Mapping[str, str] = field(default_factory=dict)


class Journal:
    """`clock` is the script text that tells the time, Redis's own if none is given. `vault` seals bodies.

    What is recorded is confirmed by `replicas` of them.
    """

    def __init__(
        self,
        redis: Redis,
        wakeup: Wakeup,
        *,
        keys: Keys | None = None,
        clock: str | None = None,
        vault: Vault | None = None,
        replicas: int = 0,
    ) -> None:
        self.redis = redis
        self.vault = vault or Vault()
        self.keys = keys or Keys()
        self._wakeup = asdict(wakeup)
        self._keep_ms = times.in_ms(BOOK_KEPT)
        self._hold_ms = times.in_ms(DRAIN_HOLD)
        self.replicas = Replicas(redis, replicas, self.keys.replicated)
        options = {"keep_ms": self._keep_ms, "wakeup": self._wakeup, "replicas": replicas}
        self._record_options = json.dumps(options)
        self._salt: bytes | None = None
        shared = (_source(n) for n in ("base", "issues", "hours", "activity", "book", "lib"))
        self._lib = "\n".join((clock or _source("clock"), *shared))
        self._record, self._claim, self._reserve, self._settle, self._drain, self._operate = (
            self.script(name) for name in ("record", "claim", "reserve", "settle", "drain", "operate")
        )
        self._recordings: Batcher[Recording, Receipt] = Batcher(self._flush_recordings)
        self._reservations: dict[str, Batcher[Reservation, Verdict]] = {}
        self._settlements: dict[str, Batcher[Settlement, Settled]] = {}

    def script(self, name: str) -> AsyncScript:
        """One of `scripts/`, with what all of them share."""
        return self.redis.register_script(f"{self._lib}\n{_source(name)}")

    # People ------------------------------------------------------------------------------------------

    async def person(self, email: str) -> str:
        """The digest a customer goes by in keys and lanes; "" for no address. Case makes no other person."""
        return wire.digest(await self._salted(), email)

    async def _salted(self) -> bytes:
        if self._salt is None:
            with away():
                await self.redis.set(self.keys.salt, secrets.token_bytes(16), nx=True)
                self._salt = cast("bytes", await self.redis.get(self.keys.salt))
        return self._salt

    # Intake ------------------------------------------------------------------------------------------

    async def record(self, recording: Recording) -> Receipt:
        """Records a postback, or finds the one it is a copy of. Returns once it is on disk.

        A receipt that is not confirmed says that too few replicas have it yet.
        """
        return await self._recordings.submit(recording)

    async def record_again(self, relay: str, recording: Recording, how: Mapping[str, str]) -> Receipt:
        """Replaces what was read out of relay `relay`, and runs it from there; `how`: `relay.journal.acts`.

        The receipt's status is "being sent" or "discarded" where that had to be left.
        """
        meta = wire.meta(recording, await self._salted(), self.vault) | {"remap": relay, **how}
        return (await self._run_record([meta], [recording.blob]))[0]

    async def record_spooled(
        self,
        waiting: Sequence[tuple[Recording, int]],
        patience: timedelta = CONFIRMED_IN,
        *,
        copied: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> list[Receipt]:
        """Records what was spooled, with the copies that came meanwhile. What is there already stays.

        Where one proves to be a copy, its id becomes another name of the first. `copied`: the ids of copies,
        by that of the first; of these none counts that has done so already.
        """
        salt = await self._salted()
        metas = [
            wire.meta(recording, salt, self.vault)
            | {"spooled": True, "copies": copies, "copied": list(copied.get(recording.id, ()))}
            for recording, copies in waiting
        ]
        return await self._run_record(metas, [recording.blob for recording, _ in waiting], patience)

    async def book(self, source: str, names: Sequence[str]) -> dict[str, str]:
        """The fields of the order's book that one of `names` leads to; none where there is no such order."""
        with away():
            for first in names:
                name = first
                for _ in range(16):
                    if fields := await cast(
                        "Awaitable[Any]", self.redis.hgetall(self.keys.book(source, name))
                    ):
                        return self.opened({key.decode(): value.decode() for key, value in fields.items()})
                    other = await self.redis.get(self.keys.alias(source, name))
                    if other is None:
                        break
                    name = other.decode()
        return {}

    def opened(self, book: Mapping[str, str]) -> dict[str, str]:
        """The fields of an order's book with what is sealed of them opened. Raises VaultShut."""
        return {k: wire.part(value, self.vault) if k[:2] == "f:" else value for k, value in book.items()}

    def body(self, blob: bytes) -> dict[str, Any]:
        """A body or an entry of history, as it lies in Redis. Raises VaultShut."""
        return codec.unpack(self.vault.open(blob))

    async def unlock(self, forgotten: Collection[str] = ()) -> None:
        """Says which key seals from now on. Raises VaultShut where one that has sealed is not at hand.

        Nothing is kept any more of what the `forgotten` ones sealed.
        """
        with away():
            told = await cast("Awaitable[Any]", self.redis.smembers(self.keys.sealed))
            used = {key.decode() for key in told}
            if used & set(forgotten):
                await cast("Awaitable[Any]", self.redis.srem(self.keys.sealed, *forgotten))
        for missing in sorted(used - self.vault.ids - set(forgotten)):
            raise VaultShut(missing)
        if self.vault.sealing and self.vault.sealing not in used:
            with suppress(OutOfMemoryError):  # a full Redis takes nothing to be sealed either
                await cast("Awaitable[Any]", self.redis.sadd(self.keys.sealed, self.vault.sealing))

    async def _flush_recordings(self, batch: list[Recording]) -> list[Receipt]:
        salt = await self._salted()
        return await self._run_record(
            [wire.meta(r, salt, self.vault) for r in batch], [r.blob for r in batch], CONFIRMED_IN
        )

    async def _run_record(
        self, metas: list[dict[str, Any]], blobs: list[bytes], patience: timedelta | None = None
    ) -> list[Receipt]:
        args: list[str | bytes] = [self._record_options]
        for meta, blob in zip(metas, blobs, strict=True):
            args += [to_json(meta), self.vault.seal(blob)]
        if patience is not None and self.replicas.wanted:
            with away():
                keys = [self.keys.prefix]
                answers, confirmed = await self.replicas.run(self._record, keys, args, patience)
        else:
            answers, confirmed = await self._call(self._record, args), True
        return [
            Receipt(a[0].decode(), a[1] == 1, a[2].decode(), a[3].decode(), confirmed=confirmed)
            for a in answers
        ]

    # Draining ----------------------------------------------------------------------------------------

    async def sign_on(self, destination: str, token: str) -> bool:
        """Whether the drain `token` may run: one at a time for a destination."""
        options = {"dest": destination, "token": token, "hold_ms": self._hold_ms, "wakeup": self._wakeup}
        answer: int = await self._call(self._drain, ["sign_on", json.dumps(options)])
        return answer == 1

    async def sign_off(self, destination: str, token: str, limits: Limits, *, leaving: bool = False) -> bool:
        """Whether the drain has ended; False where there is work now, and it should stay.

        With `leaving` it ends in any case, and another is woken for what is due. What is due later is put
        into the job queue for then.
        """
        options = {
            "dest": destination,
            "token": token,
            "limits": asdict(limits),
            "leaving": leaving,
            "wakeup": self._wakeup,
        }
        answer: int = await self._call(self._drain, ["sign_off", json.dumps(options)])
        return answer == 0

    async def sweep(self, destination: str, limits: Limits) -> int:
        """Ends what has run out (leases, waits) and wakes a drain for due work that nobody was woken for.

        Answers the journal's own time, in ms.
        """
        options = {"dest": destination, "limits": asdict(limits), "wakeup": self._wakeup}
        now: int = await self._call(self._drain, ["sweep", json.dumps(options)])
        return now

    async def unwoken(self, destination: str, limits: Limits, patience: timedelta) -> bool:
        """Whether something has been due for longer than `patience` and no drain runs."""
        options = {"dest": destination, "limits": asdict(limits), "patience_ms": times.in_ms(patience)}
        answer: int = await self._call(self._drain, ["unwoken", json.dumps(options)])
        return answer == 1

    async def claim(
        self, destination: str, token: str, want: int, limits: Limits, *, lease: timedelta
    ) -> Claim:
        """Leases up to `want` lane heads that are due and that the budget allows.

        `lease`: how long a worker may be silent about a relay before another may send it.
        """
        options = {
            "dest": destination,
            "token": token,
            "want": want,
            "lease_ms": times.in_ms(lease),
            "hold_ms": self._hold_ms,
            "limits": asdict(limits),
        }
        now, due, state, relays = await self._call(self._claim, [json.dumps(options)])
        return Claim(
            now_ms=now,
            next_ms=None if due == -1 else due,
            state=state.decode(),
            relays=tuple(wire.leased(found) for found in relays),
        )

    async def reserve(
        self, destination: str, limits: Limits, reservation: Reservation, *, lease: timedelta
    ) -> Verdict:
        """Writes that a call is about to be sent, and renews the lease; only after "ok" may it be, in LEAVE.

        Answers a word and a moment: ok; fenced: the lease is another's; sent: the meaning was
        accepted before; stale: the book has changed, compose anew; busy:
        another relay is sending it, or another call of its order, until then; wait: nothing may be sent
        until then.
        """
        batcher = self._reservations.get(destination)
        if batcher is None:

            async def flush(batch: list[Reservation]) -> list[Verdict]:
                lease_ms = times.in_ms(lease)
                options = {
                    "dest": destination,
                    "lease_ms": lease_ms,
                    "leave_ms": times.in_ms(LEAVE),
                    "limits": asdict(limits),
                }
                args: list[str | bytes] = [json.dumps(options), *map(to_json, batch)]
                return [Verdict(a[0].decode(), *a[1:]) for a in await self._call(self._reserve, args)]

            batcher = self._reservations[destination] = Batcher(flush)
        return await batcher.submit(reservation)

    async def settle(self, destination: str, limits: Limits, settlement: Settlement) -> Settled:
        """Writes what came of a lease."""
        batcher = self._settlements.get(destination)
        if batcher is None:

            async def flush(batch: list[Settlement]) -> list[Settled]:
                options = {
                    "dest": destination,
                    "keep_ms": self._keep_ms,
                    "wakeup": self._wakeup,
                    "limits": asdict(limits),
                    "breaker_lanes": BREAKER_LANES,
                    "probe_ms": times.in_ms(PROBE),
                    "probe_most_ms": times.in_ms(PROBE_MOST),
                }
                args: list[str | bytes] = [json.dumps(options)]
                for item in batch:
                    history = self.vault.seal(codec.pack(item.history)) if item.history else b""
                    args += [to_json(wire.result(item)), history]
                return [_SETTLED[answer] for answer in await self._call(self._settle, args)]

            batcher = self._settlements[destination] = Batcher(flush)
        return await batcher.submit(settlement)

    @asynccontextmanager
    async def bell(self, destination: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever something new may be due at `destination`."""
        rung = asyncio.Event()
        listener = asyncio.create_task(self._listen(destination, rung))
        try:
            yield rung
        finally:
            await end(listener)

    async def _listen(self, destination: str, rung: asyncio.Event) -> None:
        while True:
            try:
                rings = cast("Awaitable[Any]", self.redis.blpop([self.keys.wake(destination)], timeout=1))
                if await rings:
                    rung.set()
            except (RedisError, OSError):
                await asyncio.sleep(0.2)  # the sweep is the backstop while Redis is away

    # Acts; those of people are in `relay.journal.acts` -------------------------------------------------

    async def operate(self, verb: str, options: Mapping[str, Any], activity: str = "") -> Any:
        """One act, with its entry of the activity, in one script."""
        told = json.dumps({**options, "wakeup": self._wakeup})
        return await self._call(self._operate, [verb, told, activity])

    async def pause(
        self,
        destination: str,
        endpoint: str,
        reason: str,
        *,
        by: str,
        code: int | None = None,
        probe: timedelta = PROBE,
        again: bool = False,
    ) -> bool:
        """Stops an endpoint ("all": the whole destination); False where it was paused already.

        `probe`: when to try first; it doubles each time. With `again` a pause that stands is renewed, after a
        probe that failed.
        """
        options = {
            "dest": destination,
            "endpoint": endpoint,
            "probe_ms": times.in_ms(probe),
            "probe_most_ms": times.in_ms(PROBE_MOST),
            "again": again,
            "pause": {"reason": reason, "by": by} | ({} if code is None else {"code": code}),
        }
        answer: bytes = await self.operate("pause", options)
        return answer == b"ok"

    async def resume(
        self, destination: str, endpoint: str, *, trial: bool = False, probed: Pause | None = None
    ) -> None:
        """Ends a pause that no person made, or if it still stands the one that was `probed`.

        With `trial` one relay goes first, the rest after it.
        """
        options = {"dest": destination, "endpoint": endpoint, "trial": trial}
        await self.operate("resume", options | ({"probe_at": probed.probe_at_ms} if probed else {}))

    async def take_probe(
        self, destination: str, pause: Pause, limits: Limits, *, hold: timedelta
    ) -> Pause | None:
        """The turn to probe `pause`, for `hold`, counted against the budget; the probe is to leave in LEAVE.

        Answers the pause as it stands now. None where another has the turn, or it stands no more.
        """
        options = {
            "dest": destination,
            "endpoint": pause.endpoint,
            "probe_at": pause.probe_at_ms,
            "hold_ms": times.in_ms(hold),
            "limits": asdict(limits),
            "leave_ms": times.in_ms(LEAVE),
        }
        until: int = await self.operate("take_probe", options)
        return replace(pause, probe_at_ms=until) if until else None

    async def slow_down(self, destination: str, after: timedelta) -> None:
        """Sends nothing to the destination for `after`."""
        await self.operate("slow_down", {"dest": destination, "after_ms": times.in_ms(after)})

    # Signs of life -----------------------------------------------------------------------------------

    async def beat(self, worker: str, since_ms: int) -> None:
        """Says that a worker is alive. Those silent for long are forgotten."""
        with away():
            seconds, _ = await self.redis.time()
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.zadd(self.keys.workers, {f"{worker} {since_ms}": seconds * 1000})
                pipe.zremrangebyscore(self.keys.workers, "-inf", (seconds - _FORGOTTEN_AFTER) * 1000)
                await pipe.execute()

    async def tell_spooled(self, host: str, count: int) -> None:
        """Says how much waits in a host's spool; it stands until that host says otherwise."""
        with away():
            if count:
                await cast("Awaitable[Any]", self.redis.hset(self.keys.spools, host, str(count)))
            else:
                await cast("Awaitable[Any]", self.redis.hdel(self.keys.spools, host))

    async def _call(self, script: AsyncScript, args: Sequence[str | bytes]) -> Any:
        with away():
            return await script(keys=[self.keys.prefix], args=args)


def _source(name: str) -> str:
    return (files("relay.journal") / "scripts" / f"{name}.lua").read_text()

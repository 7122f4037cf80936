"""All that the journal holds in Redis, and whether it fits together and agrees with the model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.journal.model import WAITING, Known, Model

if TYPE_CHECKING:
    from tests.journal.rig import Rig

STATUSES = ("queued", "retrying", "held", "delivered", "ignored", "dead", "discarded")
CLASSES = ("", ":backfill")
DEST = "main"


@dataclass
class Dump:
    """`lanes` are (score, id) in order; `ready` by endpoint."""

    relays: dict[str, dict[str, str]]
    lanes: dict[str, list[tuple[float, str]]]
    ready: dict[str, dict[str, float]]
    leased: dict[str, float]
    holders: dict[str, str]
    held: dict[str, float]
    totals: dict[str, int]
    active: dict[str, int]
    index: dict[str, set[str]]
    also: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rig: Rig) -> Dump:
        return rig.do(cls._read(rig))

    @classmethod
    async def _read(cls, rig: Rig) -> Dump:
        redis, prefix = rig.redis, rig.journal.keys.prefix
        lane_prefix = f"{prefix}lane:{DEST}:"
        names = [key.decode() for key in await redis.keys("*")]
        lanes = [name for name in names if name.startswith(lane_prefix)]
        ready = [name for name in names if name.startswith(f"{prefix}ready:{DEST}:")]
        relays = list(rig.model.relays)
        async with redis.pipeline(transaction=False) as pipe:
            for relay in relays:
                pipe.hgetall(f"{prefix}r:{relay}")
            for name in [*lanes, *ready]:
                pipe.zrange(name, 0, -1, withscores=True)
            for status in STATUSES:
                pipe.zrange(f"{prefix}i:shop:{status}", 0, -1)
            for name in ("leased", "held"):
                pipe.zrange(f"{prefix}{name}:{DEST}", 0, -1, withscores=True)
            for name in (f"leaseholder:{DEST}", "n", "active"):
                pipe.hgetall(f"{prefix}{name}")
            answers: list[Any] = await pipe.execute()
        rows = iter(answers)
        return cls(
            relays={relay: _text(next(rows)) for relay in relays},
            lanes={name.removeprefix(lane_prefix): _ordered(next(rows)) for name in lanes},
            ready={name.removeprefix(f"{prefix}ready:{DEST}:"): _scores(next(rows)) for name in ready},
            index={status: {relay.decode() for relay in next(rows)} for status in STATUSES},
            leased=_scores(next(rows)),
            held=_scores(next(rows)),
            holders=_text(next(rows)),
            totals={name: int(n) for name, n in _text(next(rows)).items()},
            active={name: int(n) for name, n in _text(next(rows)).items()},
        )

    def heads(self, model: Model) -> dict[str, Known]:
        """Of each lane nobody sends, the relay that is next."""
        sent = {lease.lane for lease in model.leased}
        found = {}
        for lane, members in self.lanes.items():
            there = [model.relays[relay] for _, relay in members if model.relays[relay].in_lane]
            if there and lane not in sent:
                found[lane] = there[0]
        return found

    def behind(self, relay: str) -> list[str]:
        """What stands in the same lane after it, but for checkouts that stepped aside."""
        for members in self.lanes.values():
            row = [member for score, member in members if score == 0]
            if relay in row:
                return row[row.index(relay) + 1 :]
        return []

    def has_checkouts(self, model: Model) -> bool:
        there = [model.relays[relay] for members in self.lanes.values() for _, relay in members]
        return "checkouts" in model.paused and any(relay.endpoint == "checkouts" for relay in there)

    def agrees_with(self, model: Model) -> None:
        self._statuses(model)
        self._sums(model)
        self._places(model)
        self._leases(model)
        self._ready(model)
        self._customers(model)

    def _statuses(self, model: Model) -> None:
        for relay in model.relays.values():
            fields = self.relays[relay.id]
            assert (not fields) == relay.gone, relay
            if not relay.gone:
                assert (fields["status"], fields["endpoint"]) == (relay.status, relay.endpoint), relay

    def _sums(self, model: Model) -> None:
        """Promise 3: received = the seven statuses together = the indexes and what retention dropped."""
        counts = Counter(relay.status for relay in model.relays.values())
        assert self.totals.get("shop:received", 0) == model.received.get("shop", 0) == counts.total()
        assert self.totals.get("shop:copies", 0) == model.copies.get("shop", 0)
        active: Counter[str] = Counter()
        for status in STATUSES:
            there = {r.id for r in model.relays.values() if r.status == status and not r.gone}
            assert self.totals.get(f"shop:{status}", 0) == counts[status], status
            assert self.index[status] == there, status
        for relay in model.relays.values():
            if relay.status in WAITING:
                active[f"{DEST}:{relay.endpoint}:{relay.status}"] += 1
        assert {name: n for name, n in self.active.items() if n} == active

    def _places(self, model: Model) -> None:
        """Nothing falls between: what is to be sent is in one lane, what waits has a deadline."""
        lanes = Counter(relay for members in self.lanes.values() for _, relay in members)
        assert set(lanes.values()) <= {1}
        assert set(lanes) == {r.id for r in model.relays.values() if r.in_lane}
        assert set(self.held) == {r.id for r in model.relays.values() if r.status == "held" and r.aside}
        for lane, members in self.lanes.items():
            assert {self.relays[relay]["lane"] for _, relay in members} <= {lane}
        for relay, deadline in self.held.items():
            assert deadline == model.relays[relay].due

    def _leases(self, model: Model) -> None:
        assert {(lease.lane, lease.relay.id) for lease in model.leased} == set(self.holders.items())
        assert set(self.holders) == set(self.leased)
        for lease in model.leased:
            assert lease.lane == self.relays[lease.relay.id]["lane"]
            assert self.relays[lease.relay.id]["token"] == str(lease.token)
            assert self.leased[lease.lane] == lease.ends
        customers = Counter(lease.relay.email for lease in model.leased if lease.relay.email)
        assert set(customers.values()) <= {1}, "two relays of one customer are being sent"

    def _ready(self, model: Model) -> None:
        """A lane that nobody sends is ready for its head's endpoint, when that is due, and nowhere else."""
        found = [(lane, name, at) for name, lanes in self.ready.items() for lane, at in lanes.items()]
        heads = self.heads(model)
        assert len(found) == len({lane for lane, _, _ in found})
        assert {lane for lane, _, _ in found} == set(heads)
        for lane, name, at in found:
            head = heads[lane]
            assert name == head.endpoint
            due = float(self.relays[head.id]["due"])
            assert due == head.due or max(due, head.due) <= model.now, head
            passed = name == "checkouts" and due <= at <= model.now + 5_000
            assert at == due or passed

    def _customers(self, model: Model) -> None:
        """Whatever is known to be of one customer is in one lane."""
        lanes: dict[str, set[str]] = {}
        for relay in model.relays.values():
            book = model.book_of(relay)
            customer = relay.email or (book.customer if book else "")
            if relay.in_lane and not relay.lease and customer:
                lanes.setdefault(customer, set()).add(self.relays[relay.id]["lane"])
        for customer, found in lanes.items():
            assert len(found) == 1, (customer, found)


def _text(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in fields.items()}


def _ordered(pairs: list[tuple[bytes, float]]) -> list[tuple[float, str]]:
    return [(score, member.decode()) for member, score in pairs]


def _scores(pairs: list[tuple[bytes, float]]) -> dict[str, float]:
    return {member.decode(): score for member, score in pairs}

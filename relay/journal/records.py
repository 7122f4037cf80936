"""What the journal holds, as its callers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

VERSION: Final = 1
"""Of what lies in Redis and in spools, in each record's `v`. Two versions run side by side during an update:

A new field has a default and is left out by whoever does not know it; for that nothing is counted up. Only
what an older process would send wrongly counts VERSION up: it leaves such a relay, and what else is known of
its order, to a newer one.
"""


class Status(StrEnum):
    """Where a relay is. `queued` includes being sent; `held` by a pause is computed when read."""

    QUEUED = "queued"
    RETRYING = "retrying"
    HELD = "held"
    DELIVERED = "delivered"
    IGNORED = "ignored"
    DEAD = "dead"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class BookEntry:
    """What one relay says of one order: all names it has for it, and its events as JSON."""

    names: tuple[str, ...]
    part: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A postback about to be recorded. `copy` and `delivery` tell copies; `window_ms` for how long.

    `email` is the customer's, "" without one; the journal keeps a digest of it. `order` is the
    order's id as people know it. `stage` says where a dead one died, and `title` why, with what differs from
    relay to relay left out. `backfill` goes behind what is live.
    """

    id: str
    source: str
    adapter: str
    destination: str
    at_ms: int
    status: Status
    copy: str
    window_ms: int
    blob: bytes
    reason: str = ""
    kinds: str = ""
    endpoint: str = "orders"
    delivery: str = ""
    email: str = ""
    order: str = ""
    orders: tuple[BookEntry, ...] = ()
    places: bool = False
    is_order: bool = False
    stage: str = ""
    title: str = ""
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told. `duplicate`: a copy; then `id` and `status` are the first one's.

    `confirmed`: as many replicas have it as were asked for.
    """

    id: str
    duplicate: bool
    status: str
    reason: str = ""
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """A destination's rate, 0 for none. Destinations with one key share `key`, and so the budget."""

    key: str
    minute: int = 0
    second: int = 0


@dataclass(frozen=True, slots=True)
class Leased:
    """A relay this worker may send until its lease ends. `books` are (name, fields) of its orders."""

    id: str
    token: int
    lane: str
    fields: Mapping[str, str]
    blob: bytes
    books: tuple[tuple[str, Mapping[str, str]], ...]
    source_since_ms: int | None
    last_order_ms: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """`next_ms` is when the destination next has something to do, by Redis's clock, as `now_ms` is."""

    now_ms: int
    next_ms: int | None
    state: str
    relays: tuple[Leased, ...]


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call about to be sent. `book` is "" where the meaning is the relay's own.

    `version` is the book's as the call was composed from it. `instead`: what was spent on this call before
    (a Verdict's), which did not leave in time.
    """

    id: str
    token: int
    lane: str
    source: str
    endpoint: str
    book: str
    meaning: str
    version: int = 0
    force: bool = False
    instead: int = 0


class Verdict(NamedTuple):
    """Whether a call may be sent, with a moment in ms (`Journal.reserve`). `spent` names what it cost."""

    word: str
    when_ms: int
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call the destination took, for the ledger. `order_id` is the name it went by."""

    source: str
    endpoint: str
    book: str
    meaning: str
    digest: str
    order_id: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A permanent refusal, for the breaker. `title` is the same for refusals in the same words."""

    endpoint: str
    title: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a lease. Without `status` the relay goes on under the same lease.

    `version`: the book a waiting relay was composed from; where it has changed since, it does not wait.
    `arrived`: what was spent (a Verdict's), and the moment in ms by which that call had arrived.
    """

    id: str
    token: int
    lane: str
    source: str
    status: Status | None = None
    reason: str = ""
    due_ms: int | None = None
    in_lane: bool = False
    yields: bool = False
    attempts: int = 0
    tries: int = 0
    code: int | None = None
    done: str | None = None
    stage: str | None = None
    title: str | None = None
    overtaken: bool = False
    accepted: Accepted | None = None
    unreserve: Reservation | None = None
    refusal: Refusal | None = None
    version: tuple[str, int] | None = None
    arrived: tuple[int, int] | None = None
    history: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay as people look at it."""

    id: str
    source: str
    adapter: str
    destination: str
    endpoint: str
    status: Status
    reason: str
    received_at: str
    kinds: tuple[str, ...]
    order: str | None
    attempts: int
    tries: int
    copies: int
    code: int | None
    stage: str | None
    issue: str | None
    replay: str | None
    edited: bool
    next_try: str | None
    changed_at: str | None


@dataclass(frozen=True, slots=True)
class RelayDetail:
    """All of a relay: `postback` as stored, `reading` what the adapter made of it, `history` oldest first.

    Where a person edited it, `original` is what the adapter made of it and `reading` what the person did.
    `behind`: the relay of its lane that has to leave first.
    """

    relay: Relay
    postback: Mapping[str, Any] | None
    reading: Mapping[str, Any] | None
    history: tuple[Mapping[str, Any], ...]
    original: Mapping[str, Any] | None = None
    behind: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a destination, or one endpoint of it ("all" for the whole), sends nothing now.

    `code` is the answer's that led to it, None where a person did or nothing was answered.
    One that is `manual` ends when a person says so; others are probed.
    """

    endpoint: str
    reason: str
    since_ms: int
    by: str
    probe_at_ms: int
    code: int | None = None
    manual: bool = False


@dataclass(frozen=True, slots=True)
class Stats:
    """The sum of promise 3. `balanced`: received = the seven statuses together."""

    received: int
    counts: Mapping[str, int]
    duplicates: int
    overtaken: int
    oldest_due_ms: int | None
    sources: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        return self.received == sum(self.counts.values())

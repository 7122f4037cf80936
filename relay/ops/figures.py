"""Numbers as people are shown them, by the JSON API, the pages and the commands alike."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from relay.journal.records import Pause, Status
from relay.journal.replays import Act, Replay, State
from relay.ops.models import View, moment

Count = Annotated[int, Field(ge=0)]


class HourView(View):
    at: str
    received: Count
    delivered: Count
    dead: Count


class SourceNumbers(View):
    """Since the start; `copies` beside the sum. `hours`: received in each of the last 24, oldest first."""

    received: Count
    copies: Count
    overtaken: Count
    queued: Count
    retrying: Count
    held: Count
    delivered: Count
    ignored: Count
    dead: Count
    discarded: Count
    hours: list[Count]


class StatsView(View):
    """received = the seven together, wherever `balanced`. What is not known while Redis is away is null."""

    received: Count | None
    counts: dict[Status, Count | None]
    balanced: bool | None
    duplicates: Count | None
    overtaken: Count | None
    spool: Count | None
    oldest_due: str | None
    sources: dict[str, SourceNumbers] | None
    hours: list[HourView] | None


class SourceView(View):
    """`path` is the postback URL's without the token. `deliver` false: a rehearsal. `silent_since`: against
    its own habit.
    """

    name: str
    adapter: str
    destination: str
    deliver: bool
    tokens: int
    path: str
    first: str | None
    last: str | None
    silent_since: str | None
    numbers: SourceNumbers | None


class SourceList(View):
    sources: list[SourceView]


class Used(View):
    """Of a budget; `limit` 0 is none."""

    used: Count
    limit: Count


class PauseView(View):
    """`endpoint` "all" is the whole destination. One that is `manual` ends when a person says so."""

    endpoint: str
    reason: str
    by: str
    since: str
    next_probe: str | None
    manual: bool

    @classmethod
    def of(cls, pause: Pause) -> PauseView:
        return cls(
            endpoint=pause.endpoint,
            reason=pause.reason,
            by=pause.by,
            since=moment(pause.since_ms) or "",
            next_probe=None if pause.manual else moment(pause.probe_at_ms),
            manual=pause.manual,
        )


class TrafficView(View):
    """`due`: customers whose turn it is; `sending`: those being served. `held` by a pause, `waiting` for more
    to be known. `failing_since`: nothing was accepted since, and the last `failures` tries failed.
    """

    minute: Used
    second: Used
    due: Count
    sending: Count
    queued: Count
    retrying: Count
    held: Count
    waiting: Count
    slow_until: str | None
    last_accepted: str | None
    last_probe: str | None
    failing_since: str | None
    failures: Count


class DestinationView(View):
    """`shares_budget_with`: other destinations with the same key. `pauses`, `traffic` null while unknown."""

    name: str
    url: str
    shares_budget_with: list[str]
    pauses: list[PauseView] | None
    traffic: TrafficView | None


class DestinationList(View):
    destinations: list[DestinationView]


class WorkerView(View):
    name: str
    since: str
    seen: str


class WorkerList(View):
    """Those alive; null while that is not known."""

    workers: list[WorkerView] | None


class StoreView(View):
    """`redis` null while it is away; `spool`: what waits on local disk."""

    redis: RedisView | None
    spool: Count | None


class RedisView(View):
    """Bytes. `limit` 0 is none. `fsync` null where the server does not tell."""

    version: str
    used: Count
    limit: Count
    policy: str
    appends: bool
    fsync: str | None
    writes: bool


class PlanView(View):
    """What a replay would do, from looking at `looked_at` of those that `match`; at all, where `complete`.

    `would`: how many of those it would act on. `destinations`: where these go. `seconds`: how long that takes
    within the budget, null where there is none.
    """

    act: Act
    match: Count | None
    looked_at: Count
    complete: bool
    would: Count
    destinations: list[str]
    skipped: dict[str, Count]
    older_than_72h: Count | None
    seconds: Count | None


class ReplayView(View):
    """How far a replay has come. `planned`: how many fitted at the start; `searched`: looked at so far.

    `refused`: mapped again, and still not to be read.
    """

    id: str
    state: State
    act: Act
    filter: str
    stage: str
    stale: bool
    by: str
    started_at: str
    ended_at: str | None
    planned: Count | None
    searched: Count
    retried: Count
    discarded: Count
    refused: Count
    skipped: dict[str, Count]

    @classmethod
    def of(cls, replay: Replay) -> ReplayView:
        wish = replay.wish
        return cls(
            id=replay.id,
            state=replay.state,
            act=wish.act,
            filter=wish.line,
            stage=wish.stage,
            stale=wish.stale,
            by=wish.by,
            started_at=moment(replay.started_ms) or "",
            ended_at=moment(replay.ended_ms),
            planned=replay.planned,
            searched=replay.searched,
            retried=replay.done if wish.act == "retry" else 0,
            discarded=replay.done if wish.act == "discard" else 0,
            refused=replay.refused,
            skipped=dict(replay.skipped),
        )


class ReplayList(View):
    """Newest first."""

    replays: list[ReplayView]

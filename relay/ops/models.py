"""What people are shown, by the JSON API, the pages and the commands alike. Moments are ISO 8601 with Z."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from relay.journal.activity import Act
from relay.journal.issues import Issue
from relay.journal.records import Relay, RelayDetail, Status
from relay.normalise import times


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


def moment(ms: int | None) -> str | None:
    return None if ms is None else times.z(times.from_ms(ms))


# Relays ---------------------------------------------------------------------------------------------------


class RelaySummary(View):
    """One relay in a list. `attempt_count`: HTTP tries so far; `code`: the last answer's HTTP status."""

    id: str
    source: str
    adapter: str
    destination: str
    status: Status
    reason: str | None
    received_at: str
    kinds: list[str]
    order: str | None
    attempt_count: int
    copies: int
    code: int | None
    next_try: str | None
    stage: str | None
    issue: str | None
    edited: bool

    @classmethod
    def of(cls, relay: Relay) -> RelaySummary:
        return cls(**_summed(relay))


def _summed(relay: Relay) -> dict[str, Any]:
    return {
        "id": relay.id,
        "source": relay.source,
        "adapter": relay.adapter,
        "destination": relay.destination,
        "status": relay.status,
        "reason": relay.reason or None,
        "received_at": relay.received_at,
        "kinds": list(relay.kinds),
        "order": relay.order,
        "attempt_count": relay.attempts,
        "copies": relay.copies,
        "code": relay.code,
        "next_try": relay.next_try,
        "stage": relay.stage,
        "issue": relay.issue,
        "edited": relay.edited,
    }


class RelayList(View):
    """Newest first. `total` null where no index knows it; `searched`: how many were looked at for this page.

    Fewer relays than asked for and a `next`: time was up, go on from there.
    """

    relays: list[RelaySummary]
    next: str | None
    total: int | None
    searched: int


class RelayView(RelaySummary):
    """All of a relay. `original_events`: as they were read, where a person edited them. `behind`: the relay
    of the same customer that has to leave first.
    """

    postback: dict[str, Any] | None
    events: list[dict[str, Any]]
    original_events: list[dict[str, Any]] | None
    warnings: list[str]
    calls: list[CallView]
    attempts: list[AttemptView]
    timeline: list[Happening]
    behind: str | None

    @classmethod
    def of(cls, detail: RelayDetail) -> RelayView:  # type: ignore[override]
        reading = detail.reading or {}
        attempts = [AttemptView.of(entry) for entry in detail.history if entry["what"] == "attempt"]
        return cls(
            **_summed(detail.relay),
            postback=_postback(detail.postback),
            events=reading.get("events", []),
            original_events=detail.original.get("events", []) if detail.original else None,
            warnings=reading.get("warnings", []),
            calls=_calls(attempts),
            attempts=attempts,
            timeline=[
                Happening(at=detail.relay.received_at, what="received"),
                *(Happening.of(entry) for entry in detail.history),
            ],
            behind=detail.behind,
        )


class CallView(View):
    """A call as it was sent, and what came of it last."""

    path: str
    body: dict[str, Any]
    outcome: str
    at: str


class AttemptView(View):
    """One HTTP try: what was sent, and what was answered. `ms`: how long that took."""

    at: str
    outcome: str
    path: str
    body: dict[str, Any]
    code: int | None = None
    answer: str | None = None
    error: str | None = None
    ms: int | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> AttemptView:
        said = {name: entry[name] for name in cls.model_fields if name in entry}
        return cls(**{**said, "at": moment(int(entry["at"]))})


class Happening(View):
    """Something that happened to a relay, by whom and why where that is known."""

    at: str
    what: str
    outcome: str | None = None
    path: str | None = None
    code: int | None = None
    error: str | None = None
    reason: str | None = None
    by: str | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Happening:
        said = {name: entry[name] for name in cls.model_fields if name in entry}
        return cls(**{**said, "at": moment(int(entry["at"]))})


def _postback(stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if stored is None else {**stored, "received_at": moment(stored["received_at"])}


def _calls(attempts: Sequence[AttemptView]) -> list[CallView]:
    last: dict[str, AttemptView] = {}
    for attempt in attempts:
        last[f"{attempt.path} {attempt.body}"] = attempt
    return [CallView(path=a.path, body=a.body, outcome=a.outcome, at=a.at) for a in last.values()]


class Acted(View):
    """What came of an act: the relay's status now."""

    id: str
    status: str


# Issues ---------------------------------------------------------------------------------------------------


class IssueView(View):
    """Dead letters with one fingerprint. `trend`: how many died on each of 14 days (UTC), oldest first."""

    id: str
    title: str
    stage: str
    adapter: str
    kinds: list[str]
    count: int
    ever: int
    first_seen: str
    last_seen: str
    trend: list[int]
    newest: str | None
    trial: str | None
    muted_by: str | None
    muted_at: str | None

    @classmethod
    def of(cls, issue: Issue) -> IssueView:
        return cls(
            id=issue.id,
            title=issue.title,
            stage=issue.stage,
            adapter=issue.adapter,
            kinds=list(issue.kinds),
            count=issue.count,
            ever=issue.ever,
            first_seen=moment(issue.first_ms) or "",
            last_seen=moment(issue.last_ms) or "",
            trend=list(issue.trend),
            newest=issue.newest,
            trial=issue.trial,
            muted_by=issue.muted_by,
            muted_at=moment(issue.muted_ms),
        )


class IssueList(View):
    """Those seen last come first."""

    issues: list[IssueView]
    next: str | None
    total: int


# Activity -------------------------------------------------------------------------------------------------


class ActView(View):
    at: str
    by: str
    what: str
    on: str
    detail: str

    @classmethod
    def of(cls, act: Act) -> ActView:
        return cls(at=moment(act.at_ms) or "", by=act.by, what=act.what, on=act.on, detail=act.detail)


class ActList(View):
    """Newest first."""

    acts: list[ActView]
    next: str | None

"""What is wrong now, from what the journal shows. Pure; says nothing a person or a key could be known by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from relay.journal.issues import Issue
from relay.journal.numbers import Memory
from relay.journal.records import Pause
from relay.journal.vitals import Flow, Vitals
from relay.normalise import times

Kind = Literal["dead", "paused", "delay", "quiet", "store"]

_FAILURES: Final = 5
"""Tries that fail with nothing accepted between: fewer may be one bad order in a quiet hour."""


@dataclass(frozen=True, slots=True)
class Rules:
    """From when on something is wrong."""

    delay: timedelta = timedelta(minutes=15)
    memory: float = 0.85


@dataclass(frozen=True, slots=True)
class Silence:
    """A source that is silent against its habit since `since_ms`."""

    source: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong, in one sentence, and in another (`over`) once it is not any more.

    `key` stays the same for as long as it lasts. A growing `count` is told again. `page` shows more.
    """

    key: str
    kind: Kind
    subject: Mapping[str, str]
    since_ms: int
    says: str
    advice: str
    over: str
    page: str
    count: int = 0


def find(vitals: Vitals, silences: list[Silence], now_ms: int, rules: Rules) -> list[Incident]:
    return [
        *(_dead(issue, now_ms) for issue in vitals.issues if issue.count and issue.muted_by is None),
        *(_paused(name, pause, vitals.flows.get(name)) for (name, _), pause in vitals.pauses.items()),
        *_delays(vitals, now_ms, rules),
        *(_quiet(silence) for silence in silences),
        *_store(vitals.memory, now_ms, rules),
    ]


def _dead(issue: Issue, now_ms: int) -> Incident:
    letters = "1 dead letter" if issue.count == 1 else f"{issue.count} dead letters"
    return Incident(
        key=f"dead:{issue.id}",
        kind="dead",
        subject={"issue": issue.id, "stage": issue.stage, "adapter": issue.adapter},
        since_ms=now_ms,
        says=f"{letters}, {issue.adapter}: {issue.title}",
        advice="Nothing tries them again by itself: mend the cause, then retry or discard them.",
        over=f"No dead letters are left, or they were muted, {issue.adapter}: {issue.title}",
        page=f"issues/{issue.id}",
        count=issue.count,
    )


def _paused(name: str, pause: Pause, flow: Flow | None) -> Incident:
    what = name if pause.endpoint == "all" else f"{name}, {pause.endpoint}"
    waiting = flow.waiting if flow else {}
    waits = sum(n for endpoint, n in waiting.items() if pause.endpoint in ("all", endpoint))
    why, advice = _why(name, pause)
    return Incident(
        key=f"paused:{name}:{pause.endpoint}",
        kind="paused",
        subject={"destination": name, "endpoint": pause.endpoint},
        since_ms=pause.since_ms,
        says=f"{what}: paused, {why}; {_relays(waits)} held",
        advice=advice,
        over=f"{what}: sends again",
        page=f"destinations#{name}",
    )


def _why(name: str, pause: Pause) -> tuple[str, str]:
    """In words of our own: the API's may name a person."""
    code = f" ({pause.code})" if pause.code else ""
    look = f"Look at destinations.{name}"
    match pause.by:
        case "its answer" if pause.endpoint == "all":
            return (
                f"the key is refused{code}",
                f"{look}.api_key; the pause ends once a probe finds that the key works.",
            )
        case "its answer":
            return (
                f"the endpoint cannot be used{code}",
                f"{look}.url and at what the key may do; now and then one relay is tried.",
            )
        case "rate limit":
            return (
                f"it asks to wait for longer than 15 min{code}",
                "Now and then a probe looks whether it takes calls again.",
            )
        case "the breaker":
            return (
                f"it refuses many customers in the same words{code}",
                "The dead letters show the words; now and then one relay is tried.",
            )
        case _:
            return "by a person", "It stays so until a person resumes it."


def _delays(vitals: Vitals, now_ms: int, rules: Rules) -> Iterator[Incident]:
    limit_ms = rules.delay // timedelta(milliseconds=1)
    for name, flow in vitals.flows.items():
        failing = flow.failing_ms if flow.failures >= _FAILURES and flow.waits else None
        if failing is not None and now_ms - failing > limit_ms and (name, "all") not in vitals.pauses:
            says = f"nothing is accepted since {_clock(failing)}, {flow.failures} tries failed"
            yield _delay(name, flow, failing, says, "They go on by the schedule. Is the destination up?")
        elif flow.due_ms is not None and now_ms - flow.due_ms > limit_ms:
            says = f"what was due at {_clock(flow.due_ms)} is not sent yet"
            advice = "Does a worker run, and is the rate enough for what comes in?"
            yield _delay(name, flow, flow.due_ms, says, advice)


def _delay(name: str, flow: Flow, since_ms: int, says: str, advice: str) -> Incident:
    return Incident(
        key=f"delay:{name}",
        kind="delay",
        subject={"destination": name},
        since_ms=since_ms,
        says=f"{name}: {says}; {_relays(flow.waits)} waiting",
        advice=advice,
        over=f"{name}: up to date again",
        page=f"destinations#{name}",
    )


def _quiet(silence: Silence) -> Incident:
    return Incident(
        key=f"quiet:{silence.source}",
        kind="quiet",
        subject={"source": silence.source},
        since_ms=silence.since_ms,
        says=f"{silence.source}: silent since {_clock(silence.since_ms)}, against its habit",
        advice="Does the platform still send, and to the right URL?",
        over=f"{silence.source}: postbacks come again",
        page=f"sources#{silence.source}",
    )


def _store(memory: Memory, now_ms: int, rules: Rules) -> Iterator[Incident]:
    if memory.limit and memory.used > rules.memory * memory.limit:
        says = f"{memory.used >> 20} MiB of {memory.limit >> 20} MiB are used"
        advice = "Raise maxmemory or shorten [retention]; when it is full, postbacks go to the spool."
        yield _redis("memory", now_ms, says, advice, "there is room again")
    if not memory.writes:
        says = "its last write to disk failed"
        advice = "Is the disk full? While Redis refuses writes, postbacks go to the spool."
        yield _redis("writes", now_ms, says, advice, "it writes to disk again")


def _redis(key: str, since_ms: int, says: str, advice: str, over: str) -> Incident:
    return Incident(
        key=f"store:{key}",
        kind="store",
        subject={},
        since_ms=since_ms,
        says=f"Redis: {says}",
        advice=advice,
        over=f"Redis: {over}",
        page="",
    )


def _relays(number: int) -> str:
    return "1 relay is" if number == 1 else f"{number} relays are"


def _clock(ms: int) -> str:
    return f"{times.from_ms(ms):%Y-%m-%d %H:%M} UTC"

"""Fixtures of an adapter: what really arrives, and beside it what must become of it.

`<event>__<detail>.http` holds a raw request, `<event>__<detail>.json` the outcome: the events and the exact
calls, or "ignored" and why, or the "error" and its field, or all its "faults". `<name>.step1.http` ... are a
story in steps: each step is composed with what the earlier ones left in the order book.

Beside the outcome may stand "source", settings other than the usual; "received_at"; and "not_words", fields
that hold a word but do not say what happened, such as the mark of a test order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay import httpfile
from relay.compose.policy import Policy
from relay.errors import PostbackError
from relay.normalise import events as normalised
from relay.normalise import registry, times
from relay.normalise.contract import Adapter, Ignored, Postback, SourceContext
from relay.testing.story import Story

_STEP: Final = re.compile(r"(.+)\.step(\d+)")
_ABOUT: Final = frozenset({"source", "received_at", "not_words"})
_KEYS: Final = _ABOUT | {"events", "calls", "skipped", "ignored", "error", "field", "faults"}
_POLICIES: Final = frozenset({"upsell", "chargeback", "refund_amount", "revive", "checkout_max_age"})
DEFAULT_RECEIVED: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """One request and its expected outcome, both as they stand in the files."""

    request: httpfile.RawRequest
    expected: Mapping[str, Any]
    file: Path | None = None
    """Where the outcome stands."""

    def postback(self, number: int) -> Postback:
        said = self.expected.get("received_at")
        moment = times.parse(said, ZoneInfo("UTC")) if said else DEFAULT_RECEIVED + timedelta(minutes=number)
        return self.request.postback(moment)


@dataclass(frozen=True, slots=True)
class Fixture:
    """A name and its steps: one, unless it is a story. `source` overrides settings of the source."""

    name: str
    steps: tuple[Step, ...]

    @property
    def source(self) -> Mapping[str, Any]:
        said: Mapping[str, Any] = self.steps[0].expected.get("source", {})
        return said


def load(folder: Path, *, unfinished: bool = False) -> list[Fixture]:
    """All fixtures of a folder, by name. Raises ValueError where a file has no partner or an unknown key.

    `unfinished`: a request may be without its outcome.
    """
    groups: dict[str, dict[int, Step]] = {}
    for file in sorted(folder.glob("*.http")):
        step = _STEP.fullmatch(file.stem)
        name, number = (step[1], int(step[2])) if step else (file.stem, 1)
        outcome = file.with_suffix(".json")
        expected = {} if unfinished and not outcome.exists() else _expected(outcome)
        groups.setdefault(name, {})[number] = Step(httpfile.read(file), expected, outcome)
    return [Fixture(name, tuple(steps[n] for n in sorted(steps))) for name, steps in sorted(groups.items())]


def _expected(file: Path) -> Mapping[str, Any]:
    if not file.exists():
        raise ValueError(f"{file.name} is missing: it says what becomes of the request beside it")
    expected: dict[str, Any] = json.loads(file.read_text())
    if unknown := set(expected) - _KEYS:
        raise ValueError(f"{file.name} has the unknown key {min(unknown)!r}")
    return expected


def adapter(kind: registry.AdapterType, source: Mapping[str, Any]) -> Adapter:
    """The adapter as the fixture's source has it; without overrides in USD and its platform's own zone."""
    context = SourceContext(
        name="fixtures",
        currency=source.get("currency", "USD"),
        timezone=ZoneInfo(str(source.get("timezone") or getattr(kind.build, "timezone", "UTC"))),
    )
    return registry.build(kind, context, source.get("options", {}))


def outcomes(kind: registry.AdapterType, fixture: Fixture) -> list[dict[str, Any]]:
    """What becomes of each step, in the form of the files beside the requests."""
    reader = adapter(kind, fixture.source)
    first = fixture.steps[0].postback(1).received_at
    story = Story(policy(fixture.source, first))
    return [
        _outcome(reader, story, number, step.postback(number)) for number, step in enumerate(fixture.steps, 1)
    ]


def policy(source: Mapping[str, Any], since: datetime) -> Policy:
    said = {key: source[key] for key in _POLICIES & set(source)}
    if "checkout_max_age" in said:
        said["checkout_max_age"] = times.duration(said["checkout_max_age"])
    return Policy(since=since, **said)


def _outcome(reader: Adapter, story: Story, number: int, postback: Postback) -> dict[str, Any]:
    try:
        reading = reader.read(postback)
    except PostbackError as error:
        faults = {fault.field: fault.reason for fault in error.faults}
        return {"error": error.word, "field": error.field, "faults": faults}
    if isinstance(reading, Ignored):
        return {"ignored": reading.reason}
    told = list(story.tell(number, postback, reading.events))
    return {
        "events": normalised.dump(reading.events),
        "calls": [call for call in told if "path" in call],
        "skipped": [call["skipped"] for call in told if "skipped" in call],
    }


def accept(kind: registry.AdapterType, folder: Path) -> tuple[list[Path], list[str]]:
    """Writes down what becomes of each fixture now. Gives the files that changed, and what was left alone.

    Left alone is what becomes something else than its name says: there the mapping is wrong, or the name.
    """
    changed, left = [], []
    for fixture in load(folder, unfinished=True):
        came = outcomes(kind, fixture)
        if not fits_its_name(fixture.name, came):
            left.append(f"{fixture.name} becomes {in_short(came)}")
            continue
        for number, (step, outcome) in enumerate(zip(fixture.steps, came, strict=True), 1):
            if step.file and (not step.file.exists() or differences(step.expected, outcome)):
                step.file.write_text(as_file(step.expected, outcome, first=number == 1))
                changed.append(step.file)
    return changed, left


def as_file(expected: Mapping[str, Any], outcome: Mapping[str, Any], *, first: bool = True) -> str:
    """`outcome` as it stands in a file, behind what `expected` says about the fixture itself."""
    about = {k: v for k, v in expected.items() if k in _ABOUT and v and (first or k != "source")}
    silent = set() if outcome.get("skipped") else {"skipped"}
    silent |= set() if "faults" in expected else {"faults"}
    told = {key: value for key, value in outcome.items() if key not in silent}
    return json.dumps({**about, **told}, indent=2, ensure_ascii=False) + "\n"


def fits_its_name(name: str, outcomes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what becomes of a fixture is what it is called after."""
    said = name.partition("__")[0]
    return said == "story" or (
        len(outcomes) == 1 and said.replace("_", ".") in in_short(outcomes).split(" and ")
    )


def in_short(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """The kinds of events, or ignored, or error; of a story, step by step."""
    return ", then ".join(
        next((word for word in ("ignored", "error") if word in outcome), None)
        or " and ".join(event["kind"] for event in outcome["events"])
        for outcome in outcomes
    )


def differences(expected: Mapping[str, Any], outcome: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Key by key what is expected and what came, where they differ.

    "skipped" and "faults" count only if they are expected.
    """
    keys = (set(expected) | set(outcome)) - _ABOUT
    keys -= {"skipped", "faults"} - set(expected)
    return {
        key: (expected.get(key), outcome.get(key))
        for key in sorted(keys)
        if expected.get(key) != outcome.get(key)
    }

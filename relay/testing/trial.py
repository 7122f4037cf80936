"""One story put to an adapter and composed, with every promise of the contract watched on the way."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from relay.errors import PostbackError
from relay.httpfile import RawRequest
from relay.normalise import events as normalised
from relay.normalise.contract import Adapter, Events, Ignored, Postback, Reading
from relay.normalise.events import BOOKED
from relay.receive.reading import Read, copy_digest, written
from relay.receive.sources import Source
from relay.testing import fixtures
from relay.testing.fixtures import Fixture
from relay.testing.standin.answers import Answer
from relay.testing.standin.api import Api, Call
from relay.testing.standin.commerce import Commerce
from relay.testing.standin.limits import Limits
from relay.testing.story import Story
from relay.testing.subjects import Subject

TOKEN: Final = "token-of-the-hard-tests"  # noqa: S105 - it opens nothing
_HEADERS: Final = [(b"content-type", b"application/json")]
_HERE: Final = Path(__file__).parent
_UNKNOWN_SUBSCRIBER: Final = 404  # an external id the stand-in never met is no fault of the call


class Breach(Exception):
    """The adapter, or what was composed from it, broke a rule. Says which, where, and what to do."""

    def __init__(self, what: str, advice: str) -> None:
        self.what = what
        self.advice = advice
        super().__init__(f"{what}\n  {advice}")


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one postback: the reading or the error, and the calls."""

    outcome: Reading | PostbackError
    calls: tuple[Mapping[str, Any], ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        return (
            frozenset(e.kind for e in self.outcome.events)
            if isinstance(self.outcome, Events)
            else frozenset()
        )

    @property
    def compared(self) -> object:
        """Equal where two tellings are alike; errors have no equality of their own."""
        if isinstance(self.outcome, PostbackError):
            return self.outcome.word, self.outcome.field, self.outcome.reason
        return self.outcome

    def __str__(self) -> str:
        if isinstance(self.outcome, Events):
            return " and ".join(e.kind for e in self.outcome.events)
        if isinstance(self.outcome, Ignored):
            return f"ignored ({self.outcome.reason})"
        return f"{self.outcome.word} ({self.outcome})"


class Trial:
    """The order books and the destination of one story.

    Without `one_order` its postbacks do not agree on which order they are about, so that nobody can say what
    may follow on what; each call alone is still one the destination takes.
    """

    def __init__(
        self, subject: Subject, fixture: Fixture, reader: Adapter | None = None, *, one_order: bool = True
    ) -> None:
        self.reader = reader or fixtures.adapter(subject.kind, fixture.source)
        self._source = Source("fixtures", "main", self.reader, (TOKEN,))
        self._story = Story(fixtures.policy(fixture.source, fixture.steps[0].postback(1).received_at))
        self._commerce = Commerce(keep=10, keep_orders=1000)
        self._api = Api(self._commerce, Limits(), "A", None)
        self._number = 0
        self._one_order = one_order

    def tell(self, postback: Postback) -> Told:
        """Reads twice, records and composes. Raises Breach."""
        self._number += 1
        outcome = read(self.reader, postback)
        again = read(self.reader, postback)
        if Told(outcome).compared != Told(again).compared:
            raise Breach(
                f"read twice, the same postback is {Told(outcome)}, then {Told(again)} or says other values",
                "Keep nothing between two readings, and use no clock and no chance: see the pure test.",
            )
        self._record(postback, outcome)
        if not isinstance(outcome, Events):
            return Told(outcome)
        return Told(outcome, self._composed(postback, outcome))

    def follow(self, postback: Postback) -> None:
        """As `tell`, of a postback that is as it should be."""
        self._number += 1
        outcome = read(self.reader, postback)
        if isinstance(outcome, Events):
            self._composed(postback, outcome)

    def _record(self, postback: Postback, outcome: Reading | PostbackError) -> None:
        """As the intake does it: what cannot be written down would be lost."""
        copy = copy_digest(self._source, postback)
        try:
            written(Read(self._source, outcome, postback, copy), f"{self._number:020d}")
        except Exception as error:
            raise Breach(
                f"what was read cannot be recorded: {type(error).__name__}: {error}",
                "An event, a warning or a reason holds a value that is no proper text, such as half of a "
                "surrogate pair; build events through their models, and put no raw value into a reason.",
            ) from error

    def _composed(self, postback: Postback, outcome: Events) -> tuple[Mapping[str, Any], ...]:
        calls = []
        try:
            for told in self._story.tell(self._number, postback, outcome.events):
                if "path" in told:
                    calls.append(told)
                    self._offer(told)
        except Breach:
            raise
        except Exception as error:
            raise Breach(
                f"composing fails: {type(error).__name__}: {error} at {_place(error)}",
                f"Report it, with the events: {normalised.dump(outcome.events)}",
            ) from error
        return tuple(calls)

    def _offer(self, told: Mapping[str, Any]) -> None:
        body = json.dumps(told["body"], ensure_ascii=False, separators=(",", ":")).encode()
        answer = self._api.handle(
            Call("POST", told["path"], b"", _HEADERS, body, "key"), self._number, "waits"
        )
        if not answer.accepted and answer.status != _UNKNOWN_SUBSCRIBER:
            raise Breach(
                f"the Commerce API would refuse POST {told['path']}: {_said(answer)}",
                "Read the value more strictly: raise Unmappable with the field's name where the order cannot "
                f"go without it, else leave it out with a warning. The call: {json.dumps(told['body'])}",
            )
        if self._commerce.violations and self._one_order:
            raise Breach(
                f"POST {told['path']} breaks a rule: {self._commerce.violations[0].rule}",
                f"The call: {json.dumps(told['body'])}",
            )


def _said(answer: Answer) -> str:
    return str(json.loads(answer.body)["error"])


def read(reader: Adapter, postback: Postback) -> Reading | PostbackError:
    """The reading, or the error where it is one of the contract's. Raises Breach for anything else."""
    try:
        reading = reader.read(postback)
    except PostbackError as error:
        return error
    except Exception as error:
        raise Breach(
            f"{type(error).__name__}: {error} at {_place(error)}",
            "Only Malformed, Unsupported and Unmappable may leave read(). Raise Unmappable with the field's "
            "name where a value is missing or wrong; a field may hold anything, or not be there.",
        ) from error
    _check_type(reading)
    return reading


def _check_type(reading: object) -> None:
    if isinstance(reading, Ignored):
        if not reading.reason.strip():
            raise Breach("ignored without a reason", "Say why in a short phrase: Ignored('test order').")
    elif not isinstance(reading, Events):
        raise Breach(
            f"read() returned {type(reading).__name__}", "Return Events(...) or Ignored(...), or raise."
        )
    elif not reading.events:
        raise Breach(
            "Events without an event", "Where nothing is to be sent, return Ignored with the reason."
        )
    else:
        _check_kept(reading)


def _check_kept(reading: Events) -> None:
    """The journal keeps events as JSON: what comes back must be what went in."""
    try:
        plain = normalised.dump(reading.events)
        json.dumps(plain, ensure_ascii=False).encode()
        back = normalised.dump(normalised.load(plain))
    except Exception as error:
        raise Breach(
            f"the events cannot be kept: {type(error).__name__}: {error}",
            "Build them through their models (never model_construct or model_copy with raw values).",
        ) from error
    if back != plain:
        raise Breach("the events change when they are kept and read back", f"{plain} became {back}")


def _place(error: BaseException) -> str:
    """The innermost line outside this kit."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent != _HERE]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"


@dataclass(frozen=True, slots=True)
class Scene:
    """One step of a fixture, to be told with a changed request; the other steps stay as they are."""

    subject: Subject
    fixture: Fixture
    index: int
    reader: Adapter

    @property
    def request(self) -> RawRequest:
        return self.fixture.steps[self.index].request

    @property
    def name(self) -> str:
        return f"step {self.index + 1}" if len(self.fixture.steps) > 1 else "the request"

    def tell(self, request: RawRequest, said: str = "", *, through: bool = False) -> Told:
        """What becomes of `request` in this step's place; `said` is what was changed, for people.

        With `through` the steps behind it are told too.
        """
        try:
            return self._told(request, through=through)
        except Breach as breach:
            raise Breach(f"{self.name} {said}: {breach.what}", breach.advice) from breach

    def _told(self, request: RawRequest, *, through: bool) -> Told:
        agreed = self._names(request) in (frozenset(), self._names(self.request))
        trial = Trial(self.subject, self.fixture, self.reader, one_order=agreed)
        postbacks = [step.postback(number) for number, step in enumerate(self.fixture.steps, 1)]
        for postback in postbacks[: self.index]:
            trial.follow(postback)
        told = trial.tell(request.postback(postbacks[self.index].received_at))
        for postback in postbacks[self.index + 1 :] if through else ():
            trial.follow(postback)
        return told

    def _names(self, request: RawRequest) -> frozenset[str]:
        outcome = read(self.reader, request.postback(fixtures.DEFAULT_RECEIVED))
        events = outcome.events if isinstance(outcome, Events) else ()
        return frozenset(name for event in events if isinstance(event, BOOKED) for name in event.names)


def scenes(subject: Subject, fixture: Fixture) -> list[Scene]:
    reader = fixtures.adapter(subject.kind, fixture.source)
    return [Scene(subject, fixture, index, reader) for index in range(len(fixture.steps))]

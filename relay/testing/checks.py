"""What every adapter must hold, told by its fixtures alone: the contract, purity, copies, tokens.

Each check raises Breach, which says what was seen and what to do about it.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from relay.httpfile import RawRequest
from relay.journal import codec
from relay.normalise import registry
from relay.normalise.contract import Adapter, Events, Postback, SourceContext
from relay.normalise.fields import plain_key
from relay.normalise.scrub import scrub
from relay.receive.reading import Outcome, Read, copy_digest, recording
from relay.receive.sources import Source
from relay.testing import fixtures
from relay.testing.fixtures import Fixture
from relay.testing.message import opened
from relay.testing.subjects import FIXTURES, Subject
from relay.testing.trial import Breach, Told, Trial, read

_TOKENS: Final = ("hard-tests-first-token", "hard-tests-second-token")
_ZONES: Final = ("UTC", "Asia/Kolkata", "America/Los_Angeles")


def declares_itself(subject: Subject) -> None:
    """Name, options and dropped fields are as the contract says."""
    built = subject.kind.build
    if getattr(built, "name", None) != subject.name:
        raise Breach(
            f"the class says name = {getattr(built, 'name', None)!r}, its entry point {subject.name!r}",
            "Give both the same name: it is what `adapter =` in relay.toml says.",
        )
    options = subject.kind.options
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        raise Breach("Options is no pydantic model", "class AcmeOptions(BaseModel) is enough to start.")
    try:
        options.model_validate({"not_an_option": 1})
    except ValidationError:
        pass
    else:
        raise Breach(
            "an option nobody knows is taken in silence",
            'Forbid it, so that a mistyped setting is told: model_config = ConfigDict(extra="forbid").',
        )
    unplain = [name for name in getattr(built, "dropped", ()) if plain_key(name) != name]
    if unplain:
        raise Breach(
            f"dropped holds {min(unplain)!r}, which no field is compared with",
            f"Write names in lower case, letters and digits only: {plain_key(min(unplain))!r}.",
        )


def has_fixtures(subject: Subject) -> None:
    """At least one says what becomes of an event."""
    if not any("events" in step.expected for fixture in subject.fixtures for step in fixture.steps):
        raise Breach(
            f"there is no fixture with an event in {subject.folder / FIXTURES}",
            "Save a request of the platform as order_placed__first.http, the outcome beside it as .json.",
        )


def becomes_what_stands_beside_it(subject: Subject, fixture: Fixture) -> None:
    for number, outcome in enumerate(fixtures.outcomes(subject.kind, fixture), 1):
        wrong = fixtures.differences(fixture.steps[number - 1].expected, outcome)
        for key, (expected, came) in wrong.items():
            raise Breach(
                f"step {number}: {key} is\n{_pretty(came)}\n  and the file says\n{_pretty(expected)}",
                "Whichever is wrong: mend the mapping, or, if what came is what should, "
                f"`relay adapters accept {subject.name}` writes it down for you to read.",
            )


def is_named_for_what_it_becomes(subject: Subject, fixture: Fixture) -> None:
    """`order_placed__first` holds an order.placed: the listing of the folder is the specification."""
    outcomes = fixtures.outcomes(subject.kind, fixture)
    if not fixtures.fits_its_name(fixture.name, outcomes):
        raise Breach(
            f"named {fixture.name}, and it becomes {fixtures.in_short(outcomes)}",
            "Mend the mapping if the name is right, else rename the two files: EVENT__DETAIL, with the "
            "event's kind (order_placed), `ignored` or `error`; `story__DETAIL.step1` for several.",
        )


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def reads_an_empty_request_as_nothing(subject: Subject) -> None:
    """A ping, or a person who opens the URL, is no order."""
    reader = fixtures.adapter(subject.kind, {})
    for method in ("GET", "POST"):
        for body in (b"", b" ", b"{}", b"[]", b"null"):
            postback = Postback(method, "", {}, body, fixtures.DEFAULT_RECEIVED)
            if isinstance(read(reader, postback), Events):
                raise Breach(
                    f"{method} with the body {body!r} becomes an event",
                    'Return Ignored("ping") where a request carries nothing.',
                )


# --- purity


def reads_purely(subject: Subject, fixture: Fixture) -> None:
    """Always alike: whatever was read before, by whichever source, on any machine at any time."""
    reader = fixtures.adapter(subject.kind, fixture.source)
    for number, step in enumerate(fixture.steps, 1):
        postback = step.postback(number)
        first = read(reader, postback)
        again = partial(read, reader, postback)
        _ask_nothing(again)
        _same(first, again(), "the second time", _NO_STATE)
        _read_others(subject, fixture, reader)
        _same(first, again(), "after other postbacks", _NO_STATE)
        _read_for_another_source(subject, fixture)
        _same(first, again(), "after another source's reading", _NO_STATE)
        for zone in _ZONES:
            with _machine_in(zone):
                _same(first, again(), f"on a machine in {zone}", _NO_LOCAL_TIME)


def _ask_nothing(reading: Callable[[], object]) -> None:
    with _spied() as seen:
        reading()
    if seen:
        raise Breach(
            f"reading asks the machine: {seen[0]}",
            "An adapter is bytes in, events out: no clock, no chance, no file, no network. When it came is "
            "postback.received_at; what is looked up belongs at the top of the module.",
        )


_NO_STATE: Final = "Keep nothing on the instance, the class or the module while reading."
_NO_LOCAL_TIME: Final = (
    "A time without an offset is the platform's wall clock: times.parse(text, source.timezone); never the "
    "machine's own, as naive datetimes, fromtimestamp() and astimezone() without a zone are."
)


def _same(first: Outcome, second: Outcome, when: str, advice: str) -> None:
    if Told(first).compared != Told(second).compared:
        raise Breach(f"{when} the reading is another: {_difference(first, second)}", advice)


def _difference(first: Outcome, second: Outcome) -> str:
    one, two = (str(Told(outcome).compared) for outcome in (first, second))
    at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), 0)
    start = max(0, at - 40)
    return f"...{one[start : at + 40]}... then ...{two[start : at + 40]}..."


def _read_others(subject: Subject, fixture: Fixture, reader: Adapter) -> None:
    for other in subject.fixtures:
        if other is not fixture:
            read(reader, other.steps[0].postback(1))


def _read_for_another_source(subject: Subject, fixture: Fixture) -> None:
    context = SourceContext("another", "JPY", ZoneInfo("Asia/Tokyo"))
    read(
        registry.build(subject.kind, context, fixture.source.get("options", {})), fixture.steps[0].postback(1)
    )


@contextmanager
def _machine_in(zone: str) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        yield
        return
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


_ASKING: Final = frozenset(
    {
        *(
            "time.time",
            "time.time_ns",
            "time.monotonic",
            "time.perf_counter",
            "time.localtime",
            "time.gmtime",
        ),
        *("time.strftime", "time.sleep", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
        *(
            "posix.urandom",
            "posix.open",
            "posix.stat",
            "posix.listdir",
            "_io.open",
            "_io.open_code",
            "io.open",
        ),
        *("Random.random", "Random.getrandbits", "socket.connect", "_socket.getaddrinfo"),
    }
)


@contextmanager
def _spied() -> Iterator[list[str]]:
    """What is asked of the machine meanwhile: "datetime.now in acme/mapping.py:31"."""
    seen: list[str] = []

    def spy(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and _name(function) in _ASKING:
            seen.append(f"{_name(function)} in {_outside(frame)}")

    before, collecting = sys.getprofile(), gc.isenabled()
    gc.disable()  # what watches collections asks the clock, and is not the adapter
    sys.setprofile(spy)
    try:
        yield seen
    finally:
        sys.setprofile(before)
        if collecting:
            gc.enable()


def _name(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    if isinstance(owner, random.Random):
        return f"Random.{function.__name__}"
    if isinstance(owner, type):
        kinds = [kind.__name__ for kind in owner.__mro__ if kind.__module__ == "datetime"]
        return f"{(kinds or [owner.__name__])[0]}.{function.__name__}"
    where = getattr(owner, "__name__", None) or type(owner).__name__
    return f"{where}.{getattr(function, '__name__', '')}"


def _outside(frame: FrameType | None) -> str:
    """The innermost line that is not of the standard library."""
    library = Path(os.__file__).parent
    asked = frame
    while frame and Path(frame.f_code.co_filename).is_relative_to(library):
        frame = frame.f_back
    shown = frame or asked
    return f"{shown.f_code.co_filename}:{shown.f_lineno}" if shown else "?"


# --- copies and tokens


def sends_a_copy_once(subject: Subject, fixture: Fixture) -> None:
    """Told again with other headers and other blanks in the JSON, an order's call does not go out again."""
    trial = Trial(subject, fixture)
    postbacks = [step.postback(number) for number, step in enumerate(fixture.steps, 1)]
    for postback in postbacks:
        trial.tell(postback)
    for number, postback in enumerate(postbacks, 1):
        told = trial.tell(_copied(postback))
        again = [c["path"] for c in told.calls if c["path"] in ("/orders", "/checkouts")]
        if again:
            raise Breach(
                f"step {number} told again sends POST {again[0]} again",
                "Ids of orders, checkouts and refunds, and their sums, must be those of the postback: not "
                "made up, not of the raw bytes, not of a header that is new with each delivery.",
            )


def _copied(postback: Postback) -> Postback:
    headers = {**postback.headers, "x-request-id": "another", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    body = postback.body
    if opened(RawRequest("POST", "", {}, body)).kind == "json":
        body = b" " + body + b"\n"
    return dataclasses.replace(postback, headers=headers, body=body)


def reads_alike_under_any_token(subject: Subject, fixture: Fixture) -> None:
    """Two tokens while rotating: one reading, one copy, and neither token is kept."""
    reader = fixtures.adapter(subject.kind, fixture.source)
    source = Source("fixtures", "main", reader, _TOKENS)
    for number, step in enumerate(fixture.steps, 1):
        bare = step.postback(number)
        found = [_read_with(source, bare, token) for token in _TOKENS]
        for one in found:
            if Told(one.outcome).compared != Told(read(reader, bare)).compared:
                raise Breach(
                    "the reading depends on the header that holds the token",
                    "Leave `authorization` alone: the relay has checked it before the adapter reads.",
                )
            kept = json.dumps(_kept(one))
            if any(token in kept for token in _TOKENS):
                raise Breach("a token is kept in what is recorded", "Take nothing over from `authorization`.")
        if found[0].copy != found[1].copy:
            raise Breach("under another token a copy is no copy", "Report this: it is the relay's own fault.")


def _read_with(source: Source, bare: Postback, token: str) -> Read:
    postback = dataclasses.replace(bare, headers={**bare.headers, "authorization": f"Bearer {token}"})
    return Read(source, read(source.adapter, postback), postback, copy_digest(source, postback))


def _kept(found: Read) -> Any:
    recorded = recording(found, "0" * 20)
    return [codec.unpack(recorded.blob), recorded.reason, recorded.order, recorded.email]


def reads_what_is_stored_alike(subject: Subject, fixture: Fixture) -> None:
    """What is stored lacks secrets, and a replay reads what is stored."""
    reader = fixtures.adapter(subject.kind, fixture.source)
    dropped: frozenset[str] = getattr(subject.kind.build, "dropped", frozenset())
    for number, step in enumerate(fixture.steps, 1):
        postback = step.postback(number)
        first = read(reader, postback)
        _same(
            first,
            read(reader, scrub(postback, dropped)),
            "without the values that are never stored",
            "What `dropped` names is gone when a relay is replayed, so let nothing depend on it.",
        )

"""Real postbacks as fixtures, without the people in them.

Everything is replaced by a stand-in of its shape, but for what is recognised as nobody's (amounts, dates of
now, currencies, commerce's own words) and for what the adapter decides by. What a person is called or reached
by is replaced even then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from relay.httpfile import RawRequest
from relay.normalise import times
from relay.normalise.contract import Postback
from relay.normalise.registry import AdapterType
from relay.testing import fixtures
from relay.testing.disguise import Disguise
from relay.testing.fixtures import Fixture, Step
from relay.testing.message import Message, Number, Place, opened, text_in
from relay.testing.recognise import is_nobodys, is_somebodys

Outcome: TypeAlias = Mapping[str, Any]

CAPTURE_KEY: Final = "capture.key"
"""Of the data folder: what stand-ins are made with, so that they are the same in each fixture."""

_DECIDING: Final = re.compile(
    r"[A-Za-z]{1,20}([ _./:-]+[A-Za-z]{1,20}){0,4}|[-+$€£ ]?[\d,]{1,9}\.\d{1,3}|\d{4}-\d\d-\d\d[ T:\d.Z+-]*"
)
_CONTENT_TYPE: Final = ("headers", "content-type")
_TRANSPORT: Final = re.compile(
    r"host|accept|accept-.*|user-agent|content-length|content-encoding|connection|forwarded|via|x-forwarded.*"
    r"|x-real-ip|cf-.*|.*client-ip|cookie|authorization|traceparent|tracestate|x-request-id|x-amzn.*|x-b3.*"
    r"|referer|origin|date|priority|sec-.*|x-scheme|x-original.*|upgrade.*|dnt|pragma|cache-control"
)
_NO_KEY: Final = re.compile(r"@|\d{4}|\s|[^\x00-\x7f]")
_CUT_KEYS: Final = re.compile(rb'"[\w-]{1,64}"\s*:|(?:^|&)[\w%\[\]-]{1,64}=')


@dataclass(frozen=True, slots=True)
class Captured:
    """A fixture's files by name, and what a person should look at before keeping it."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...]


def capture(
    kind: AdapterType,
    source: Mapping[str, Any],
    postbacks: Sequence[Postback],
    disguise: Disguise,
    taken: Iterable[str] = (),
) -> Captured:
    """One postback as a fixture, several as a story. `taken` are names of fixtures there are already."""
    scrubber = _Scrubber(kind, source, postbacks, disguise)
    steps, notes = scrubber.scrubbed()
    outcomes = scrubber.outcomes(steps)
    name = _name(outcomes, set(taken))
    files: dict[str, bytes] = {}
    for number, (step, outcome) in enumerate(zip(steps, outcomes, strict=True), 1):
        stem = f"{name}.step{number}" if len(steps) > 1 else name
        files[f"{stem}.http"] = _written(step.request)
        files[f"{stem}.json"] = fixtures.as_file(step.expected, outcome, first=number == 1).encode()
    return Captured(files, tuple(notes))


class _Scrubber:
    """The requests of one fixture, while what is in them is replaced value by value."""

    def __init__(
        self, kind: AdapterType, source: Mapping[str, Any], postbacks: Sequence[Postback], disguise: Disguise
    ) -> None:
        self._kind = kind
        self._source = source
        self._postbacks = postbacks
        self._disguise = disguise
        self._messages = [_bare(postback) for postback in postbacks]
        self._notes: list[str] = []
        self._replaced: set[str] = set()

    def scrubbed(self) -> tuple[list[Step], list[str]]:
        before = self.outcomes(self._steps())
        unsure: dict[str, list[tuple[Message, Place]]] = {}
        for message, postback in zip(self._messages, self._postbacks, strict=True):
            for place in self._replace_people(message, postback):
                unsure.setdefault(message.at(place).strip().casefold(), []).append((message, place))
        baseline = self.outcomes(self._steps())
        for places in unsure.values():  # what is one value in many places is one thing: an order's id
            baseline = self._replace_if_alike(places, baseline)
        self._rename(baseline)
        if not self._alike(before, self.outcomes(self._steps())):
            self._notes.append("with the stand-ins it maps otherwise than the original did")
        return self._steps(), self._notes

    def outcomes(self, steps: Sequence[Step]) -> list[Outcome]:
        try:
            return list(fixtures.outcomes(self._kind, Fixture("captured", tuple(steps))))
        except Exception as error:  # noqa: BLE001 - what breaks an adapter is just what is to be captured
            self._notes = [f"the adapter fails on it: {type(error).__name__}"]
            return [{"error": "malformed", "field": None} for _ in steps]

    def _steps(self) -> list[Step]:
        return [
            Step(
                message.closed(), {"source": dict(self._source), "received_at": times.z(postback.received_at)}
            )
            for message, postback in zip(self._messages, self._postbacks, strict=True)
        ]

    def _replace_people(self, message: Message, postback: Postback) -> list[Place]:
        """Replaces what is certainly somebody's; gives the places of what may be."""
        unsure = []
        for place, value in list(message.values()):
            key = message.key(place)
            if len(place) == 1:
                message.put(place, self._unreadable(value))
            elif (
                not isinstance(value, str)
                or place == _CONTENT_TYPE
                or is_nobodys(key, value, postback.received_at)
            ):
                continue
            elif is_somebodys(key, value):
                message.put(place, self._stand_in(value))
            else:
                unsure.append(place)
        return unsure

    def _replace_if_alike(
        self, places: Sequence[tuple[Message, Place]], baseline: list[Outcome]
    ) -> list[Outcome]:
        """Replaces one value, but if the adapter decides by it and it cannot be anybody's."""
        before = [message.at(place) for message, place in places]
        for (message, place), value in zip(places, before, strict=True):
            message.put(place, self._stand_in(value))
        after = self.outcomes(self._steps())
        if self._alike(baseline, after) or not _DECIDING.fullmatch(before[0].strip()):
            return after
        for (message, place), value in zip(places, before, strict=True):
            message.put(place, value)
        message, place = places[0]
        self._notes.append(
            f"kept, since the adapter decides by it: {message.named(place)} = {before[0].strip()}"
        )
        return baseline

    def _rename(self, baseline: list[Outcome]) -> None:
        """Keys are the platform's own names, but for ids and people that serve as some.

        A key that is also a value replaced stays where the adapter decides by it: "title" beside "Title".
        """
        plain = self._messages
        for word in sorted(self._replaced & self._keys()):
            self._messages = [message.copy() for message in plain]
            self._rename_all(frozenset({word}))
            if _DECIDING.fullmatch(word) and not self._alike(baseline, self.outcomes(self._steps())):
                self._replaced.discard(word)
        self._messages = plain
        self._rename_all(frozenset(self._replaced))

    def _keys(self) -> set[str]:
        return {message.key(place).casefold() for message in self._messages for place, _ in message.values()}

    def _rename_all(self, words: frozenset[str]) -> None:
        for message in self._messages:
            for part, node in message.parts.items():
                if part != "headers":
                    message.parts[part] = self._renamed(node, words, paired=message.is_paired(part))

    def _renamed(self, node: Any, words: frozenset[str], *, paired: bool = False) -> Any:
        if paired:
            return [[self._key(key, words), self._renamed(value, words)] for key, value in node]
        if isinstance(node, dict):
            return type(node)(
                (self._key(key, words), self._renamed(value, words)) for key, value in node.items()
            )
        if isinstance(node, list):
            return type(node)(self._renamed(member, words) for member in node)
        return node

    def _key(self, key: str, words: frozenset[str]) -> str:
        return self._disguise.text(key) if key.casefold() in words or _NO_KEY.search(key) else key

    def _stand_in(self, value: str) -> str:
        self._replaced.add(value.strip().casefold())
        if isinstance(value, Number):
            return Number(self._disguise.number(value))
        return self._disguise.text(value)

    def _unreadable(self, value: Any) -> Any:
        """A query or body that cannot be taken apart: its keys and signs stay."""
        if isinstance(value, str):
            return self._disguise.text(value)
        body = bytes(value)
        done, parts = 0, []
        for key in _CUT_KEYS.finditer(body):
            parts += [self._unread(body[done : key.start()]), key[0]]
            done = key.end()
        return b"".join((*parts, self._unread(body[done:])))

    def _unread(self, part: bytes) -> bytes:
        try:
            return self._disguise.text(part.decode()).encode()
        except UnicodeDecodeError:
            plain = self._disguise.text(part.decode("ascii", "replace"))
            return plain.encode().replace("\ufffd".encode(), b"\xff")

    def _alike(self, before: Sequence[Outcome], after: Sequence[Outcome]) -> bool:
        return _same(list(before), list(after), self._disguise.alike)


def _bare(postback: Postback) -> Message:
    headers = {name: value for name, value in postback.headers.items() if not _TRANSPORT.fullmatch(name)}
    return opened(RawRequest(postback.method, postback.query, headers, postback.body))


def _same(before: Any, after: Any, alike: Callable[[str, str], bool]) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[k], after[k], alike) for k in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(
            _same(a, b, alike) for a, b in zip(before, after, strict=True)
        )
    if isinstance(before, str) and isinstance(after, str):
        return alike(before, after)
    return bool(before == after)


def _name(outcomes: Sequence[Outcome], taken: set[str]) -> str:
    stem = "story__captured" if len(outcomes) > 1 else _stem(outcomes[0])
    number = 1
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def _stem(outcome: Outcome) -> str:
    if "error" in outcome:
        return "error__" + _slug(f"{outcome['error']} {outcome.get('field') or ''}")
    if "ignored" in outcome:
        return "ignored__" + _slug(outcome["ignored"])
    return str(outcome["events"][0]["kind"]).replace(".", "_") + "__captured"


def _slug(text: str) -> str:
    return "_".join(re.findall(r"[a-z]+", text.lower())[:4])


def _written(request: RawRequest) -> bytes:
    target = f"/in/SOURCE?{request.query}" if request.query else "/in/SOURCE"
    headers = [f"{name.title()}: {text_in(value)}" for name, value in request.headers.items()]
    head = "\n".join([f"{request.method} {target} HTTP/1.1", "Host: relay.example.com", *headers])
    return head.encode("latin-1", "replace") + b"\n\n" + request.body

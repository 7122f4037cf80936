"""What every adapter must hold where a postback is spoilt: cut, mistyped, in words nobody knows."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

from relay.errors import PostbackError
from relay.testing.fixtures import Fixture
from relay.testing.message import Message, Place, opened
from relay.testing.mutations import NASTY
from relay.testing.subjects import Subject
from relay.testing.trial import Breach, Scene, Told, scenes

UNKNOWN: Final = "zzunheardof"
_CUTS: Final = 30
_PLACES: Final = 25
_WORD: Final = re.compile(r"[^\W\d_][\w ./:-]{0,39}")
_NO_WORDS: Final = frozenset({"content-type", "content-length", "accept", "host", "user-agent"})


def refuses_a_cut_body(subject: Subject, fixture: Fixture) -> None:
    """Half a JSON object is malformed, whatever the half says; of a form nobody can tell."""
    for scene in scenes(subject, fixture):
        request = scene.request
        is_json = opened(request).kind == "json"
        for at in _cuts(request.body, fixture):
            cut = replace(request, body=request.body[:at])
            said = f"cut after {at} of {len(request.body)} bytes"
            told = scene.tell(cut, said)
            if is_json and cut.body.strip() and not isinstance(told.outcome, PostbackError):
                raise Breach(
                    f"{scene.name} {said} is read: {told}",
                    "Let fields.read() read the body: it raises Malformed for JSON that does not end.",
                )


def _cuts(body: bytes, fixture: Fixture) -> range:
    return range(0, len(body.rstrip()), max(1, len(body) * len(fixture.steps) // _CUTS))


def reads_or_refuses_wrong_types(subject: Subject, fixture: Fixture) -> None:
    """Any field may be missing, or hold anything: then it is refused by name, or left out."""
    kinds = cycle(NASTY)
    for _ in range(_number(fixture.name) % len(NASTY)):  # so that fixtures begin at different kinds
        next(kinds)
    for scene in scenes(subject, fixture):
        message = opened(scene.request)
        places = _some([place for place, _ in message.values() if len(place) > 1], fixture)
        for place in places:
            scene.tell(message.without(place).closed(), f"without {message.named(place)}")
            value = next(kinds)
            said = f"with {message.named(place)} = {value!r:.60}"
            scene.tell(message.with_values({place: value}).closed(), said)


def _some(places: list[Place], fixture: Fixture) -> list[Place]:
    """At most so many in a whole story, spread over all; other ones for another fixture."""
    step = -(-len(places) * len(fixture.steps) // _PLACES) or 1
    return places[_number(fixture.name) % step :: step]


def _number(name: str) -> int:
    return sum(map(ord, name))


def refuses_unknown_words(subject: Subject, fixture: Fixture) -> None:
    """No word nobody knows makes a sale: not beside known ones, and still less alone."""
    for scene in scenes(subject, fixture):
        message = opened(scene.request)
        others = scene.fixture.steps[scene.index].expected.get("not_words", ())
        words = [p for p, value in message.values() if _is_word(p, value) and message.key(p) not in others]
        for place in words:
            said = f"with {message.named(place)} = {UNKNOWN!r}"
            _no_new_sale(scene.tell(message.with_values({place: UNKNOWN}).closed(), said), scene, said)
        told = scene.tell(message.with_values(dict.fromkeys(words, UNKNOWN)).closed(), "in unknown words")
        if "order.placed" in told.kinds and not fixture.source.get("options"):
            raise Breach(
                f"{scene.name} in words nobody knows ({_named(message, words)} are all {UNKNOWN!r}) becomes "
                "order.placed",
                "Look the platform's word up in a table, and raise Unsupported where it is not there. "
                "A sale that is none mails a customer who bought nothing.",
            )


def _is_word(place: Place, value: Any) -> bool:
    named = place[0] == "headers" and place[1] in _NO_WORDS
    return isinstance(value, str) and not named and _WORD.fullmatch(value) is not None


def _named(message: Message, places: list[Place]) -> str:
    return ", ".join(message.named(place) for place in places[:4]) + (", ..." if len(places) > 4 else "")  # noqa: PLR2004


def _no_new_sale(told: Told, scene: Scene, said: str) -> None:
    expected = {event["kind"] for step in scene.fixture.steps for event in step.expected.get("events", ())}
    if "order.placed" in told.kinds and "order.placed" not in expected:
        raise Breach(
            f"{scene.name} {said} becomes order.placed, which nothing in the fixture is",
            "What the platform does not clearly call a sale is none: raise Unsupported for a word that is "
            "in no row of your table, and Unmappable for a status that makes no sense. A field that does not "
            'say what happened goes into "not_words" of the fixture.',
        )

"""The Commerce API's own bodies, posted here instead of there."""

from __future__ import annotations

from codecs import BOM_UTF8
from decimal import Decimal
from typing import Any, Final

from adapters.generic import checking, words
from adapters.generic.building import Reader, build
from adapters.generic.checking import Body, Refunds
from adapters.generic.words import WORDS, Shape, Told
from relay.errors import Fault, Malformed, Unmappable
from relay.normalise import fields
from relay.normalise.contract import Events, Ignored, Postback, Reading
from relay.normalise.words import shown

PING: Final = "ping: the request carries nothing"
_NO_JSON: Final = (
    "the Commerce API's bodies are JSON objects; forms, queries and other shapes are read by options.mapping"
)


class CommerceBodies:
    def __init__(self, refunds: Refunds) -> None:
        self._refunds = refunds

    def read(self, postback: Postback, word: str | None) -> Reading:
        """Raises Malformed, Unsupported, and Unmappable with every fault at once."""
        given = _json(postback)
        if not given:
            return Ignored(PING)
        told = words.told(word, given)
        body: Body = plain(given)
        troubles = _settle(told, body, word) + checking.faults(told.shape, body, self._refunds)
        if troubles:
            raise Unmappable.of(troubles)
        return Events((build(told.shape, body, Reader(self._refunds)),))


def _json(postback: Postback) -> fields.Fields:
    start = postback.body.removeprefix(BOM_UTF8).lstrip()[:1]
    if start not in (b"{", b"["):
        if start or fields.of_query(postback).keys() - {"event"}:
            raise Malformed(_NO_JSON)
        return {}
    return fields.of_body(postback)


def _settle(told: Told, body: Body, word: str | None) -> list[Fault]:
    """Takes the word out of `body`, where it is no name of a customer's event, and puts its status in."""
    if told.shape == Shape.EVENT:
        if word is not None or body.get("event") not in WORDS:
            return []
        return [Fault(("event",), "is a word for what was sent; give the event a name of its own")]
    found = []
    status = told.status
    if "event" in body:
        own = WORDS.get(body.pop("event")) if isinstance(body["event"], str) else None
        if own is None or own.shape != told.shape or (own.status and status and own.status != status):
            beside = f"event={word} in the URL" if word else "the rest of the body"
            found.append(Fault(("event",), f"does not go with {beside}"))
        status = status or (own and own.status)
    if status is not None and body.setdefault("status", status) != status:
        said = shown(body["status"]) if isinstance(body["status"], str) else "something else"
        found.append(Fault(("status",), f"is {said}, while event says {status}; leave one of them out"))
    return found


def plain(value: Any) -> Any:
    """`value` as JSON is usually read, so that what is the sender's own goes on as it came.

    Money is no number with a point here; lone halves of surrogate pairs nobody can send.
    """
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {plain(key): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value

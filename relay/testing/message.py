"""A raw request taken apart into its values, and put together again with some of them changed.

A place is a path: ("query", 2, 1) is the third pair's value, ("headers", "x-topic") a header, and
("body", "items", 0, "sku") lies in a JSON body. JSON written as text inside a value is taken apart as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, quote_plus

from relay.httpfile import RawRequest

Step: TypeAlias = str | int
Place: TypeAlias = tuple[Step, ...]
Kind = Literal["json", "form", "raw"]

_MOST_FIELDS: Final = 5_000


class Number(str):
    """A JSON number as it was written, so that no amount passes through a float. Any other raw JSON too."""

    __slots__ = ()


class WrittenObject(dict[str, Any]):
    """A JSON object that stands as text inside a value."""


class WrittenList(list[Any]):
    """A JSON array that stands as text inside a value."""


@dataclass(slots=True)
class Message:
    """`parts` holds "query", a list of [key, value]; "headers"; and "body": a JSON tree, pairs, or bytes."""

    method: str
    kind: Kind
    parts: dict[str, Any]

    def copy(self) -> Message:
        return Message(self.method, self.kind, copied(self.parts))

    def at(self, place: Place) -> Any:
        node: Any = self.parts
        for step in place:
            node = node[step]
        return node

    def put(self, place: Place, value: Any) -> None:
        self.at(place[:-1])[place[-1]] = value

    def with_values(self, values: dict[Place, Any]) -> Message:
        """A copy with other values at some places."""
        changed = self.copy()
        for place, value in values.items():
            changed.put(place, value)
        return changed

    def without(self, place: Place) -> Message:
        """A copy that lacks the field at `place`; of a pair, key and value."""
        field = place[:2] if self.is_paired(place[0]) else place
        changed = self.copy()
        del changed.at(field[:-1])[field[-1]]
        return changed

    def values(self) -> Iterator[tuple[Place, Any]]:
        """Every scalar value and its place; the body as a whole where it cannot be taken apart."""
        for part, node in self.parts.items():
            if self.is_paired(part):
                for index, (_, value) in enumerate(node):
                    yield from _walk((part, index, 1), value)
            else:
                yield from _walk((part,), node)

    def is_paired(self, part: Step) -> bool:
        """Whether `part` is a list of [key, value]: a query or a form that could be taken apart."""
        return (part == "query" or (part == "body" and self.is_form)) and isinstance(self.parts[part], list)

    def key(self, place: Place) -> str:
        """The name of the field at `place`: the last step that is a name."""
        part, *steps = place
        if self.is_paired(part):
            inner = [s for s in steps[2:] if isinstance(s, str)]
            return inner[-1] if inner else str(self.at((part, steps[0]))[0])
        return next((s for s in reversed(steps) if isinstance(s, str)), "")

    def named(self, place: Place) -> str:
        """For people: "body items[0].sku", "query event", "header x-topic"."""
        part, *steps = place
        if part == "headers":
            return f"header {steps[0]}"
        if self.is_paired(part):
            steps = [str(self.at((part, steps[0]))[0]), *steps[2:]]
        text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)
        return f"{part} {text.removeprefix('.')}".strip()

    @property
    def is_form(self) -> bool:
        return self.kind == "form"

    def closed(self) -> RawRequest:
        query, body = self.parts["query"], self.parts["body"]
        return RawRequest(
            self.method,
            query if isinstance(query, str) else _form(query),
            {name: _header(value) for name, value in self.parts["headers"].items()},
            body if isinstance(body, bytes) else self._body(body).encode("utf-8", "surrogatepass"),
        )

    def _body(self, body: Any) -> str:
        return _form(body) if self.is_form else written(body)


def opened(request: RawRequest) -> Message:
    """Never raises: what cannot be taken apart is one value."""
    kind, body = _opened_body(request.body)
    return Message(
        request.method,
        kind,
        {"query": _opened_form(request.query), "headers": dict(request.headers), "body": body},
    )


def _opened_body(body: bytes) -> tuple[Kind, Any]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "raw", body
    if text.lstrip()[:1] in ("{", "["):
        tree = _parsed(text)
        return ("raw", body) if tree is None else ("json", tree)
    pairs = _opened_form(text.strip()) if "=" in text else text
    return ("raw", body) if isinstance(pairs, str) else ("form", pairs)


def _opened_form(text: str) -> list[list[Any]] | str:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        return text
    return [[key, _inner(value)] for key, value in pairs]


def _parsed(text: str) -> Any:
    try:
        tree = _decoder.decode(text.strip())
    except (ValueError, RecursionError):
        return None
    return _expanded(tree) if isinstance(tree, dict | list) else None


def _expanded(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _expanded(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_expanded(value) for value in node]
    return _inner(node) if type(node) is str else node


def _inner(text: str) -> Any:
    tree = _parsed(text) if text.lstrip()[:1] in ("{", "[") else None
    if tree is None:
        return text
    return WrittenObject(tree) if isinstance(tree, dict) else WrittenList(tree)


_decoder: Final = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)


def copied(node: Any) -> Any:
    if isinstance(node, dict):
        return type(node)((key, copied(value)) for key, value in node.items())
    if isinstance(node, list):
        return type(node)(copied(value) for value in node)
    return node


def _walk(place: Place, node: Any) -> Iterator[tuple[Place, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _walk((*place, key), value)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _walk((*place, index), value)
    else:
        yield place, node


def written(node: Any) -> str:
    """`node` as JSON text; numbers as they were written."""
    if isinstance(node, WrittenObject | WrittenList):
        return _string(_plain(node))
    return _plain(node)


def _plain(node: Any) -> str:
    if isinstance(node, Number):
        return str(node)
    if isinstance(node, dict):
        return "{" + ",".join(f"{_string(str(key))}:{written(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(written, node)) + "]"
    return _string(node) if isinstance(node, str) else json.dumps(node)


def _string(text: str) -> str:
    lone = any("\ud800" <= c <= "\udfff" for c in text)
    return json.dumps(text, ensure_ascii=lone)


def text_in(value: Any) -> str:
    """`value` as it stands in a form or a header."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _plain(value) if isinstance(value, dict | list) else str(value)


def _header(value: Any) -> str:
    """As a server hands it on: one byte for each character, no line breaks."""
    return " ".join(text_in(value).encode("latin-1", "replace").decode("latin-1").split())


def _form(pairs: list[list[Any]]) -> str:
    return "&".join(f"{_quoted(key)}={_quoted(text_in(value))}" for key, value in pairs)


def _quoted(text: str) -> str:
    return quote_plus(text, errors="surrogatepass")

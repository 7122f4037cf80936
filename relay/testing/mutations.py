"""Requests as they should not be: fixtures with some of them changed, by a seed, so the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from relay.httpfile import RawRequest
from relay.testing.message import Kind, Message, Number, Place, copied, opened

NASTY: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    "",
    " ",
    "0",
    "null",
    "undefined",
    "NaN",
    "-1",
    "1e9",
    "1,5",
    "12.345",
    "$ 1,299.00",
    "٣",
    "[orderId]",
    "[dropped]",
    "{{order.id}}",
    "0000-00-00",
    "0001-01-01 00:00:00",
    "9999-12-31T23:59:59-12:00",
    "2026-02-30",
    "nobody",
    "a@b",
    "jo@example.com, ann@example.com",
    "<script>alert(1)</script>",
    "\x00",
    "\ud800",
    "\u202eabc",
    "x" * 3000,
    "9" * 400,
    Number("0"),
    Number("-1"),
    Number("1.5"),
    Number("1E400"),
    Number("NaN"),
    Number("9" * 30),
    Number("0.000000000001"),
    [],
    {},
    [[]],
    {"": ""},
    ["a", None, {"b": Number("1")}],
    "[{",
    "{}",
    '{"a": 1}',
)
"""What stands where something else should: each is a kind of trouble."""

CONTENT_TYPES: Final = (
    "",
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; charset=latin-1",
)
_METHODS: Final = ("GET", "POST", "PUT", "HEAD")
_DEEP: Final = 200
_LARGEST_CHANGE: Final = 4

Change: TypeAlias = Callable[[random.Random, Message, Sequence[Message]], str]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One request changed by `seeds`, each of which makes one change; `said` tells which, for people."""

    seeds: tuple[int, ...]
    request: RawRequest
    said: str


def mutated(request: RawRequest, seeds: Sequence[int], others: Sequence[Message]) -> Mutation:
    """`request` with one change for each of `seeds`; `others` are requests to borrow values from."""
    message = opened(request)
    said = []
    rough: list[random.Random] = []
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311 - a seed is the point
        if rng.random() < _ROUGH_SHARE:
            rough.append(rng)
            continue
        said.append(rng.choice(_CHANGES)(rng, message, others))
    changed = message.closed()
    for rng in rough:
        changed, what = _rough(rng, changed)
        said.append(what)
    return Mutation(tuple(seeds), changed, f"with {'; '.join(filter(None, said)) or 'nothing changed'}")


def seeds(rng: random.Random) -> tuple[int, ...]:
    """One change most often, sometimes several at once."""
    count = 1
    while count < _LARGEST_CHANGE and rng.random() < _MORE:
        count += 1
    return tuple(rng.randrange(2**32) for _ in range(count))


_ROUGH_SHARE: Final = 0.15
_MORE: Final = 0.4


# --- changes of values


def _some_place(rng: random.Random, message: Message) -> Place | None:
    places = [place for place, _ in message.values() if place[0] != "headers" or rng.random() < _HEADERS]
    places = [place for place in places if len(place) > 1]
    return rng.choice(places) if places else None


_HEADERS: Final = 0.15


def _replace(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    place = _some_place(rng, message)
    return "" if place is None else _set(message, place, copied(rng.choice(NASTY)))


def _set(message: Message, place: Place, value: Any) -> str:
    message.put(place, value)
    return f"{message.named(place)} = {_shown(value)}"


def _twist(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    """The value itself, spoilt a little."""
    place = _some_place(rng, message)
    if place is None:
        return ""
    value = message.at(place)
    text = value if isinstance(value, str) else str(value)
    made = rng.choice(_TWISTS)(rng, text)
    return _set(message, place, Number(made) if isinstance(value, Number) and made.isdigit() else made)


_TWISTS: Final[tuple[Callable[[random.Random, str], str], ...]] = (
    lambda rng, text: text[: rng.randrange(len(text) + 1)],
    lambda rng, text: text[rng.randrange(len(text) + 1) :],
    lambda _, text: text.swapcase(),
    lambda _, text: f"  {text}\t",
    lambda _, text: f"-{text}",
    lambda rng, text: text * rng.choice((2, 50)),
    lambda _, text: text.replace(".", ","),
    lambda rng, text: text + rng.choice("0é\u2028\x07%&=,;@'\"\\🛒"),
    lambda rng, text: "".join(rng.sample(text, len(text))),
)


def _swap(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    first, second = _some_place(rng, message), _some_place(rng, message)
    if first is None or second is None:
        return ""
    one, two = message.at(first), message.at(second)
    message.put(first, two)
    message.put(second, one)
    return f"{message.named(first)} and {message.named(second)} swapped"


def _borrow(rng: random.Random, message: Message, others: Sequence[Message]) -> str:
    """A value from another fixture."""
    other = rng.choice(others)
    place, source = _some_place(rng, message), _some_place(rng, other)
    return "" if place is None or source is None else _set(message, place, other.at(source))


# --- changes of fields


def _containers(node: Any, place: Place) -> list[Place]:
    found = [place] if isinstance(node, dict | list) else []
    for step, value in _members(node):
        found += _containers(value, (*place, step))
    return found


def _members(node: Any) -> Sequence[tuple[str | int, Any]]:
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def _fields(message: Message) -> list[Place]:
    """The places of whole fields: members of a JSON object or list, pairs of a form or a query."""
    found: list[Place] = [("query", i) for i in range(_pairs(message, "query"))]
    if message.kind == "form":
        return found + [("body", i) for i in range(_pairs(message, "body"))]
    if message.kind == "json":
        for place in _containers(message.parts["body"], ("body",)):
            found += [(*place, step) for step, _ in _members(message.at(place))]
    return found


def _pairs(message: Message, part: str) -> int:
    return len(message.parts[part]) if isinstance(message.parts[part], list) else 0


def _remove(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    places = _fields(message)
    if not places:
        return ""
    place = rng.choice(places)
    said = f"without {message.named(place)}"
    del message.at(place[:-1])[place[-1]]
    return said


def _rename(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    """A field under another spelling, or under the name of another one."""
    places = [place for place in _fields(message) if not _is_listed(message, place)]
    if not places:
        return ""
    place = rng.choice(places)
    old = _key(message, place)
    names = [_key(message, p) for p in places]
    new = rng.choice((old.upper(), f"{old[:3]}_{old[3:]}", f" {old}", rng.choice(names), "x" * 300, ""))
    value = message.at(place)
    holder = message.at(place[:-1])
    if isinstance(holder, dict):
        del holder[old]
        holder[new] = value
    else:
        holder[place[-1]] = [new, value[1]]
    return f"{old} as {_shown(new)}"


def _is_listed(message: Message, place: Place) -> bool:
    return isinstance(message.at(place[:-1]), list) and not (
        len(place) == _PAIR and (place[0] == "query" or message.is_form)
    )


_PAIR: Final = 2  # ("query", 3): a pair, not the member of a JSON list


def _key(message: Message, place: Place) -> str:
    step = place[-1]
    return step if isinstance(step, str) else str(message.at(place)[0])


def _insert(rng: random.Random, message: Message, others: Sequence[Message]) -> str:
    """A field of another fixture beside the own ones."""
    other = rng.choice(others)
    place = _some_place(rng, other)
    if place is None:
        return ""
    key, value = other.key(place), other.at(place)
    if message.kind == "json" and isinstance(message.parts["body"], dict):
        message.parts["body"][key] = value
        return f"body {key} = {_shown(value)}"
    part = "body" if message.is_form else "query"
    if isinstance(message.parts[part], list):
        message.parts[part].append([key, value])
    return f"{part} {key} = {_shown(value)}"


def _double(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    """A member of a list, or a pair, twice."""
    places = [p for p in _fields(message) if isinstance(message.at(p[:-1]), list)]
    if not places:
        return ""
    place = rng.choice(places)
    holder = message.at(place[:-1])
    holder.insert(rng.randrange(len(holder) + 1), copied(holder[place[-1]]))
    return f"{message.named(place)} twice"


def _wrap(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    if message.kind != "json":
        return ""
    body = message.parts["body"]
    how = rng.randrange(4)
    if how == 0:
        message.parts["body"] = {rng.choice(("data", "order", "payload", "x")): body}
    elif how == 1:
        message.parts["body"] = [body]
    elif how == 2:  # noqa: PLR2004 - one of four
        message.parts["body"] = Number(rng.choice(("null", "1", '"text"', "NaN", "")))
    else:
        message.parts["body"] = (
            {**body, "deep": Number("[" * _DEEP + "]" * _DEEP)} if _is_object(body) else []
        )
    return f"the body wrapped ({how})"


def _is_object(body: Any) -> bool:
    return isinstance(body, Mapping)


def _content_type(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    kind = rng.choice(CONTENT_TYPES)
    message.parts["headers"].pop("content-type", None)
    if kind:
        message.parts["headers"]["content-type"] = kind
    return f"content-type {kind or 'missing'}"


def _method(rng: random.Random, message: Message, _: Sequence[Message]) -> str:
    message.method = rng.choice(_METHODS)
    return f"by {message.method}"


def _other_form(_: random.Random, message: Message, __: Sequence[Message]) -> str:
    """A flat JSON body as a form, or a form as JSON."""
    body = message.parts["body"]
    kinds: dict[Kind, Kind] = {"json": "form", "form": "json"}
    if message.kind == "json" and _is_object(body):
        message.parts["body"] = [[key, value] for key, value in body.items()]
    elif message.kind == "form":
        message.parts["body"] = {str(key): value for key, value in body}
    else:
        return ""
    message.kind = kinds[message.kind]
    return f"the body as {message.kind}"


_CHANGES: Final[tuple[Change, ...]] = (
    *(_replace,) * 5,
    *(_twist,) * 4,
    *(_remove,) * 3,
    *(_borrow,) * 2,
    _swap,
    _rename,
    _insert,
    _insert,
    _double,
    _wrap,
    _content_type,
    _method,
    _other_form,
)


# --- changes of bytes


def _rough(rng: random.Random, request: RawRequest) -> tuple[RawRequest, str]:
    if not request.body:
        query = rng.choice(_SPOILT_QUERIES)(rng, request.query)
        return replace(request, query=query), "the query spoilt"
    how, spoil = rng.choice(_SPOILT_BODIES)
    return replace(request, body=spoil(rng, bytearray(request.body))), how


def _cut(rng: random.Random, body: bytearray) -> bytes:
    return bytes(body[: rng.randrange(len(body))])


def _flipped(rng: random.Random, body: bytearray) -> bytes:
    for _ in range(rng.randint(1, 4)):
        body[rng.randrange(len(body))] = rng.randrange(256)
    return bytes(body)


def _stuffed(rng: random.Random, body: bytearray) -> bytes:
    at = rng.randrange(len(body) + 1)
    body[at:at] = rng.choice((b"\xff\xfe", b"\x00", b"\xef\xbb\xbf", b'"', b"}", b"&", b"%ZZ", b"\\ud800"))
    return bytes(body)


_SPOILT_BODIES: Final[tuple[tuple[str, Callable[[random.Random, bytearray], bytes]], ...]] = (
    ("the body cut", _cut),
    ("bytes of the body changed", _flipped),
    ("bytes put into the body", _stuffed),
    ("a byte order mark before the body", lambda _, body: b"\xef\xbb\xbf" + bytes(body)),
    ("the body empty", lambda _, __: b""),
    ("the body in UTF-16", lambda _, body: body.decode("latin-1").encode("utf-16")),
)
_SPOILT_QUERIES: Final[tuple[Callable[[random.Random, str], str], ...]] = (
    lambda rng, query: query[: rng.randrange(len(query) + 1)],
    lambda rng, query: query + rng.choice(("%ZZ", "&&", "&=", "%ff", "&a[b[c]=1", "&x", "%00")),
    lambda _, query: query.replace("=", "", 1),
    lambda _, query: query.replace("&", ";"),
)


def _shown(value: Any) -> str:
    text = repr(str(value)) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:40]}... ({len(text)} characters)"  # noqa: PLR2004

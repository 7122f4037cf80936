"""One relay as its page shows it: in words, in time, and as what was received, read, sent and answered."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from markupsafe import Markup

from relay.errors import Malformed
from relay.journal import codec
from relay.journal.records import Relay, RelayDetail, Status
from relay.normalise import fields, times
from relay.normalise.contract import Postback
from relay.ops.finder import IN_SPOOL
from relay.ops.pages.diff import Line, compared
from relay.ops.pages.masking import DOTS, Veil
from relay.ops.pages.saying import sentence, time_ago, time_at
from relay.ops.pages.telling import Tone, Word

_TONES: Final[dict[str, Tone]] = {
    "accepted": "good",
    "failed": "wait",
    "slowed down": "wait",
    "key refused": "bad",
    "endpoint refused": "bad",
    "refused": "bad",
}
_OUTCOMES: Final = {
    "accepted": "The Commerce API took it",
    "failed": "No luck",
    "slowed down": "Asked to slow down; it cost no try",
    "key refused": "The key was refused; it cost no try",
    "endpoint refused": "The endpoint was refused; it cost no try",
    "refused": "The Commerce API refused it",
}

_MARK: Final = "\ufeff"
_NAME: Final = re.compile(r"[\w.\[\] -]{1,100}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline."""

    at: str
    says: str
    more: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One try: what was sent, and what came back."""

    at: str
    path: str
    body: str
    says: str
    tone: str
    answer: str
    took: str
    curl: str


@dataclass(frozen=True, slots=True)
class Received:
    """The postback, without its path, which holds the token."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: str
    readable: bool
    curl: str


@dataclass(frozen=True, slots=True)
class Event:
    """`changes` are against what the adapter read, where a person edited it."""

    kind: str
    text: str
    changes: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    relay: Relay
    revealed: bool
    lead: Word
    timeline: Sequence[Entry]
    received: Received | None
    events: Sequence[Event]
    calls: Sequence[Call]
    warnings: Sequence[str]
    behind: str | None
    spooled: bool
    veil: Veil = field(repr=False)


def seen(detail: RelayDetail, url: str, *, revealed: bool = False) -> Seen:
    """`url` is the destination's, for the calls as cURL."""
    reading = detail.reading or {}
    postback = codec.postback_from_plain(detail.postback) if detail.postback else None
    tree = _tree(postback)
    veil = Veil() if revealed else Veil.of(reading.get("events", []), tree or {})
    words = Words(veil, revealed=revealed)
    return Seen(
        relay=detail.relay,
        revealed=revealed,
        lead=_lead(detail, words),
        timeline=tuple(_timeline(detail, words)),
        received=_received(detail.relay, postback, tree, words) if postback else None,
        events=tuple(_events(detail, words)),
        calls=tuple(_call(entry, words, url) for entry in detail.history if entry["what"] == "attempt"),
        warnings=tuple(words.text(warning) for warning in reading.get("warnings", [])),
        behind=detail.behind,
        spooled=detail.relay.reason.startswith(IN_SPOOL),
        veil=veil,
    )


class Words:
    """Shows values as they are, or masked."""

    def __init__(self, veil: Veil, *, revealed: bool) -> None:
        self.veil = veil
        self.revealed = revealed

    def text(self, text: str | None) -> str:
        return (text or "") if self.revealed else self.veil.text(text)

    def json(self, value: Any) -> str:
        return pretty(value if self.revealed else self.veil.value(value))


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


# In words --------------------------------------------------------------------------------------------------


def _lead(detail: RelayDetail, words: Words) -> Word:
    relay = detail.relay
    reason = sentence(words.text(relay.reason))
    match relay.status:
        case Status.DELIVERED:
            return Word("good", "Delivered", Markup("The Commerce API took it {}.").format(_changed(relay)))
        case Status.QUEUED if relay.reason.startswith(IN_SPOOL):
            return Word("wait", "Kept, and on its way", f"{reason} It goes on once Redis takes it.")
        case Status.QUEUED:
            return Word("good", "On its way", _waiting(detail))
        case Status.RETRYING:
            tried = f"{reason} Nothing is to be done: it is tried again by itself, for days."
            return Word("wait", Markup("Tried again {}").format(_next(relay)), tried)
        case Status.HELD:
            return Word("wait", "Waiting, and kept", f"{reason} It leaves by itself once it may.")
        case Status.IGNORED:
            return Word("good", "Nothing to send, on purpose", reason)
        case Status.DEAD:
            return Word("bad", _DIED.get(relay.stage or "", _DIED["deliver"]), reason)
        case _:
            return Word("off", "Discarded", reason)


_DIED: Final = {
    "normalise": "Could not be read, and waits for a person",
    "compose": "Could not be made into a call, and waits for a person",
    "deliver": "Was refused, and waits for a person",
}


def _changed(relay: Relay) -> str | Markup:
    return time_at(relay.changed_at) if relay.changed_at else ""


def _next(relay: Relay) -> str | Markup:
    return time_ago(relay.next_try) if relay.next_try else "soon"


def _waiting(detail: RelayDetail) -> str | Markup:
    if detail.behind is None:
        return "It leaves as soon as the destination's budget allows."
    link = Markup('<a href="/ops/relays/{}">an earlier one of the same customer</a>').format(detail.behind)
    return Markup("It waits behind {}, so that mails come in order.").format(link)


# In time ---------------------------------------------------------------------------------------------------


def _timeline(detail: RelayDetail, words: Words) -> Iterator[Entry]:
    relay = detail.relay
    copies = f"{relay.copies} more of the same came since" if relay.copies else ""
    spooled = relay.reason.startswith(IN_SPOOL)
    yield Entry(relay.received_at, "Received and spooled" if spooled else "Received and recorded", copies)
    if not detail.history and relay.status is Status.DEAD:
        yield Entry(relay.received_at, "Could not be read", words.text(relay.reason), "bad")
    if not detail.history and relay.status is Status.IGNORED:
        yield Entry(relay.received_at, "Ended on purpose", words.text(relay.reason), "good")
    for entry in detail.history:
        yield _entry(entry, words)
    if relay.next_try and relay.status in (Status.RETRYING, Status.HELD):
        what = "Next try" if relay.status is Status.RETRYING else "Waits until then at the latest"
        yield Entry(relay.next_try, what, tone="next")


def _entry(entry: Mapping[str, Any], words: Words) -> Entry:
    at = times.z(times.from_ms(int(entry["at"])))
    if entry["what"] == "attempt":
        outcome = entry["outcome"]
        says = f"{entry['path']}: {_OUTCOMES.get(outcome, outcome)}"
        more = words.text(entry.get("error")) or (
            f"{entry['code']}, {entry['ms']} ms" if "ms" in entry else ""
        )
        return Entry(at, says, more, _TONES.get(outcome, ""))
    by = f" by {entry['by']}" if entry.get("by") else ""
    said = words.text(entry.get("reason") or entry.get("detail"))
    return Entry(at, f"{entry['what'][:1].upper()}{entry['what'][1:]}{by}", said)


# Four panes ------------------------------------------------------------------------------------------------


def _received(relay: Relay, postback: Postback, tree: fields.Fields | None, words: Words) -> Received:
    headers = {
        name: value if words.revealed else str(words.veil.value({name: value})[name])
        for name, value in postback.headers.items()
    }
    query, body = _query(postback.query, words), _body(postback, tree, words)
    url = f"http://localhost:8080/in/{relay.source}/TOKEN" + (f"?{query}" if query else "")
    kind = {k: v for k, v in headers.items() if k == "content-type"}
    return Received(
        method=postback.method,
        query=query,
        headers=headers,
        body=body,
        readable=tree is not None,
        curl=curl(postback.method, url, kind, body),
    )


def _tree(postback: Postback | None) -> fields.Fields | None:
    """None where there is nothing to read by names."""
    if postback is None:
        return None
    try:
        return fields.read(postback)
    except Malformed:
        return None


def _query(query: str, words: Words) -> str:
    if words.revealed or not query:
        return query
    return urlencode(_pairs(query, words), safe="@/:,").replace(quote(DOTS), DOTS)


def _body(postback: Postback, tree: fields.Fields | None, words: Words) -> str:
    raw = postback.body.decode(errors="replace")
    if words.revealed or not raw.strip():
        return raw
    if tree is None:
        return f"{len(postback.body):,} bytes that cannot be read by names; reveal to see them"
    bare = raw.removeprefix(_MARK).lstrip()  # as `fields` reads it
    if bare[:1] == "{":
        return words.json(json.loads(bare))
    return "&\n".join(f"{key}={value}" for key, value in _pairs(raw, words))


def _pairs(form: str, words: Words) -> list[tuple[str, str]]:
    """What stands where a name should may be anything, and is masked unless it is one."""
    return [
        (key if _NAME.fullmatch(key) else DOTS, str(words.veil.value({key: value})[key]))
        for key, value in parse_qsl(form, keep_blank_values=True)
    ]


def _events(detail: RelayDetail, words: Words) -> Iterator[Event]:
    told = (detail.reading or {}).get("events", [])
    original = (detail.original or {}).get("events", [])
    for index, event in enumerate(told):
        text = words.json(event)
        before = words.json(original[index]) if index < len(original) else text
        yield Event(event.get("kind", ""), text, compared(before, text) if before != text else ())


def _call(entry: Mapping[str, Any], words: Words, url: str) -> Call:
    outcome = entry["outcome"]
    body = words.json(entry["body"])
    headers = {"authorization": "Bearer $SEQUENZY_API_KEY", "content-type": "application/json"}
    return Call(
        at=times.z(times.from_ms(int(entry["at"]))),
        path=entry["path"],
        body=body,
        says=_OUTCOMES.get(outcome, outcome),
        tone=_TONES.get(outcome, ""),
        answer=_answer(entry, words),
        took=f"{entry['ms']} ms" if "ms" in entry else "",
        curl=curl("POST", f"{url}{entry['path']}", headers, body),
    )


def _answer(entry: Mapping[str, Any], words: Words) -> str:
    said = entry.get("answer") or entry.get("error") or ""
    try:
        return words.json(json.loads(said))
    except (ValueError, RecursionError):
        return words.text(said)


def curl(method: str, url: str, headers: Mapping[str, str], body: str) -> str:
    """For a POSIX shell; `$NAME` in a header is left to it."""
    parts = [f"curl -sS -X {method} {shlex.quote(url)}"]
    for name, value in headers.items():
        parts.append(f'-H "{name}: {value}"' if "$" in value else f"-H {shlex.quote(f'{name}: {value}')}")
    if body:
        parts.append(f"-d {shlex.quote(_compact(body))}")
    return " \\\n  ".join(parts)


def _compact(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return body.replace("&\n", "&")

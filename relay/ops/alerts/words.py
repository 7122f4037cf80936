"""Alerts as people and programs read them: one message for all there is to tell a channel at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Final

from relay.normalise import times
from relay.ops.alerts.book import Notice, State

_SHOWN: Final = 20
_SUBJECT: Final = 60
"""Characters that a mail's subject has room for on one line."""

_OPENING: Final[Mapping[State, str]] = {"raised": "", "more": "More. ", "reminder": "Still. ", "over": ""}


@dataclass(frozen=True, slots=True)
class Message:
    """`subject` for a mail; `alerts` are the same things as fields. `id` is the same whenever it is sent."""

    id: str
    subject: str
    text: str
    alerts: Sequence[Mapping[str, Any]]


def message(notices: Sequence[Notice], url: str | None) -> Message:
    """`url` is where the relay's pages are found from outside."""
    lines = [_line(notice, url) for notice in notices[:_SHOWN]]
    if len(notices) > _SHOWN:
        lines.append(f"And {len(notices) - _SHOWN} more.")
    first = notices[0]
    about = _says(first) if len(notices) == 1 else f"{len(notices)} alerts"
    alerts = [_fields(notice, url) for notice in notices]
    subject = f"[relay] {shorten(about, _SUBJECT, placeholder='…')}"
    return Message(" ".join(notice.id for notice in notices), subject, "\n".join(lines), alerts)


def test_message(url: str | None) -> Message:
    text = "This is a test: alerts of the relay arrive here."
    return Message("test", f"[relay] {text}", f"{text} {_link(url, '')}".rstrip(), [])


def _says(notice: Notice) -> str:
    incident = notice.entry.incident
    if notice.state != "over":
        return f"{_OPENING[notice.state]}{incident.says}"
    return incident.over


def _line(notice: Notice, url: str | None) -> str:
    incident = notice.entry.incident
    link = _link(url, incident.page)
    if notice.state == "over":
        return f"{incident.over} (since {_when(incident.since_ms)}: {incident.says}) {link}".rstrip()
    return f"{_says(notice)}. {incident.advice} {link}".rstrip()


def _fields(notice: Notice, url: str | None) -> Mapping[str, Any]:
    incident, ended = notice.entry.incident, notice.entry.ended_ms
    return {
        "id": f"{incident.key}@{incident.since_ms}",
        "state": notice.state,
        "kind": incident.kind,
        **incident.subject,
        "says": _says(notice),
        "since": times.z(times.from_ms(incident.since_ms)),
        "ended": times.z(times.from_ms(ended)) if ended is not None else None,
        "count": incident.count or None,
        "link": _link(url, incident.page) or None,
    }


def _when(ms: int) -> str:
    return f"{times.from_ms(ms):%Y-%m-%d %H:%M} UTC"


def _link(url: str | None, page: str) -> str:
    return f"{url.rstrip('/')}/ops/{page}" if url else ""

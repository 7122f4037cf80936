"""Which alerts stand, and who was told what. Pure: what it decides is written down before anyone is told.

An incident is told once to each channel, again only as its count grows or by the reminders, and once more
when it is over. A channel that cannot be reached is tried again with a growing pause, for as long as there is
something to tell it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal

from pydantic import TypeAdapter

from relay.ops.alerts.incidents import Incident

State = Literal["raised", "more", "reminder", "over"]

LONGEST_PAUSE: Final = timedelta(hours=1)

KEPT: Final = timedelta(days=1)
"""How long after its end an alert that could not be told is still tried."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How often people are told of one incident. `calm`: how long it must be gone before it is over.

    `pause`: after a channel's first failure; then twice as long each time.
    """

    again: timedelta = timedelta(hours=1)
    reminders: tuple[timedelta, ...] = (timedelta(hours=4), timedelta(hours=24), timedelta(hours=72))
    calm: timedelta = timedelta(minutes=2)
    pause: timedelta = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Told:
    """What one channel knows of one incident: since when, up to which count, how many reminders."""

    raised_ms: int
    at_ms: int
    count: int = 0
    reminders: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """An incident that stands, or is over and not everyone knows. `seen_ms`: when it was last there."""

    incident: Incident
    seen_ms: int
    ended_ms: int | None = None
    told: dict[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """How reaching one channel goes."""

    failures: int = 0
    try_ms: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """`raised` counts by kind, for good."""

    entries: dict[str, Entry] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    raised: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell a channel, which was told of it before at `after_ms`; 0 for never."""

    state: State
    entry: Entry
    after_ms: int = 0

    @property
    def id(self) -> str:
        """The same for as long as the channel has not taken it."""
        incident = self.entry.incident
        return f"{incident.key}@{incident.since_ms}.{self.state}.{self.after_ms}"


_BOOK: Final = TypeAdapter(Book)


def load(written: bytes) -> Book:
    """Begins anew where another version wrote it: being told twice is better than never."""
    try:
        return _BOOK.validate_json(written) if written else Book()
    except ValueError:
        return Book()


def dump(book: Book) -> bytes:
    return _BOOK.dump_json(book)


def observe(
    book: Book, incidents: Collection[Incident], channels: Collection[str], now_ms: int, manners: Manners
) -> Book:
    """The book after a look: what is new, what goes on, what is over, and what can be forgotten."""
    found = {incident.key: incident for incident in incidents}
    entries = {key: _seen(book.entries.get(key), incident, now_ms) for key, incident in found.items()}
    for key, entry in book.entries.items():
        if key not in found:
            kept = _gone(entry, channels, now_ms, manners)
            if kept is not None:
                entries[key] = kept
    reached = {name: book.channels.get(name, Channel()) for name in channels}
    after = Book(entries, reached, dict(book.raised))
    for incident in began(book, after):
        after.raised[incident.kind] = after.raised.get(incident.kind, 0) + 1
    return after


def began(before: Book, after: Book) -> list[Incident]:
    return _new(_standing(before), _standing(after))


def ended(before: Book, after: Book) -> list[Incident]:
    return _new(_standing(after), _standing(before))


def _standing(book: Book) -> dict[str, Incident]:
    return {key: entry.incident for key, entry in book.entries.items() if entry.ended_ms is None}


def _new(before: Mapping[str, Incident], after: Mapping[str, Incident]) -> list[Incident]:
    return [incident for key, incident in after.items() if key not in before]


def _seen(entry: Entry | None, incident: Incident, now_ms: int) -> Entry:
    if entry is None:
        return Entry(incident, now_ms)
    told = {name: _lowered(t, incident.count) for name, t in entry.told.items() if not t.over}
    since_ms = min(entry.incident.since_ms, incident.since_ms)
    return Entry(replace(incident, since_ms=since_ms), now_ms, told=told)


def _lowered(told: Told, count: int) -> Told:
    """Of ten dead letters eight were retried and one is new: that one is told."""
    return replace(told, count=min(told.count, count))


def _gone(entry: Entry, channels: Collection[str], now_ms: int, manners: Manners) -> Entry | None:
    if entry.ended_ms is None:
        calm_ms = _ms(manners.calm)
        return replace(entry, ended_ms=now_ms) if now_ms - entry.seen_ms >= calm_ms else entry
    known = all(name in entry.told and entry.told[name].over for name in channels)
    return None if known or now_ms - entry.ended_ms > _ms(KEPT) else entry


def due(book: Book, channel: str, now_ms: int, manners: Manners) -> Sequence[Notice]:
    """What to tell `channel` now."""
    if book.channels[channel].try_ms > now_ms:
        return ()
    return tuple(_due(book, channel, now_ms, manners))


def _due(book: Book, channel: str, now_ms: int, manners: Manners) -> Iterator[Notice]:
    for entry in book.entries.values():
        told = entry.told.get(channel)
        if entry.ended_ms is not None:
            if told is None or not told.over:
                yield Notice("over", entry, told.at_ms if told else 0)
        elif told is None:
            yield Notice("raised", entry)
        elif entry.incident.count > told.count and now_ms - told.at_ms >= _ms(manners.again):
            yield Notice("more", entry, told.at_ms)
        elif _reminds(told, now_ms, manners):
            yield Notice("reminder", entry, told.at_ms)


def _reminds(told: Told, now_ms: int, manners: Manners) -> bool:
    left = manners.reminders[told.reminders :]
    return bool(left) and now_ms - told.raised_ms >= _ms(left[0])


def told(book: Book, channel: str, notices: Sequence[Notice], now_ms: int) -> Book:
    """The book once `channel` has taken `notices`."""
    entries = dict(book.entries)
    for notice in notices:
        key = notice.entry.incident.key
        known = notice.entry.told.get(channel) or Told(now_ms, now_ms)
        now = replace(
            known,
            at_ms=now_ms,
            count=notice.entry.incident.count,
            reminders=known.reminders + (notice.state == "reminder"),
            over=notice.state == "over",
        )
        entries[key] = replace(entries[key], told={**entries[key].told, channel: now})
    return replace(book, entries=entries, channels={**book.channels, channel: Channel()})


def failed(book: Book, channel: str, now_ms: int, manners: Manners) -> Book:
    """The book once `channel` could not be reached."""
    failures = book.channels[channel].failures + 1
    pause_ms = min(_ms(manners.pause) << min(failures - 1, 20), _ms(LONGEST_PAUSE))
    tried = Channel(failures, now_ms + pause_ms)
    return replace(book, channels={**book.channels, channel: tried})


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)

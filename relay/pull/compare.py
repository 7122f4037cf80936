"""What the platform knows beside what the journal knows: which of it never reached us."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from relay.compose.book import Facts
from relay.compose.compose import Moment, Refuse, Send, compose
from relay.compose.policy import OLD, Policy
from relay.deliver.booked import facts_of
from relay.errors import PostbackError
from relay.journal.forget import is_forgotten
from relay.journal.ids import Ids
from relay.journal.journal import Journal
from relay.journal.records import Recording
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.contract import Events, Ignored, Postback
from relay.normalise.events import BOOKED, BookedEvent, Event, OrderPlaced, OrderRefunded
from relay.receive.reading import Read, book_entries, read, recording
from relay.receive.sources import Source


class State(StrEnum):
    """Of one thing pulled: the destination has all of it; what it lacks is on its way; or never reached us.

    Ignored on purpose, as a postback would be; unreadable, as a dead letter would be.
    """

    COMPLETE = "complete"
    ON_ITS_WAY = "on its way"
    MISSING = "missing"
    IGNORED = "ignored"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Compared:
    """`lacking`: what the destination would be told, as "placed" or "products"; `why` where it is not."""

    found: Read
    state: State
    order: str = ""
    lacking: tuple[str, ...] = ()
    why: str = ""
    old: bool = False

    def recording(self, relay: str) -> Recording:
        """To be recorded as a relay of its own, behind what is live."""
        return replace(recording(self.found, relay), backfill=True)


async def compare(journal: Journal, source: Source, policy: Policy, body: bytes, now: datetime) -> Compared:
    """`body` as the adapter's puller found it."""
    postback = Postback("POST", "", {"content-type": "application/json"}, body, now)
    found = read(source, postback)
    match found.outcome:
        case PostbackError() as error:
            return Compared(found, State.UNREADABLE, why=str(error))
        case Ignored(reason):
            return Compared(found, State.IGNORED, why=reason)
        case Events(events) if await _of_forgotten(journal, events):
            return Compared(found, State.IGNORED, why="of a person who was forgotten since")
        case Events(events):
            return await _compare(journal, source, policy, found, events, now)


async def _of_forgotten(journal: Journal, events: tuple[Event, ...]) -> bool:
    for event in events:
        if isinstance(event, BOOKED) and await is_forgotten(journal, event.customer.email, event.ordered_at):
            return True
    return False


async def _compare(
    journal: Journal, source: Source, policy: Policy, found: Read, events: tuple[Event, ...], now: datetime
) -> Compared:
    relay = Ids().new(times.to_ms(now))
    books = await _books(journal, source.name, relay, events)
    policy = replace(policy, upsell_hold=timedelta(0))  # what the platform shows now is the final total
    missing: list[str] = []
    coming: list[str] = []
    why = ""
    for event in events:
        book = books[event.names[0]] if isinstance(event, BOOKED) else None
        facts = book.facts if book else None
        composed = compose(event, facts, policy, Moment(relay=relay, received_at=now, now=now))
        if isinstance(composed, Refuse):
            return Compared(found, State.UNREADABLE, why=composed.reason)
        if not isinstance(composed, Send):
            why = composed.reason
            continue
        lacking = coming if book and isinstance(event, BOOKED) and _knew(book, relay, event) else missing
        for call in composed.calls:
            lacking.append(call.meaning.partition("@")[0].partition(":")[0])
            if book:
                book.facts = book.facts.after(call)
    first = next((event for event in events if isinstance(event, BOOKED)), None)
    return Compared(
        found,
        State.MISSING if missing else State.ON_ITS_WAY if coming else State.COMPLETE,
        order=first.order_id if first else "",
        lacking=tuple(dict.fromkeys(missing or coming)),
        why="" if missing or coming else why,
        old=first is not None and first.ordered_at is not None and now - first.ordered_at > OLD,
    )


@dataclass(slots=True)
class _Book:
    """An order as the journal knows it, and with what was pulled, told so far."""

    before: Facts
    facts: Facts


async def _books(journal: Journal, source: str, relay: str, events: tuple[Event, ...]) -> dict[str, _Book]:
    """By each name of an order."""
    books: dict[str, _Book] = {}
    for entry in book_entries(events, normalised.dump(events)):
        fields = await journal.book(source, entry.names)
        known = facts_of(fields) if any(key.startswith("f:") for key in fields) else Facts(order_id="")
        facts = facts_of({**fields, f"f:{relay}": entry.part})
        books.update(dict.fromkeys(entry.names, _Book(known, facts)))
    return books


def _knew(book: _Book, relay: str, event: BookedEvent) -> bool:
    """Whether an earlier relay told of it, and so is still to be sent, or dead and in people's hands."""
    facts = book.before
    if isinstance(event, OrderRefunded):
        told_sum = book.facts.refunded_by(relay, event) or 0
        return event.kind in facts.kinds and facts.refunded_minor >= told_sum
    if isinstance(event, OrderPlaced) and event.total_minor is not None:
        return (facts.largest_placed or -1) >= event.total_minor
    return event.kind in facts.kinds

"""What becomes of postbacks one after another: the order books in memory, found as the journal finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from relay.compose.book import Facts, Part, fold
from relay.compose.compose import Moment, Refuse, Send, Skip, Wait, compose
from relay.compose.policy import Policy
from relay.normalise.contract import Postback
from relay.normalise.events import BOOKED, BookedEvent, CheckoutStarted, Event


@dataclass
class Known:
    """One order as a story knows it so far. `names` is the one name it has of each kind."""

    names: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    order_id: str | None = None
    united: Known | None = None
    """The book that has taken this one in."""

    @property
    def present(self) -> Known:
        return self.united.present if self.united else self

    @property
    def facts(self) -> Facts:
        return fold(self.parts.values(), self.sent, order_id=self.order_id)

    def takes_in(self, other: Known) -> None:
        """What is known here stays."""
        self.names = {**other.names, **self.names}
        self.parts = {**other.parts, **self.parts}
        self.sent = {**other.sent, **self.sent}
        self.order_id = self.order_id or other.order_id
        other.united = self


class Books:
    """Every order by all its names, of which it has one of each kind.

    A name that two orders go by leads to neither, since a wrong guess would mail the wrong person.
    """

    def __init__(self) -> None:
        self._led: dict[str, Known | None] = {}

    def opened(self, names: Sequence[str], relay: str) -> Known:
        """The book all of `names` lead to: found, made, or united from several."""
        leading = [name for name in names if self._leads(name, names)] or [f"alone:{relay}"]
        book = self._united([known for name in leading if (known := self._led.get(name))])
        for name in leading:
            self._led[name] = book
            book.names.setdefault(_kind(name), name)
        return book

    def of(self, name: str) -> Known | None:
        return self._led.get(name)

    def _leads(self, name: str, names: Sequence[str]) -> bool:
        book = self._led.get(name)
        if book is not None and any(book.names.get(_kind(other), other) != other for other in names):
            self._led[name] = None
        return name not in self._led or self._led[name] is not None

    def _united(self, found: Sequence[Known]) -> Known:
        if not found:
            return Known()
        first = next((book for book in found if book.order_id), found[0])
        for other in found:
            if other is not first:
                first.takes_in(other)
                for name, book in self._led.items():
                    if book is other:
                        self._led[name] = first
        return first


def _kind(name: str) -> str:
    return name.partition(":")[0]


@dataclass
class Story:
    """The events of one source, each composed with what the earlier ones left in the order books."""

    policy: Policy
    books: Books = field(default_factory=Books)
    last_order: dict[str, datetime] = field(default_factory=dict)

    def tell(self, number: int, postback: Postback, events: tuple[Event, ...]) -> Iterator[dict[str, Any]]:
        """The calls, as {"path", "body"}, and for an event without one {"skipped": why}."""
        relay = f"{number:020d}"
        booked = [event for event in events if isinstance(event, BOOKED)]
        books = {id(one): self.books.opened(_all_names(one, booked), relay) for one in booked}
        for one in booked:
            self._see(relay, postback, one, books[id(one)].present)
        for event in events:
            known = books[id(event)].present if id(event) in books else None
            yield from self._compose(relay, postback, event, known)

    def _see(self, relay: str, postback: Postback, event: BookedEvent, known: Known) -> None:
        mine = known.parts.get(relay)
        known.parts[relay] = Part(relay, postback.received_at, (*(mine.events if mine else ()), event))
        if not isinstance(event, CheckoutStarted) and event.customer.email:
            self.last_order[event.customer.email.lower()] = postback.received_at

    def _compose(
        self, relay: str, postback: Postback, event: Event, known: Known | None
    ) -> Iterator[dict[str, Any]]:
        facts = known.facts if known else None
        match compose(event, facts, self.policy, self._moment(relay, postback, event)):
            case Send(calls):
                for call in calls:
                    yield {"path": call.path, "body": call.body}
                    if known and facts and call.booked:
                        known.sent[call.meaning] = call.digest
                        known.order_id = call.body.get("orderId", known.order_id)
            case Skip(reason) | Wait(reason) | Refuse(reason):
                yield {"skipped": reason}

    def _moment(self, relay: str, postback: Postback, event: Event) -> Moment:
        email = event.customer.email if isinstance(event, CheckoutStarted) else None
        return Moment(
            relay=relay,
            received_at=postback.received_at,
            now=postback.received_at,
            last_order_at=self.last_order.get(email.lower()) if email else None,
        )


def _all_names(event: BookedEvent, others: Iterable[BookedEvent]) -> tuple[str, ...]:
    """Those of all events of one relay that share a name are one order's."""
    names = dict.fromkeys(event.names)
    for other in others:
        if not names.keys().isdisjoint(other.names):
            names |= dict.fromkeys(other.names)
    return tuple(names)

"""The journal as plain Python: what it must hold after every step, in the simplest words there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

WAITING = ("queued", "retrying")
QUIET_MS = GRACE_MS = 3_000
SETTLED = ("delivered", "ignored", "dead", "discarded")


@dataclass(eq=False)
class Book:
    """What is known of one order under one or several names."""

    names: set[str]
    customer: str = ""
    version: int = 0
    accepted: set[str] = field(default_factory=set)
    reserved: dict[str, str] = field(default_factory=dict)
    waits: set[str] = field(default_factory=set)
    told_by: set[str] = field(default_factory=set)
    sending: set[str] = field(default_factory=set)
    """Of several books that met, that of each; one of them is remembered."""


@dataclass(eq=False)
class Known:
    """One relay. Times are ms."""

    id: str
    source: str
    copy: str
    status: str
    email: str = ""
    endpoint: str = "orders"
    names: tuple[str, ...] = ()
    places: bool = False
    due: int = 0
    aside: bool = False
    silence: int = 0
    lost: int = 0
    force: bool = False
    lease: Lease | None = None
    gone: bool = False

    @property
    def in_lane(self) -> bool:
        return self.status in WAITING or (self.status == "held" and not self.aside)


@dataclass(eq=False)
class Lease:
    """A worker's hold of a relay. `version` is the book's as that worker knows it, `shown` as it was told."""

    relay: Known
    token: int
    lane: str
    ends: int
    book: str
    version: int
    shown: int
    reserved: str = ""


@dataclass
class Model:
    breaker: int
    now: int = 0
    looked: int | None = None
    grace: int = 0
    silence: int = 0
    relays: dict[str, Known] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    copies: dict[str, int] = field(default_factory=dict)
    dropped: dict[tuple[str, str], int] = field(default_factory=dict)
    books: list[Book] = field(default_factory=list)
    paused: set[str] = field(default_factory=set)
    trial: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    not_before: int = 0
    spent: list[int] = field(default_factory=list)

    # Recording ----------------------------------------------------------------------------------------

    def first_of(self, source: str, copy: str) -> Known | None:
        """The newest relay that was recorded with that digest and is still there."""
        found = [r for r in self.relays.values() if (r.source, r.copy) == (source, copy)]
        return found[-1] if found and not found[-1].gone else None

    def recorded(self, relay: Known) -> None:
        self.relays[relay.id] = relay
        self.received[relay.source] = self.received.get(relay.source, 0) + 1
        self.runs(relay)

    def copied(self, first: Known, again: Known) -> bool:
        """Whether the copy had the first mapped again."""
        self.copies[first.source] = self.copies.get(first.source, 0) + 1
        if first.status == "dead" and again.status != "dead":
            self.remapped(first, again)
            return True
        return False

    def remapped(self, first: Known, again: Known) -> None:
        before = self.book_of(first)
        if before:
            self.untold(before, first)
        first.status, first.endpoint, first.places = again.status, again.endpoint, again.places
        first.names = again.names
        first.email = again.email
        first.lost, first.aside = 0, False
        self.runs(first)
        self.rouse(before)

    def untold(self, book: Book, relay: Known) -> None:
        book.version += 1
        book.told_by.discard(relay.id)
        if not (book.told_by or book.accepted or book.reserved):
            self.books.remove(book)

    def runs(self, relay: Known) -> None:
        if relay.names:
            book = self.united(relay.names)
            book.version += 1
            book.told_by.add(relay.id)
            book.customer = relay.email or book.customer
        relay.due = self.now
        if relay.status == "queued" and relay.names:
            self.rouse(self.united(relay.names))

    def united(self, names: Iterable[str]) -> Book:
        found = [book for book in self.books if book.names & set(names)]
        one = found[0] if found else Book(set())
        for other in found[1:]:
            one.customer = one.customer or other.customer
            one.version = max(one.version, other.version)
            one.accepted |= other.accepted
            one.reserved |= other.reserved
            one.waits |= other.waits
            one.told_by |= other.told_by
            one.sending |= other.sending
        one.names = one.names.union(names, *(book.names for book in found))
        self.books = [book for book in self.books if book not in found] + [one]
        return one

    def book_of(self, relay: Known) -> Book | None:
        return next((book for book in self.books if book.names & set(relay.names)), None)

    def book_named(self, name: str) -> Book | None:
        return next((book for book in self.books if name in book.names), None)

    # Waiting ------------------------------------------------------------------------------------------

    def rouse(self, book: Book | None) -> None:
        for waiting in sorted(book.waits if book else ()):
            relay = self.relays[waiting]
            if relay.status == "held" and relay.aside:
                self.queued(relay)
        if book:
            book.waits.clear()

    def queued(self, relay: Known) -> None:
        relay.status, relay.aside, relay.due = "queued", False, self.now

    def settled(self, relay: Known, status: str) -> None:
        relay.status, relay.aside, relay.force = status, False, False
        if relay.places:
            self.placed_is(relay, status)

    def placed_is(self, relay: Known, status: str) -> None:
        if status != "dead":
            self.rouse(self.book_of(relay))

    def erased(self, relay: Known) -> None:
        was, relay.aside = relay.status, False
        if was not in ("delivered", "ignored", "discarded"):
            relay.status = "discarded"
        if relay.places:
            self.placed_is(relay, "discarded")
        relay.names, relay.email = (), ""

    # Leases -------------------------------------------------------------------------------------------

    @property
    def leased(self) -> Iterator[Lease]:
        return (r.lease for r in self.relays.values() if r.lease)

    def reaped(self) -> None:
        """Nothing for a moment after a time in which nobody looked, so that who lives can say what came."""
        if self.looked is not None and self.now - self.looked > QUIET_MS:
            self.grace = self.now + GRACE_MS
            self.silence += self.now - self.looked
        self.looked = self.now
        if self.now < self.grace:
            return
        for lease in [lease for lease in self.leased if lease.ends <= self.now]:
            relay = lease.relay
            relay.lease = None
            relay.lost += 1
            if relay.lost >= 5:
                self.settled(relay, "dead")

    def swept(self) -> None:
        self.reaped()
        for relay in list(self.relays.values()):
            if relay.status == "held" and relay.aside and relay.due <= self.now and not relay.gone:
                self.ends_waiting(relay)

    def ends_waiting(self, relay: Known) -> None:
        """Later by as long as nobody looked meanwhile."""
        relay.due += self.silence - relay.silence
        relay.silence = self.silence
        if relay.due <= self.now:
            self.queued(relay)

    # Sending ------------------------------------------------------------------------------------------

    def stopped(self, endpoint: str) -> bool:
        return bool(self.paused & {"all", endpoint})

    def resumed(self, endpoint: str, *, trial: bool) -> None:
        self.paused.discard(endpoint)
        if trial:
            self.trial[endpoint] = ""
        else:
            self.trial.pop(endpoint, None)
            self.refused.clear()

    def refuses(self, lease: Lease) -> bool:
        """Whether that refusal trips the breaker."""
        self.refused.add(lease.lane)
        if len(self.refused) < self.breaker:
            return False
        if lease.relay.endpoint not in self.paused:
            self.paused.add(lease.relay.endpoint)
            self.trial.pop(lease.relay.endpoint, None)
        return True

    def room(self, minute: int, second: int) -> int:
        """How many calls may be sent now, by the destination's own counting."""
        in_minute = sum(self.now - at < 60_000 for at in self.spent)
        in_second = sum(self.now - at < 1_000 for at in self.spent)
        return min(minute - in_minute, second - in_second)

    def accepts(self, lease: Lease) -> None:
        self.trial.pop(lease.relay.endpoint, None)
        self.refused.clear()
        book = self.book_named(lease.book)
        if book:
            book.accepted.add(lease.reserved)
            book.reserved.pop(lease.reserved, None)
            book.version += 1
            lease.version += 1
            lease.shown += 1
            if lease.reserved.startswith("placed@"):
                self.rouse(book)

    def unreserves(self, lease: Lease) -> None:
        book = self.book_named(lease.book)
        if book and book.reserved.get(lease.reserved) == lease.relay.id:
            del book.reserved[lease.reserved]

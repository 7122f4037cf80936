"""Workers in the machine: what they claim, reserve and settle."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from relay.journal.records import (
    Accepted,
    Refusal,
    Reservation,
    Settlement,
    Status,
)
from tests.journal.dump import Dump
from tests.journal.model import Book, Lease
from tests.journal.rig import LEASE, LEASE_MS, LEAVE_MS, LIMITS, Rig, which


class Sending(Rig):
    @rule(want=st.integers(1, 6))
    def claim(self, want: int) -> None:
        model = self.model
        model.reaped()
        before = Dump.of(self)
        heads = {
            lane: relay
            for lane, relay in before.heads(model).items()
            if relay.due <= model.now and not model.stopped(relay.endpoint)
        }
        room = model.room(LIMITS.minute, LIMITS.second)
        claimed = self.do(self.journal.claim("main", "t", want, LIMITS, lease=LEASE))
        assert claimed.state == ("paused" if "all" in model.paused else "run")
        found = [(leased.lane, leased.id) for leased in claimed.relays]
        passed = "checkouts" in model.paused and before.has_checkouts(model)
        assert passed or set(found) <= {(lane, relay.id) for lane, relay in heads.items()}
        assert len(found) <= max(0, min(want, room))
        if not model.trial and not passed and model.not_before <= model.now:
            looked_later = model.now <= self.checkouts_looked_at
            heads = {lane: r for lane, r in heads.items() if not (looked_later and r.endpoint == "checkouts")}
            sendable = 0 if "all" in model.paused else len(heads)
            # The guard of the windows may count what the destination has forgotten by now.
            assert len(found) >= min(want, sendable, self.guarded_room())
        self.trial_goes_one_by_one(found)
        for leased in claimed.relays:
            relay = model.relays[leased.id]
            assert relay.in_lane
            assert relay.due <= model.now
            assert not model.stopped(relay.endpoint)
            assert model.not_before <= model.now
            book, fields = leased.books[0] if leased.books else ("", {})
            known = model.book_of(relay)
            assert bool(book) == bool(known)
            version, shown = known.version if known else 0, int(fields.get("version", 0))
            relay.lease = Lease(relay, leased.token, leased.lane, model.now + LEASE_MS, book, version, shown)
            assert {f"s:{meaning}" for meaning in (known.accepted if known else ())} <= fields.keys()
        self.passed_checkouts()
        self.next_look(claimed.next_ms)

    def trial_goes_one_by_one(self, claimed: list[tuple[str, str]]) -> None:
        """After a pause one relay of the endpoint goes ahead, and none until that one is accepted."""
        sent = {lease.lane for lease in self.model.leased}
        for endpoint, trial in list(self.model.trial.items()):
            lanes = [lane for lane, relay in claimed if self.model.relays[relay].endpoint == endpoint]
            assert len(lanes) <= (0 if trial in sent else 1)
            self.model.trial[endpoint] = lanes[0] if lanes else trial

    def next_look(self, next_ms: int | None) -> None:
        """Whoever waits until then misses nothing."""
        model = self.model
        after = Dump.of(self)
        free = [relay.due for relay in after.heads(model).values() if not model.stopped(relay.endpoint)]
        if "all" in model.paused or after.has_checkouts(model):
            return
        assert (next_ms is None) == (not free)
        if next_ms is not None:
            soonest = max(
                min(free),
                model.not_before,
                model.now if self.guarded_room() else model.now + 61_000 + LEAVE_MS,
            )
            assert min(free) <= next_ms <= max(soonest, self.checkouts_looked_at)

    @precondition(lambda self: any(self.model.leased))
    @rule(n=which, force=st.booleans())
    def reserve(self, n: int, force: bool) -> None:
        lease = self.a_lease(n)
        relay, model = lease.relay, self.model
        meaning = {"checkouts": "started", "stock": "stock"}.get(
            relay.endpoint, "placed@100" if relay.places else "fulfilled"
        )
        asked = Reservation(
            relay.id, lease.token, lease.lane, "shop", relay.endpoint, lease.book, meaning, lease.shown, force
        )
        book = model.book_named(lease.book) if lease.book else None
        verdict = self.do(self.journal.reserve("main", LIMITS, asked, lease=LEASE))[0]
        assert verdict in self.verdicts(lease, book, meaning, force)
        if verdict != "ok":
            return
        lease.ends = model.now + LEASE_MS
        lease.reserved = meaning
        model.spent.append(model.now)
        assert model.room(LIMITS.minute, LIMITS.second) >= 0, "more than the budget allows"
        if book:
            book.reserved[meaning] = relay.id
        if book and relay.endpoint == "orders":
            book.sending = {relay.id}

    def verdicts(self, lease: Lease, book: Book | None, meaning: str, force: bool) -> set[str]:
        model = self.model
        if lease.relay.lease is not lease:
            return {"fenced"}
        if model.stopped(lease.relay.endpoint) or model.not_before > model.now:
            return {"wait"}
        if book and book.version != lease.version:
            return {"stale"}
        if book and meaning in book.accepted and not force:
            return {"sent"}
        holder = book.reserved.get(meaning, lease.relay.id) if book else lease.relay.id
        if holder != lease.relay.id and model.relays[holder].lease:
            return {"busy"}
        others = self.other_calls(lease, book)
        if book and others and others == book.sending:
            return {"busy"}
        found = {"busy"} if others else set()
        found |= {"ok"} if model.room(LIMITS.minute, LIMITS.second) > 0 else set()
        return found | ({"wait"} if self.guarded_room() < 1 else set())

    def other_calls(self, lease: Lease, book: Book | None) -> set[str]:
        """Relays that may be sending another call of that order."""
        if book is None or lease.relay.endpoint != "orders":
            return set()
        return {r for r in book.sending if r != lease.relay.id and self.model.relays[r].lease}

    def guarded_room(self) -> int:
        """What the journal must allow at least: its windows are longer than the destination's, by a guard.

        A call whose arrival nobody told counts from when it may leave at the latest.
        """
        spent = [at + LEAVE_MS for at in self.model.spent if self.model.now - at < 121_000]
        in_minute = sum(self.model.now - at <= 60_500 for at in spent)
        in_second = sum(self.model.now - at <= 1_050 for at in spent)
        return min(LIMITS.minute - in_minute, LIMITS.second - in_second)

    def a_lease(self, n: int) -> Lease:
        """One that runs, or one of a worker that lost it and does not know."""
        leases = [*self.model.leased, *self.stale[-2:]]
        return leases[n % len(leases)]

    @precondition(lambda self: any(self.model.leased))
    @rule(
        n=which,
        outcome=st.sampled_from(
            [
                "accepted",
                "accepted",
                "accepted, more to come",
                "delivered",
                "ignored",
                "retry",
                "dead",
                "refused",
                "aside",
                "waits",
                "put back",
            ]
        ),
        wait=st.sampled_from([0, 500, 20_000, 600_000]),
    )
    def settle(self, n: int, outcome: str, wait: int) -> None:
        lease = self.a_lease(n)
        if outcome.startswith("accepted") and not lease.reserved:
            outcome = "ignored"
        settlement = self.settlement(lease, outcome, wait)
        mine = lease.relay.lease is lease
        answer = self.do(self.journal.settle("main", LIMITS, settlement))
        if settlement.accepted:
            self.model.accepts(lease)
        if not mine:
            assert answer == "taken over"
            return
        self.went(lease, outcome, wait, answer)

    def settlement(self, lease: Lease, outcome: str, wait: int) -> Settlement:
        relay = lease.relay
        status = {
            "accepted": Status.DELIVERED,
            "accepted, more to come": None,
            "delivered": Status.DELIVERED,
            "ignored": Status.IGNORED,
            "retry": Status.RETRYING,
            "dead": Status.DEAD,
            "refused": Status.DEAD,
            "put back": Status.QUEUED,
        }.get(outcome, Status.HELD)
        more: dict[str, Any] = {}
        if outcome in ("retry", "aside", "waits", "put back"):
            more["due_ms"] = self.model.now + wait
        if outcome == "waits":
            more["in_lane"] = True
        if outcome == "aside" and lease.book:
            more["version"] = (lease.book, lease.shown)
        if outcome == "refused":
            more["refusal"] = Refusal(relay.endpoint, "same")
        if outcome == "retry":
            more |= {"tries": 1, "attempts": 1, "yields": relay.endpoint == "checkouts"}
        if outcome.startswith("accepted"):
            more["accepted"] = Accepted("shop", relay.endpoint, lease.book, lease.reserved, "digest", "1")
        elif lease.reserved:
            more["unreserve"] = Reservation(
                relay.id, lease.token, lease.lane, "shop", relay.endpoint, lease.book, lease.reserved
            )
        return Settlement(relay.id, lease.token, lease.lane, "shop", status=status, history={"a": 1}, **more)

    def went(self, lease: Lease, outcome: str, wait: int, answer: str) -> None:
        """Where the relay went from there."""
        model, relay = self.model, lease.relay
        if lease.reserved and not outcome.startswith("accepted"):
            model.unreserves(lease)
        relay.lost = 0
        if outcome == "accepted, more to come":
            lease.reserved = ""
            return
        relay.lease = None
        relay.due = model.now + wait
        tripped = outcome == "refused" and model.refuses(lease)
        assert answer == ("tripped the breaker" if tripped else "done")
        if tripped:
            model.queued(relay)
        elif outcome in ("accepted", "delivered", "ignored", "dead", "refused"):
            model.settled(relay, {"accepted": "delivered", "refused": "dead"}.get(outcome, outcome))
        elif outcome == "aside":
            self.stepped_aside(lease)
        else:
            relay.status = {"retry": "retrying", "waits": "held"}.get(outcome, "queued")

    def stepped_aside(self, lease: Lease) -> None:
        relay, book = lease.relay, self.model.book_named(lease.book) if lease.book else None
        if book and book.version != lease.version:
            self.model.queued(relay)
            return
        relay.status, relay.aside, relay.silence = "held", True, self.model.silence
        if book:
            book.waits.add(relay.id)

    @precondition(lambda self: any(self.model.leased))
    @rule(n=which)
    def a_worker_falls_silent(self, n: int) -> None:
        """Its lease runs out; later it wakes and goes on as if nothing had been."""
        leases = list(self.model.leased)
        self.stale.append(leases[n % len(leases)])

    @rule()
    def sweep(self) -> None:
        self.do(self.journal.sweep("main", LIMITS))
        self.model.swept()
        self.passed_checkouts()

    def passed_checkouts(self) -> None:
        """Those that hold up nobody are looked at again in five seconds."""
        if "checkouts" in self.model.paused:
            self.checkouts_looked_at = self.model.now + 5_000

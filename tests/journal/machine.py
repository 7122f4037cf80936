"""Drives the journal on a real Redis beside the model, and compares them after every step."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from relay.journal import ids
from relay.journal.acts import Acts
from relay.journal.records import (
    Settlement,
    Status,
)
from tests.journal.dump import Dump
from tests.journal.model import SETTLED, Known, Lease
from tests.journal.rig import CUSTOMER, ENDPOINTS, LATE, LIMITS, which
from tests.journal.sending import Sending

orders = st.sampled_from(sorted(CUSTOMER))
kinds = st.sampled_from(["placed", "fulfilled", "fulfilled", "checkout", "stock"])
naming = st.sampled_from([("id",), ("id",), ("client",), ("id", "client"), ("client", "id")])
endpoints = st.sampled_from(["all", *ENDPOINTS])


class Machine(Sending):
    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.everything_ends()
        finally:
            self.do(self.redis.aclose())
            self.runner.close()

    @initialize()
    def begin(self) -> None:
        self.do(self.redis.flushdb())
        self.pass_time(0)
        self.sweep()

    # Time -------------------------------------------------------------------------------------------

    @rule(ms=st.sampled_from([1, 40, 300, 900, 1_100, 5_000, 31_000, 61_000, 900_000]))
    def time_passes(self, ms: int) -> None:
        self.pass_time(ms)

    # Intake -----------------------------------------------------------------------------------------

    @rule(
        order=orders,
        kind=kinds,
        naming=naming,
        thin=st.booleans(),
        age=st.sampled_from([0, 0, 0, 0, 1_500, 60_000]),
    )
    def record(self, order: str, kind: str, naming: tuple[str, ...], thin: bool, age: int) -> None:
        recording = self.recording(order, kind, naming, thin=thin, age=age)
        receipt = self.do(self.journal.record(recording))
        assert (receipt.duplicate, receipt.status) == (False, "queued")
        assert age > LATE or receipt.id == recording.id
        self.model.recorded(replace(self.known(recording), id=receipt.id))
        behind = Dump.of(self).behind(receipt.id)
        assert thin or not any(ids.moment_ms(b) - ids.moment_ms(receipt.id) > LATE for b in behind)

    @rule(order=orders, status=st.sampled_from(["ignored", "dead"]))
    def record_what_is_not_sent(self, order: str, status: str) -> None:
        recording = self.recording(order, "placed", ("id",), thin=False, status=status)
        receipt = self.do(self.journal.record(recording))
        assert (receipt.duplicate, receipt.status, receipt.reason) == (False, status, "why")
        self.model.recorded(self.known(recording))

    @rule(
        n=which, order=orders, kind=kinds, status=st.sampled_from(["queued", "dead"]), spooled=st.booleans()
    )
    def record_a_copy(self, n: int, order: str, kind: str, status: str, spooled: bool) -> None:
        """Of any relay; perhaps the adapter reads another thing in it by now."""
        if not (like := self.pick(n)):
            return
        copy = replace(self.recording(order, kind, ("id",), thin=False, status=status), copy=like.copy)
        first = self.model.first_of("shop", like.copy)
        if spooled:
            (receipt,) = self.do(self.journal.record_spooled([(copy, 2)]))
            self.model.copies["shop"] = self.model.copies.get("shop", 0) + 2
        else:
            receipt = self.do(self.journal.record(copy))
        if first is None:
            assert (receipt.id, receipt.duplicate) == (copy.id, False)
            self.model.recorded(self.known(copy))
            return
        assert (receipt.id, receipt.duplicate) == (first.id, True)
        if spooled:
            self.model.aliases[copy.id] = first.id
        self.model.copied(first, self.known(copy))
        assert receipt.status == first.status

    @rule(n=which, order=orders, kind=kinds, status=st.sampled_from(["queued", "dead", "ignored"]))
    def map_again(self, n: int, order: str, kind: str, status: str) -> None:
        if not (relay := self.pick(n)):
            return
        recording = self.recording(order, kind, ("id",), thin=False, status=status)
        erased = self.do(self.redis.hexists(self.journal.keys.relay(relay.id), "erased"))
        receipt = self.do(Acts(self.journal).map_again(relay.id, recording, by="a test"))
        assert receipt.id == relay.id
        if relay.lease:
            assert receipt.status == "being sent"
        elif relay.status == "discarded" or erased:
            assert receipt.status == "discarded"
        else:
            assert receipt.status == status
            self.model.remapped(relay, self.known(recording))

    # Stopping -----------------------------------------------------------------------------------------

    @rule(endpoint=endpoints)
    def pause(self, endpoint: str) -> None:
        self.do(self.journal.pause("main", endpoint, "a reason", by="operator"))
        if endpoint not in self.model.paused:
            self.model.paused.add(endpoint)
            self.model.trial.pop(endpoint, None)

    @precondition(lambda self: self.model.paused)
    @rule(n=which, trial=st.booleans())
    def resume(self, n: int, trial: bool) -> None:
        endpoint = sorted(self.model.paused)[n % len(self.model.paused)]
        self.do(self.journal.resume("main", endpoint, trial=trial and endpoint != "all"))
        self.model.resumed(endpoint, trial=trial and endpoint != "all")

    @rule(after=st.sampled_from([2_000, 60_000]))
    def slow_down(self, after: int) -> None:
        self.do(self.journal.slow_down("main", timedelta(milliseconds=after)))
        self.model.not_before = max(self.model.not_before, self.model.now + after)

    # People -------------------------------------------------------------------------------------------

    @rule(n=which, act=st.sampled_from(["retry", "retry", "discard", "restore"]), force=st.booleans())
    def a_person_acts(self, n: int, act: str, force: bool) -> None:
        if not (relay := self.pick(n)):
            return
        fits = {
            "retry": ("dead", "held", "retrying", "ignored", "delivered"),
            "discard": ("dead", "held", "retrying", "queued"),
            "restore": ("discarded",),
        }[act]
        more = {"force": force} if act == "retry" else {}
        answer = self.do(getattr(Acts(self.journal), act)(relay.id, by="a test", **more))
        if relay.status not in fits:
            assert answer == relay.status
        elif relay.lease:
            assert answer == "being sent"
        else:
            assert answer == "ok"
            self.acted(relay, act)

    def acted(self, relay: Known, act: str) -> None:
        model = self.model
        if act == "retry":
            model.queued(relay)
            relay.lost = 0
            model.placed_is(relay, "queued")
        else:
            model.settled(relay, {"discard": "discarded", "restore": "dead"}[act])

    @rule(n=which)
    def erase(self, n: int) -> None:
        if not (relay := self.pick(n)):
            return
        answer = self.do(self.eraser.erase(relay.id, "forgotten"))
        assert answer == (-1 if relay.lease else 1)
        if not relay.lease:
            self.model.erased(relay)

    @rule(status=st.sampled_from(["delivered", "ignored", "discarded", "dead"]), whole=st.booleans())
    def old_ones_go(self, status: str, whole: bool) -> None:
        """Retention, of all that has that status by now."""
        verb = "drop_records" if whole and status != "dead" else "retain"
        self.do(
            self.eraser.drop_old("retain_late", "shop", Status(status), self.model.now, step=100, reason="")
        )
        before_ms = self.model.now + 10_000
        dropped = self.do(
            self.eraser.drop_old(verb, "shop", Status(status), before_ms, step=100, reason="retention")
        )
        there = [r for r in self.model.relays.values() if r.status == status and not r.gone]
        assert dropped <= len(there)
        for relay in there:
            if status == "dead":
                self.model.erased(relay)
            elif whole:
                relay.gone = True

    # What must hold -------------------------------------------------------------------------------------

    @invariant()
    def the_books_balance(self) -> None:
        Dump.of(self).agrees_with(self.model)

    def everything_ends(self) -> None:
        """Whatever happened: with nothing in the way, each relay comes to its end."""
        model = self.model
        while model.paused:
            self.resume(0, trial=False)
        for _ in range(400):
            if all(relay.gone or relay.status in SETTLED for relay in model.relays.values()):
                return
            self.sweep()
            if not any(model.leased):
                self.claim(6)
            for lease in list(model.leased):
                self.settle_one(lease)
            self.the_books_balance()
            self.pass_time(61_000)
        raise AssertionError("some relay never ends")

    def settle_one(self, lease: Lease) -> None:
        done = Settlement(lease.relay.id, lease.token, lease.lane, "shop", status=Status.DELIVERED)
        self.do(self.journal.settle("main", LIMITS, done))
        if lease.reserved:
            self.model.unreserves(lease)
        lease.relay.lease = None
        self.model.settled(lease.relay, "delivered")

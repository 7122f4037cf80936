"""A stateful model: whatever the order and repetition of one order's postbacks, the facts end the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from relay.compose.policy import Policy
from relay.normalise.contract import Postback
from relay.normalise.events import load
from relay.testing.story import Story
from tests.support import cancelled, checkout, fulfilled, placed, refunded

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOTALS = (4990, 6990)
TOLD = [
    *(placed(total=total) for total in TOTALS),
    fulfilled(ordered_at="2026-03-01T10:00:00Z"),
    cancelled(),
    refunded(1000),
    refunded(2500),
    refunded(TOTALS[0]),
    refunded(total=6990),
    checkout(),
]


class OneOrder(RuleBasedStateMachine):
    """Tells postbacks of one order in any order, any number of times."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []

    @initialize(upsell=st.sampled_from(["push_again", "event"]), cumulative=st.booleans())
    def begin(self, upsell: Any, cumulative: bool) -> None:
        self.policy = Policy(
            since=START - timedelta(days=1),
            upsell=upsell,
            refund_amount="cumulative" if cumulative else "step",
        )
        self.story = Story(self.policy)

    @rule(postback=st.sampled_from(TOLD))
    def tell(self, postback: dict[str, Any]) -> None:
        self.told.append(postback)
        number = len(self.told)
        received = Postback("POST", "", {}, b"", START + timedelta(minutes=number))
        self.sent += [c for c in self.story.tell(number, received, load([postback])) if "path" in c]

    @invariant()
    def facts_are_those_of_what_was_told_whatever_its_order(self) -> None:
        if not self.told:
            return
        known = self.story.books.of("id:A-1")
        assert known is not None
        facts = known.facts
        assert facts.kinds == {event["kind"] for event in self.told}
        assert facts.refunded_minor == max((_amount(e) for e in self.told), default=0)

    @invariant()
    def nothing_goes_out_twice(self) -> None:
        statuses = [c["body"].get("status") for c in self.sent if c["path"] == "/orders"]
        assert statuses.count("fulfilled") <= 1
        assert statuses.count("cancelled") <= 1
        assert sum(c["path"] == "/checkouts" for c in self.sent) <= 1
        totals = [c["body"]["totalCents"] for c in self.sent if c["body"].get("status") == "placed"]
        assert totals == sorted(set(totals))

    @invariant()
    def no_sale_follows_a_full_refund_or_a_cancel(self) -> None:
        cancelled_before, given_back = False, 0
        for call in self.sent:
            body = call["body"]
            if body.get("status") == "placed":
                assert not cancelled_before
                assert given_back < TOTALS[-1]
            cancelled_before |= body.get("status") == "cancelled"
            amount = body.get("refundAmountCents", 0)
            given_back = (
                given_back + amount if self.policy.refund_amount == "step" else max(given_back, amount)
            )

    @invariant()
    def refunds_sum_to_the_largest_amount_told(self) -> None:
        amounts = [c["body"]["refundAmountCents"] for c in self.sent if c["body"].get("status") == "refunded"]
        told = max((_amount(e) for e in self.told), default=0)
        if self.told and self.policy.refund_amount == "step":
            assert sum(amounts) == told
        else:
            assert max(amounts, default=0) == told
            assert amounts == sorted(set(amounts))


def _amount(event: dict[str, Any]) -> int:
    refund = event.get("refund")
    if refund is None:
        return 0
    return int(refund.get("amount_minor", event["total_minor"]))


TestOneOrder = OneOrder.TestCase
TestOneOrder.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)

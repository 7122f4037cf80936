"""What CheckoutChamp's words select."""

from __future__ import annotations

import pytest

from relay.errors import Unsupported
from relay.normalise.contract import Ignored
from relay.normalise.events import (
    CheckoutStarted,
    OrderCancelled,
    OrderFulfilled,
    OrderRefunded,
)
from tests.adapters.checkoutchamp_support import BY_AGENT, COMPLETE, read, said
from tests.adapters.readings import only, placed, warnings

SALES = (
    "sale",
    "new_sale",
    "upsell",
    "upsale",
    "rebill",
    "recurring_order",
    "capture",
    "order.placed",
    "placed",
)
SHIPMENTS = ("shipped", "delivered", "fulfilled", "order.fulfilled", "fulfillment_shipped")
NOTICES = {
    "decline": "declined",
    "declined": "declined",
    "rebill_decline": "rebill declined",
    "rebill_declined": "rebill declined",
    "recycle_failed": "recycle failed",
    "cancel": "subscription cancelled",
    "pause": "subscription paused",
    "paused": "subscription paused",
    "reactivate": "subscription reactivated",
    "subscription_started": "subscription started",
    "pre_billing": "pre-billing",
    "rma": "return authorised",
    "rma_issued": "return authorised",
    "rma_received": "return received",
    "return": "return received",
    "cod_pending": "cash on delivery pending",
    "customer_update": "customer updated",
}


@pytest.mark.parametrize("word", SALES)
def test_a_word_for_a_sale_is_placed(word: str) -> None:
    assert placed(said(word)).order_id == "AB90201000"


@pytest.mark.parametrize("word", SHIPMENTS)
def test_a_word_for_a_shipment_is_fulfilled(word: str) -> None:
    assert isinstance(only(said(word)), OrderFulfilled)


@pytest.mark.parametrize("word", ["partial", "lead", "checkout", "started", "checkout.started"])
def test_a_word_for_a_lead_is_a_checkout(word: str) -> None:
    assert isinstance(only(said(word)), CheckoutStarted)


@pytest.mark.parametrize(("word", "reason"), NOTICES.items())
def test_a_trigger_without_a_call_is_ignored_whatever_the_order_looks_like(word: str, reason: str) -> None:
    assert said(word, COMPLETE) == Ignored(reason)


@pytest.mark.parametrize(
    "spelling", ["REBILL DECLINE", "rebill-decline", "Rebill_Decline", " rebilldecline "]
)
def test_case_blanks_and_hyphens_make_no_difference(spelling: str) -> None:
    assert read({"customerType": spelling}) == Ignored("rebill declined")


@pytest.mark.parametrize("word", ["sold", "new", "canceled", "42", "sale2"])
def test_an_unknown_word_is_never_a_sale(word: str) -> None:
    with pytest.raises(Unsupported) as caught:
        said(word, COMPLETE)
    assert caught.value.field == "event"


@pytest.mark.parametrize("kind", ["stock.requested", "products.upserted", "customer.event"])
def test_a_kind_the_platform_cannot_tell_of_is_unsupported(kind: str) -> None:
    with pytest.raises(Unsupported, match="cannot carry"):
        said(kind)


def test_an_unknown_customer_type_is_never_a_sale() -> None:
    with pytest.raises(Unsupported) as caught:
        read({"customerType": "SOMETHING NEW", **COMPLETE})
    assert caught.value.field == "customerType"


def test_an_unknown_customer_type_does_not_stop_what_the_event_says() -> None:
    reading = said("sale", {"customerType": "SOMETHING NEW"})
    assert placed(reading)
    assert "customerType" in warnings(reading)


def test_a_word_that_does_not_look_like_one_is_not_repeated() -> None:
    with pytest.raises(Unsupported) as caught:
        said("someone@example.com")
    assert "someone" not in str(caught.value)


def test_the_url_beats_the_body() -> None:
    assert said("decline", {"event": "sale"}) == Ignored("declined")


@pytest.mark.parametrize("key", ["event", "type", "trigger", "event_type"])
def test_the_event_has_aliases(key: str) -> None:
    assert placed(read({key: "sale"}))


def test_cancelled_is_the_order_and_cancel_the_subscription() -> None:
    assert isinstance(only(said("cancelled")), OrderCancelled)
    assert isinstance(only(said("order.cancelled")), OrderCancelled)
    assert said("cancel") == Ignored("subscription cancelled")


@pytest.mark.parametrize("word", ["CANCEL", "CANCELLED", "Canceled"])
def test_the_trigger_cancel_is_the_subscriptions_unless_the_state_says_more(word: str) -> None:
    assert read({"customerType": word, **COMPLETE}) == Ignored("subscription cancelled")
    assert isinstance(only(read({"customerType": word, "orderStatus": "CANCELLED"})), OrderCancelled)
    assert isinstance(only(read({"customerType": word, **BY_AGENT})), OrderCancelled)


@pytest.mark.parametrize("given", [{}, {"fulfillmentStatus": "CANCELLED"}, {"recurringStatus": "CANCELLED"}])
def test_nobody_is_told_of_a_cancel_that_a_complete_order_denies(given: dict[str, str]) -> None:
    with pytest.raises(Unsupported, match="write event=cancel") as caught:
        said("cancelled", {**COMPLETE, **given})
    assert caught.value.field == "event"


def test_partial_refund_is_a_refund_and_no_checkout() -> None:
    reading = read({"customerType": "Partial Refund", "orderStatus": "COMPLETE"})
    assert isinstance(only(reading), OrderRefunded)
    assert "refundRemaining" in warnings(reading)


def test_nothing_said_advises_what_to_set() -> None:
    with pytest.raises(Unsupported, match=r"event=sale.*customerType.*default_event"):
        read()

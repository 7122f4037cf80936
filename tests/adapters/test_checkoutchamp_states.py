"""What an order's state lowers, and what it says alone."""

from __future__ import annotations

import pytest

from relay.errors import Unsupported
from relay.normalise.contract import Events, Ignored, Postback
from relay.normalise.events import (
    CheckoutStarted,
    Event,
    OrderCancelled,
    OrderFulfilled,
    OrderPlaced,
    OrderRefunded,
    Refund,
)
from tests.adapters.checkoutchamp_support import (
    BY_AGENT,
    COMPLETE,
    adapter,
    get,
    post,
    read,
    said,
    troubled_field,
)
from tests.adapters.readings import only, placed, refund


@pytest.mark.parametrize(
    "word", ["sale", "upsell", "rebill", "qa_pending", "placed", "shipped", "delivered", "fulfillment"]
)
@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({"orderStatus": "REFUNDED"}, OrderRefunded),
        ({"orderStatus": "CHARGEBACK"}, OrderRefunded),
        ({**COMPLETE, "chargebackDate": "2026-05-15"}, OrderRefunded),
        ({**COMPLETE, "chargebackAmount": "3.00"}, OrderRefunded),
        ({"orderStatus": "CANCELLED"}, OrderCancelled),
        (BY_AGENT, OrderCancelled),
        ({"orderStatus": "DECLINED"}, Ignored("declined")),
        ({"orderStatus": "COMPLETE", "responseType": "SOFT_DECLINE"}, Ignored("declined")),
        ({"responseType": "Hard Decline"}, Ignored("declined")),
        ({"orderStatus": "PARTIAL"}, Ignored("not complete yet")),
        ({"orderStatus": "PENDING"}, Ignored("not paid yet")),
        ({"orderStatus": "PENDING", "responseType": "COD_PENDING"}, Ignored("not paid yet")),
        ({"responseType": "PENDING"}, Ignored("not paid yet")),
        ({"cardType": "TESTCARD", **COMPLETE}, Ignored("test order")),
    ],
)
def test_no_word_raises_what_the_state_denies(
    word: str, state: dict[str, str], outcome: Ignored | type[Event]
) -> None:
    reading = said(word, state)
    if isinstance(outcome, Ignored):
        assert reading == outcome
    else:
        assert isinstance(only(reading), outcome)


@pytest.mark.parametrize("word", ["sale", "shipped", "partial"])
def test_an_unknown_status_is_not_guessed(word: str) -> None:
    with pytest.raises(Unsupported) as caught:
        said(word, {"orderStatus": "ON FIRE"})
    assert caught.value.field == "orderStatus"


def test_a_declined_rebill_is_told_from_a_declined_sale() -> None:
    rebill = {"orderStatus": "DECLINED", "billingCycleNumber": "3", "originalOrderId": "15"}
    assert read(rebill) == Ignored("rebill declined")


@pytest.mark.parametrize("status", ["COMPLETE", "PENDING", "REFUNDED", "CANCELLED"])
def test_a_partial_that_became_an_order_is_no_checkout(status: str) -> None:
    assert said("partial", {"orderStatus": status}) == Ignored("no longer a partial")


def test_a_declined_partial_is_no_checkout() -> None:
    assert said("partial", {"orderStatus": "DECLINED"}) == Ignored("declined")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("HOLD", "not shipped yet"),
        ("Pending Shipment", "not shipped yet"),
        ("RMA Pending", "returned, not shipped"),
        ("RETURNED", "returned, not shipped"),
        ("CANCELLED", "shipment cancelled or failed"),
        ("FAILED", "shipment cancelled or failed"),
        ("LOST AT SEA", "not shipped: unknown fulfilment status"),
    ],
)
@pytest.mark.parametrize("word", ["shipped", "fulfillment"])
def test_only_what_was_shipped_is_fulfilled(word: str, status: str, reason: str) -> None:
    assert said(word, {**COMPLETE, "fulfillmentStatus": status}) == Ignored(reason)


def test_a_word_that_does_not_say_shipped_needs_the_status() -> None:
    assert troubled_field(COMPLETE, "fulfillment") == "fulfillmentStatus"


@pytest.mark.parametrize("word", ["sale", "rebill", None])
def test_a_later_cycle_of_the_first_order_was_not_charged(word: str | None) -> None:
    state = {**COMPLETE, "billingCycleNumber": "2", "originalOrderId": "90201", "event": word}
    reading = read(state)
    assert isinstance(reading, Ignored)
    assert reading.reason.startswith("nothing was charged")


def test_a_later_cycle_of_another_order_was() -> None:
    event = placed(read({**COMPLETE, "billingCycleNumber": "2", "originalOrderId": "15"}))
    assert event.properties["originalOrderId"] == "15"
    assert event.properties["billingCycleNumber"] == 2


def test_pending_may_wait_for_the_capture() -> None:
    pending = {"orderStatus": "PENDING", "responseType": "SUCCESS"}
    assert placed(said("sale", pending))
    assert placed(said("qa_pending", {"responseType": "SUCCESS"}))
    waiting = Ignored("pending: waiting for the capture")
    assert said("sale", pending, pending="wait") == waiting
    assert said("shipped", pending, pending="wait") == waiting
    assert read(pending, pending="wait") == waiting


@pytest.mark.parametrize(
    ("trigger", "outcome"),
    [
        ("UPSELL", OrderPlaced),
        ("FULL_REFUND", OrderRefunded),
        ("CHARGEBACK", OrderRefunded),
        ("DECLINE", Ignored("declined")),
        ("CANCEL", Ignored("subscription cancelled")),
    ],
)
def test_a_trigger_that_says_less_than_sale_is_believed(trigger: str, outcome: Ignored | type[Event]) -> None:
    reading = said("sale", {"customerType": trigger})
    assert reading == outcome if isinstance(outcome, Ignored) else isinstance(only(reading), outcome)


@pytest.mark.parametrize(
    ("event", "trigger"),
    [("sale", "PARTIAL"), ("sale", "FULFILLMENT SHIPPED"), ("shipped", "SALE"), ("refund_full", "SALE")],
)
def test_a_profile_on_a_trigger_that_its_event_is_not_for_loses_nothing_in_silence(
    event: str, trigger: str
) -> None:
    with pytest.raises(Unsupported, match="route each trigger") as caught:
        said(event, {"customerType": trigger})
    assert caught.value.field == "event"


@pytest.mark.parametrize("words", [("shipped", "FULFILLMENT"), ("fulfillment", "FULFILLMENT SHIPPED")])
def test_a_word_that_does_not_say_how_far_a_shipment_is_contradicts_none_that_does(
    words: tuple[str, str],
) -> None:
    event, trigger = words
    assert isinstance(only(said(event, {"customerType": trigger})), OrderFulfilled)


@pytest.mark.parametrize("words", [("refund_full", "REFUNDED"), ("refund", "FULL_REFUND")])
def test_a_word_for_any_refund_contradicts_none_for_a_full_one(words: tuple[str, str]) -> None:
    event, trigger = words
    assert refund(said(event, {"customerType": trigger})) == Refund(basis="full")


def test_of_two_refunds_the_smaller_is_believed() -> None:
    state = {"customerType": "PARTIAL_REFUND", "refundRemaining": "20.00"}
    assert refund(said("refund_full", state)) == Refund(basis="cumulative", amount_minor=500)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ({"orderStatus": "PARTIAL"}, CheckoutStarted),
        ({"orderStatus": "REFUNDED"}, OrderRefunded),
        ({"orderStatus": "chargeback"}, OrderRefunded),
        ({"orderStatus": "Cancelled"}, OrderCancelled),
        (BY_AGENT, OrderCancelled),
        ({**COMPLETE, "fulfillmentStatus": "Shipped"}, OrderFulfilled),
        ({"fulfillmentStatus": "DELIVERED"}, OrderFulfilled),
        ({**COMPLETE, "fulfillmentStatus": "CANCELLED"}, OrderPlaced),
        ({"orderStatus": "PENDING", "responseType": "SUCCESS"}, OrderPlaced),
    ],
)
def test_without_a_word_the_state_decides(state: dict[str, str], kind: type[Event]) -> None:
    assert isinstance(only(read(state)), kind)


@pytest.mark.parametrize("status", ["RMA Pending", "RETURNED"])
def test_without_a_word_what_comes_back_is_no_sale(status: str) -> None:
    assert read({**COMPLETE, "fulfillmentStatus": status}) == Ignored("returned, not sold")


@pytest.mark.parametrize("shipment", ["HOLD", "SHIPPED", None])
@pytest.mark.parametrize("order", ["COMPLETE", "PENDING", None])
def test_without_a_word_a_stopped_subscription_is_neither_sold_nor_shipped(
    order: str | None, shipment: str | None
) -> None:
    state = {**COMPLETE, "orderStatus": order, "recurringStatus": "Cancelled", "fulfillmentStatus": shipment}
    with pytest.raises(Unsupported, match="stopped subscription") as caught:
        read(state)
    assert caught.value.field == "recurringStatus"


def test_without_a_word_what_is_not_paid_yet_waits_though_its_subscription_was_stopped() -> None:
    state = {"orderStatus": "PENDING", "recurringStatus": "CANCELLED"}
    assert read(state) == Ignored("not paid yet")
    waiting = Ignored("pending: waiting for the capture")
    assert read({**state, "responseType": "SUCCESS"}, pending="wait") == waiting


def test_a_sale_whose_subscription_was_stopped_since_is_one_where_a_word_says_so() -> None:
    assert placed(said("sale", {**COMPLETE, "recurringStatus": "CANCELLED"}))


@pytest.mark.parametrize("status", ["INACTIVE", "ACTIVE", "ONE_TIME"])
def test_without_a_word_a_subscription_that_was_not_stopped_leaves_a_sale_one(status: str) -> None:
    assert placed(read({**COMPLETE, "recurringStatus": status}))


@pytest.mark.parametrize("state", [{}, {"responseType": "SUCCESS"}, {"fulfillmentStatus": "HOLD"}])
def test_without_a_status_nothing_is_guessed(state: dict[str, str]) -> None:
    with pytest.raises(Unsupported):
        read(state)


def test_the_default_event_stands_in_for_a_word_and_is_lowered_like_one() -> None:
    assert placed(read(default_event="sale"))
    assert read({"orderStatus": "PARTIAL"}, default_event="sale") == Ignored("not complete yet")
    assert read({"customerType": "DECLINE"}, default_event="sale") == Ignored("declined")


def test_a_shipped_order_of_the_api_is_placed_and_fulfilled() -> None:
    shipment = {"status": "SHIPPED", "trackingNumber": "1Z9", "shipCarrier": "UPS"}
    order = {**COMPLETE, "totalAmount": "25.00", "fulfillments": [{"status": "HOLD"}, shipment]}
    reading = read(order)
    assert isinstance(reading, Events)
    assert [event.kind for event in reading.events] == ["order.placed", "order.fulfilled"]
    fulfilled = reading.events[1]
    assert isinstance(fulfilled, OrderFulfilled)
    assert fulfilled.properties["trackingNumber"] == "1Z9"
    assert fulfilled.properties["carrier"] == "UPS"


def test_an_order_of_the_api_refunded_in_part_is_placed_and_refunded() -> None:
    reading = read({**COMPLETE, "totalAmount": "25.00", "refundRemaining": "20.00"})
    assert isinstance(reading, Events)
    assert [event.kind for event in reading.events] == ["order.placed", "order.refunded"]
    refunded = reading.events[1]
    assert isinstance(refunded, OrderRefunded)
    assert refunded.refund == Refund(basis="cumulative", amount_minor=500)


@pytest.mark.parametrize("remaining", ["25.00", "0.00", "30.00", "?"])
def test_an_order_of_the_api_is_only_placed_where_no_partial_refund_shows(remaining: str) -> None:
    assert placed(read({**COMPLETE, "totalAmount": "25.00", "refundRemaining": remaining}))


def test_an_order_of_the_api_on_hold_is_only_placed() -> None:
    assert placed(read({**COMPLETE, "totalAmount": "25.00", "fulfillments": [{"status": "HOLD"}]}))


def test_four_zeros_on_a_card_are_a_test() -> None:
    card = {"cardLast4": "0000", "paySource": "CREDITCARD", **COMPLETE}
    assert said("sale", card) == Ignored("test order")
    assert placed(said("sale", {**card, "paySource": "PAYPAL"}))


@pytest.mark.parametrize(("card_type", "test"), [("VISA", False), ("American Express", False), ("ODD", True)])
def test_four_zeros_beside_the_brand_of_a_real_card_are_a_customers(card_type: str, test: bool) -> None:
    card = {"cardLast4": "0000", "paySource": "CREDITCARD", "cardType": card_type, **COMPLETE}
    assert (said("sale", card) == Ignored("test order")) is test


def test_an_order_declined_before_its_shipment_failed_was_not_cancelled() -> None:
    assert read({**BY_AGENT, "fulfillmentStatus": "FAILED"}) == Ignored("declined")


def test_test_orders_pass_where_wanted() -> None:
    assert placed(said("sale", {"cardType": "TESTCARD"}, test_orders=True))


@pytest.mark.parametrize(
    "postback",
    [
        get(),
        post(b""),
        post(b"{}"),
        post(b' {"a": "", "b": null, "c": []} '),
        get(token="s3cret"),
        get(token="[dropped]"),
    ],
)
def test_a_request_with_nothing_in_it_is_a_ping(postback: Postback) -> None:
    assert adapter().read(postback) == Ignored("ping: the request carries nothing")

"""What Sticky.io's words select: `event=`, then post_back_action, then nothing that could be a sale."""

from __future__ import annotations

import pytest

from relay.errors import Unsupported
from relay.normalise.contract import Ignored, Postback
from relay.normalise.events import CheckoutStarted, Event, OrderCancelled, OrderFulfilled, OrderRefunded
from tests.adapters.readings import only, placed, refund
from tests.adapters.stickyio_support import ORDER, PROSPECT, adapter, get, post, read, said, unsupported

GIVEN_BACK = {"void_refund_amount": "25.00"}
NOTICES = {
    "declined": "declined",
    "decline": "declined",
    "cancel": "subscription cancelled",
    "subscription_cancelled": "subscription cancelled",
    "hold": "subscription on hold",
    "subscription_held": "subscription on hold",
}


@pytest.mark.parametrize("word", ["approved", "rebill", "sale", "placed", "order.placed", " Approved "])
def test_a_word_for_a_sale_is_placed(word: str) -> None:
    assert placed(said(word)).order_id == "104901"


@pytest.mark.parametrize("word", ["shipped", "fulfilled", "order.fulfilled"])
def test_a_word_for_a_shipment_is_fulfilled_with_or_without_a_number(word: str) -> None:
    assert isinstance(only(said(word)), OrderFulfilled)


@pytest.mark.parametrize("word", ["void", "voided", "cancelled", "order.cancelled"])
def test_a_word_for_a_void_is_the_order_cancelled(word: str) -> None:
    assert isinstance(only(said(word)), OrderCancelled)


@pytest.mark.parametrize("word", ["refund", "refunded", "order.refunded", "chargeback"])
def test_a_word_for_money_given_back_is_refunded(word: str) -> None:
    assert isinstance(only(said(word, GIVEN_BACK)), OrderRefunded)


@pytest.mark.parametrize("word", ["prospect", "checkout", "started", "checkout.started"])
def test_a_word_for_a_prospect_is_a_checkout(word: str) -> None:
    event = only(adapter().read(get({**PROSPECT, "event": word})))
    assert isinstance(event, CheckoutStarted)
    assert event.order_id == "880500"


@pytest.mark.parametrize(("word", "reason"), NOTICES.items())
def test_a_trigger_without_a_call_is_ignored_whatever_the_order_looks_like(word: str, reason: str) -> None:
    assert said(word) == Ignored(reason)
    assert said(word, GIVEN_BACK) == Ignored(reason)


def test_cancelled_is_the_order_and_cancel_the_subscription() -> None:
    assert isinstance(only(said("cancelled")), OrderCancelled)
    assert said("cancel") == Ignored("subscription cancelled")


def test_nobody_is_told_of_a_cancel_of_which_nothing_was_voided() -> None:
    with pytest.raises(Unsupported, match="write event=cancel") as caught:
        said("cancelled", {"void_refund_amount": "0.00"})
    assert caught.value.field == "event"


@pytest.mark.parametrize(
    "given",
    [
        {},
        GIVEN_BACK,
        {"void_refund_amount": "0.00", "order_total": "0.00"},
        {"void_refund_amount": "0.00", "order_status": "6"},
    ],
)
def test_a_cancel_that_the_values_bear_out_or_leave_open_is_one(given: dict[str, str]) -> None:
    assert isinstance(only(said("cancelled", given)), OrderCancelled)


@pytest.mark.parametrize("word", ["sold", "new", "canceled", "42", "approved2", "refund,void", "partial"])
def test_an_unknown_word_is_never_a_sale(word: str) -> None:
    assert unsupported({"event": word}).field == "event"


@pytest.mark.parametrize("word", ["stock.requested", "products.upserted", "customer.event", "upserted"])
def test_a_kind_a_postback_cannot_tell_of_is_unsupported(word: str) -> None:
    assert "cannot carry" in str(unsupported({"event": word}))


def test_a_word_that_does_not_look_like_one_is_not_repeated() -> None:
    assert "someone" not in str(unsupported({"event": "someone@example.com"}))


def test_the_url_beats_the_body() -> None:
    body = b"event=approved&order_id=1&email=a@example.com&order_total=1.00"
    assert adapter().read(post(body, "event=declined")) == Ignored("declined")


@pytest.mark.parametrize("word", ["", "{event}", "%7Bevent%7D", "N/A"])
def test_an_event_that_says_nothing_is_no_word(word: str) -> None:
    assert unsupported({"event": word})


# --- post_back_action


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("Refund", OrderRefunded),
        ("order refunded", OrderRefunded),
        ("void/refund", OrderRefunded),
        ("VOID", OrderCancelled),
        ("Order-Voided", OrderCancelled),
        ("chargeback", OrderRefunded),
        ("Charge Back", OrderRefunded),
        ("shipped", OrderFulfilled),
        ("Order_Shipped", OrderFulfilled),
    ],
)
def test_an_action_hints_where_no_event_is_said(action: str, expected: type[Event]) -> None:
    reading = read({"post_back_action": action, **GIVEN_BACK, "trackingnumber": "1Z9"})
    if expected is OrderFulfilled:
        reading = read({"post_back_action": action, "trackingnumber": "1Z9"})
    assert isinstance(only(reading), expected)


@pytest.mark.parametrize("action", ["approve", "Order Approved", "APPROVAL"])
def test_an_action_may_say_that_a_sale_was_approved(action: str) -> None:
    assert placed(read({"post_back_action": action}))
    assert read({"post_back_action": action, "order_status": "0"}) == Ignored("declined")


@pytest.mark.parametrize("action", ["cancel", "Subscription Stopped", "stop_recurring"])
def test_an_action_may_say_that_a_subscription_ended(action: str) -> None:
    assert read({"post_back_action": action}) == Ignored("subscription cancelled")


@pytest.mark.parametrize(
    "action",
    [
        "finalized",
        "membership",
        "shippable",
        "disapproved",
        "unavoidable",
        "household",
        "cancel refund",
        "approved, on hold",
    ],
)
def test_an_action_of_no_known_or_of_two_meanings_is_no_sale(action: str) -> None:
    assert unsupported({"post_back_action": action}).field == "post_back_action"
    assert unsupported({"post_back_action": action}, default_event="approved").field == "post_back_action"


def test_an_action_that_speaks_of_a_decline_loses_no_order_that_is_approved() -> None:
    salvaged = {"post_back_action": "reprocess_decline", "order_status": "1", "was_reprocessed": "1"}
    assert unsupported(salvaged).field == "post_back_action"
    assert read({**salvaged, "order_status": "0"}) == Ignored("declined")
    assert placed(read(salvaged, words={"reprocess_decline": "approved"}))


def test_an_action_of_no_known_meaning_does_not_stop_what_the_event_says() -> None:
    assert placed(said("approved", {"post_back_action": "finalized"}))


@pytest.mark.parametrize("action", ["refund", "void", "chargeback", "cancel", "hold", "declined"])
@pytest.mark.parametrize("event", ["approved", "shipped"])
def test_an_action_that_says_less_than_the_event_is_a_profile_on_the_wrong_trigger(
    event: str, action: str
) -> None:
    error = unsupported({"event": event, "post_back_action": action})
    assert error.field == "event"
    assert action in str(error)


def test_the_values_settle_what_event_and_action_disagree_on() -> None:
    state = {"post_back_action": "refund", "void_refund_amount": "5.00"}
    assert refund(said("approved", state))
    assert said("approved", {"post_back_action": "decline", "order_status": "0"}) == Ignored("declined")


def test_an_action_never_raises_what_the_event_says() -> None:
    assert said("cancel", {"post_back_action": "approved"}) == Ignored("subscription cancelled")
    assert isinstance(only(said("refund", {"post_back_action": "approved", **GIVEN_BACK})), OrderRefunded)


# --- neither


def test_nothing_said_advises_what_to_do() -> None:
    with pytest.raises(Unsupported, match=r"event=approved.*default_event"):
        read()


@pytest.mark.parametrize(
    "given", [{}, {"trackingnumber": "1Z9"}, {"order_status": None}, {"rebill_depth": "2"}]
)
def test_without_a_word_an_approval_a_shipment_and_a_stop_look_alike(given: dict[str, str | None]) -> None:
    assert unsupported(given)


def test_without_a_word_a_prospect_is_known_by_its_id() -> None:
    assert isinstance(only(adapter().read(get(PROSPECT))), CheckoutStarted)
    assert unsupported(PROSPECT)


def test_without_a_word_only_what_is_less_than_a_sale_is_read_from_the_values() -> None:
    assert read({"order_status": "0"}) == Ignored("declined")
    assert read({"order_status": "10"}) == Ignored("not paid yet")
    assert refund(read({"void_refund_amount": "5.00"}))
    charged_back = refund(read({"ischargeback": "1"}))
    assert charged_back is not None
    assert charged_back.chargeback


def test_the_default_event_stands_in_for_a_word_and_is_lowered_like_one() -> None:
    assert placed(read(default_event="approved"))
    assert read({"order_status": "0"}, default_event="approved") == Ignored("declined")
    assert read({"post_back_action": "cancel"}, default_event="approved") == Ignored("subscription cancelled")
    assert said("declined", default_event="approved") == Ignored("declined")


def test_a_word_can_be_taught() -> None:
    words = {"Order Finalized": "approved", "refund": "cancel"}
    assert placed(read({"post_back_action": "order-finalized"}, words=words))
    assert said("refund", words=words) == Ignored("subscription cancelled")


# --- tests and pings


@pytest.mark.parametrize("yes", ["1", "yes", "TRUE"])
def test_an_order_by_test_card_is_ignored_whatever_it_says(yes: str) -> None:
    for word in ("approved", "shipped", "refund", "void", "chargeback", "no known word"):
        assert said(word, {"is_test_cc": yes, **GIVEN_BACK}) == Ignored("test order")


def test_test_orders_pass_where_wanted() -> None:
    assert placed(said("approved", {"is_test_cc": "1"}, test_orders=True))


@pytest.mark.parametrize("flag", ["is_test_cc", "ischargeback"])
def test_a_flag_that_is_neither_yes_nor_no_is_not_guessed(flag: str) -> None:
    with pytest.raises(Exception, match="neither 0 nor 1") as caught:
        said("approved", {flag: "2"})
    assert getattr(caught.value, "field", None) == flag


def test_a_flag_may_be_a_boolean_of_json() -> None:
    body = b'{"order_id":7,"email":"a@example.com","order_total":1.5,"is_test_cc":true}'
    assert adapter().read(post(body, "event=approved")) == Ignored("test order")


@pytest.mark.parametrize(
    "postback",
    [get({}), post(b""), post(b"{}"), post(b' {"order_id": "", "email": null} '), get({"key": "s3cret"})],
)
def test_a_request_with_nothing_in_it_is_a_ping(postback: Postback) -> None:
    assert adapter().read(postback) == Ignored("ping: the request carries nothing")


def test_a_url_opened_with_its_tokens_is_no_ping() -> None:
    tokens = {key: f"{{{key}}}" for key in ORDER}
    with pytest.raises(Exception, match=r"6 placeholders were not replaced: \{order_id\}"):
        adapter().read(get({**tokens, "event": "approved"}))

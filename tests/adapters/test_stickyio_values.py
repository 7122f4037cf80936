"""What an order's values lower, and how amounts are read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.normalise.contract import Ignored
from relay.normalise.events import (
    Event,
    OrderCancelled,
    OrderFulfilled,
    OrderRefunded,
    Refund,
)
from relay.testing.fixtures import policy
from relay.testing.story import Story
from tests.adapters.readings import only, placed, refund, warnings
from tests.adapters.stickyio_support import (
    MOMENT,
    ORDER,
    adapter,
    get,
    read,
    said,
    troubled_field,
    unsupported,
)

FULL = Refund(basis="full")
REBILL = {"rebill_depth": "2"}


def so_far(minor: int) -> Refund:
    return Refund(basis="cumulative", amount_minor=minor)


@pytest.mark.parametrize("word", ["approved", "rebill", "shipped"])
@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ({"order_status": "0"}, Ignored("declined")),
        ({"order_status": "7"}, Ignored("declined")),
        ({"order_status": "0", **REBILL}, Ignored("rebill declined")),
        ({"order_status": "10"}, Ignored("not paid yet")),
        ({"order_status": "11"}, Ignored("not paid yet")),
        ({"order_status": "6"}, OrderRefunded),
        ({"ischargeback": "1"}, OrderRefunded),
        ({"void_refund_amount": "25.00"}, OrderRefunded),
        ({"void_refund_amount": "30.00"}, OrderRefunded),
        ({"is_test_cc": "1"}, Ignored("test order")),
    ],
)
def test_no_word_raises_what_the_values_deny(
    word: str, values: dict[str, str | None], outcome: Ignored | type[Event]
) -> None:
    reading = said(word, values)
    assert reading == outcome if isinstance(outcome, Ignored) else isinstance(only(reading), outcome)


@pytest.mark.parametrize("status", ["1", "2", "8", "", None, "{order_status}"])
def test_what_the_values_do_not_deny_is_placed(status: str | None) -> None:
    unset = {"void_refund_amount": "0.00", "ischargeback": "0", "is_test_cc": "0", "decline_reason": "N/A"}
    assert placed(said("approved", {"order_status": status, **unset}))


@pytest.mark.parametrize("word", ["approved", "shipped"])
@pytest.mark.parametrize("status", ["3", "approved", "-1", "1.0"])
def test_an_unknown_status_is_not_guessed(word: str, status: str) -> None:
    assert unsupported({"event": word, "order_status": status}).field == "order_status"


@pytest.mark.parametrize("word", ["approved", "shipped"])
def test_a_reason_for_a_decline_without_a_status_is_not_guessed(word: str) -> None:
    given = {"event": word, "order_status": None, "decline_reason": "Do not honor"}
    assert unsupported(given).field == "order_status"
    assert only(read({**given, "order_status": "1"}))


def test_a_sale_of_which_some_was_given_back_is_only_refunded() -> None:
    assert refund(said("approved", {"void_refund_amount": "5.00"})) == so_far(500)


def test_what_is_left_after_a_partial_refund_is_still_shipped() -> None:
    assert isinstance(only(said("shipped", {"void_refund_amount": "5.00"})), OrderFulfilled)


def test_a_decline_does_not_keep_a_later_approval_from_being_placed() -> None:
    assert said("declined", {"order_status": "0", "customer_id": "0"}) == Ignored("declined")
    assert placed(said("approved", {"was_reprocessed": "1"})).order_id == ORDER["order_id"]


# --- refunds and voids


def test_a_refund_is_the_sum_so_far() -> None:
    assert refund(said("refund", {"void_refund_amount": "5.00"})) == so_far(500)
    assert refund(said("refund", {"void_refund_amount": "25.00"})) == so_far(2500)


@pytest.mark.parametrize("amount", ["24.99", "25.01"])
def test_a_cent_less_or_more_than_the_total_is_the_total(amount: str) -> None:
    assert refund(said("refund", {"void_refund_amount": amount})) == so_far(2500)


def test_an_amount_over_the_total_is_taken_as_said() -> None:
    """Should an account lower order_total after a refund, the sum so far is still what was given back."""
    assert refund(said("refund", {"void_refund_amount": "20.00", "order_total": "5.00"})) == so_far(2000)


@pytest.mark.parametrize("amount", [None, "", "0", "0.00", "{void_refund_amount}", "Not Available"])
def test_a_refund_of_an_unknown_amount_names_the_token(amount: str | None) -> None:
    reading = said("refund", {"void_refund_amount": amount})
    assert refund(reading) == Refund(basis="cumulative")
    assert "tick the token void_refund_amount" in warnings(reading)


@pytest.mark.parametrize("word", ["approved", "refund", "void", "shipped"])
@pytest.mark.parametrize("amount", ["-5.00", "5,00", "all of it"])
def test_an_unreadable_amount_given_back_is_not_guessed(word: str, amount: str) -> None:
    assert troubled_field({"void_refund_amount": amount}, word) == "void_refund_amount"


def test_a_refund_of_a_declined_order_is_none() -> None:
    assert said("refund", {"order_status": "0"}) == Ignored("declined")


def test_a_refund_that_says_no_amount_and_is_charged_back_is_the_chargeback() -> None:
    assert refund(said("refund", {"ischargeback": "1"})) == Refund(basis="full", chargeback=True)
    assert refund(said("refund", {"ischargeback": "1", "void_refund_amount": "5.00"})) == so_far(500)


def test_the_order_apis_status_of_the_ended_is_a_full_refund() -> None:
    assert refund(said("refund", {"order_status": "6"})) == FULL


@pytest.mark.parametrize("amount", [None, "0.00", "24.99", "25.00", "30.00"])
def test_a_void_cancels_the_whole_order(amount: str | None) -> None:
    assert isinstance(only(said("void", {"void_refund_amount": amount})), OrderCancelled)


def test_nothing_is_voided_in_part() -> None:
    assert refund(said("void", {"void_refund_amount": "5.00"})) == so_far(500)


def test_a_void_of_a_declined_order_is_none() -> None:
    assert said("void", {"order_status": "0"}) == Ignored("declined")
    assert isinstance(
        only(said("void", {"order_status": "0", "void_refund_amount": "25.00"})), OrderCancelled
    )


def test_a_chargeback_is_a_flagged_refund_of_everything() -> None:
    reading = said("chargeback", {"ischargeback": "1", "void_refund_amount": "5.00"})
    assert refund(reading) == Refund(basis="full", chargeback=True)
    event = only(reading)
    assert isinstance(event, OrderRefunded)
    assert event.properties == {"chargeback": True, "reason": "chargeback"}


def test_a_chargeback_of_a_declined_order_is_none() -> None:
    assert said("chargeback", {"order_status": "0"}) == Ignored("declined")


def test_a_prospect_that_became_an_order_is_no_checkout() -> None:
    prospect = {"prospect_id": "880500"}
    assert said("prospect", prospect) == Ignored("no longer a prospect: it has an order id")
    assert said("prospect", {**prospect, "order_status": "0"}) == Ignored("declined")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 2600), min_size=1, max_size=6))
def test_in_any_order_and_repetition_the_steps_sum_to_the_largest_amount_told(amounts: list[int]) -> None:
    story = Story(policy({}, MOMENT))
    told = 0
    for number, minor in enumerate(amounts, 1):
        postback = get({**ORDER, "event": "refund", "void_refund_amount": f"{minor // 100}.{minor % 100:02}"})
        events = (only(adapter().read(postback)),)
        calls = [call for call in story.tell(number, postback, events) if "path" in call]
        told += sum(call["body"]["refundAmountCents"] for call in calls)
        largest = max(amounts[:number])
        assert told == (2500 if largest >= 2499 else largest)


# --- amounts


@pytest.mark.parametrize(
    ("amount", "code", "minor"),
    [
        ("5480.00", "JPY", 5480),
        ("5480", "JPY", 5480),
        ("1.500", "KWD", 1500),
        ("1,234.50", "USD", 123450),
        ("4.2", "usd", 420),
        ("0.00", "USD", 0),
    ],
)
def test_amounts_become_minor_units_of_their_currency(amount: str, code: str, minor: int) -> None:
    assert placed(said("approved", {"order_total": amount, "currency_code": code})).total_minor == minor


@pytest.mark.parametrize("amount", ["12,50", "-5.00", "free", "", None, "9" * 17])
def test_a_sale_without_a_readable_total_names_the_token(amount: str | None) -> None:
    assert troubled_field({"order_total": amount}) == "order_total"


def test_an_unreadable_total_does_not_stop_a_shipment() -> None:
    reading = said("shipped", {"order_total": "free"})
    assert isinstance(only(reading), OrderFulfilled)
    assert "order_total" in warnings(reading)


def test_without_a_currency_the_sources_is_assumed() -> None:
    event = placed(said("approved", {"currency_code": ""}, currency="EUR"))
    assert (event.currency, event.currency_assumed) == ("EUR", True)


@pytest.mark.parametrize("code", ["US Dollar", None])
def test_a_sale_without_a_currency_names_the_token(code: str | None) -> None:
    assert troubled_field({"currency_code": code}, currency=None) == "currency_code"


def test_a_thin_refund_goes_without_e_mail_and_total_in_the_sources_currency() -> None:
    thin = {"email": None, "order_total": None, "currency_code": None, "void_refund_amount": "5.00"}
    event = only(said("refund", thin, currency="JPY"))
    assert isinstance(event, OrderRefunded)
    assert (event.customer.email, event.total_minor) == (None, None)
    assert (event.currency, event.currency_assumed) == ("JPY", True)
    assert event.refund == so_far(5)


def test_a_thin_shipment_claims_no_currency() -> None:
    event = only(said("shipped", {"order_total": None, "currency_code": None}))
    assert isinstance(event, OrderFulfilled)
    assert event.currency is None

"""How much was paid and how much given back."""

from __future__ import annotations

import json

import pytest

from relay.normalise.contract import Ignored
from relay.normalise.events import (
    CheckoutStarted,
    OrderFulfilled,
    OrderRefunded,
    Refund,
)
from tests.adapters.checkoutchamp_support import (
    COMPLETE,
    FULL,
    ORDER,
    adapter,
    post,
    read,
    said,
    troubled_field,
)
from tests.adapters.readings import only, placed, refund, warnings

UNKNOWN = Refund(basis="cumulative")


@pytest.mark.parametrize("word", ["refund", "refunded", "order.refunded", "all_refunds"])
def test_a_refunded_order_is_refunded_in_full(word: str) -> None:
    assert refund(said(word, {"orderStatus": "REFUNDED"})) == FULL


@pytest.mark.parametrize("word", ["refund_full", "full_refund", "Full Refunds"])
def test_a_word_for_a_full_refund_needs_no_status(word: str) -> None:
    assert refund(said(word.replace(" ", "+"))) == FULL


@pytest.mark.parametrize("word", ["refund", "refund_partial", "partial_refund"])
def test_what_remains_tells_the_sum_refunded(word: str) -> None:
    assert refund(said(word, {**COMPLETE, "refundRemaining": "20.01"})) == Refund(
        basis="cumulative", amount_minor=499
    )


@pytest.mark.parametrize("word", ["refund", "refund_partial"])
def test_a_partial_refund_of_an_unknown_amount_names_the_field(word: str) -> None:
    reading = said(word, COMPLETE)
    assert refund(reading) == UNKNOWN
    assert "map refundRemaining" in warnings(reading)


def test_a_status_of_refunded_does_not_make_a_partial_refund_full() -> None:
    assert refund(said("refund_partial", {"orderStatus": "REFUNDED"})) == UNKNOWN


def test_a_dated_refund_of_a_complete_order_needs_an_amount() -> None:
    dated = {**COMPLETE, "dateRefunded": "2026-06-03 15:20:00"}
    assert refund(read(dated)) == UNKNOWN
    assert refund(read({**dated, "refundRemaining": "5.00"})) == Refund(basis="cumulative", amount_minor=2000)


def test_a_sale_refunded_in_part_before_it_was_sent_is_still_a_sale() -> None:
    dated = {**COMPLETE, "dateRefunded": "2026-06-03 15:20:00"}
    assert placed(said("sale", {**dated, "refundRemaining": "5.00"}))
    assert refund(said("sale", {**dated, "refundRemaining": "0.00"})) == FULL


def test_nothing_remaining_is_a_full_refund_and_all_remaining_none() -> None:
    assert refund(said("refund", {"refundRemaining": "0.00"})) == FULL
    assert said("refund", {"refundRemaining": "25.00"}) == Ignored("nothing was refunded")


def test_what_remains_of_an_upsold_order_is_not_taken_from_the_total_of_its_first_sale() -> None:
    first = {**COMPLETE, "totalPrice": None, "orderTotal": "149.00"}
    assert refund(said("refund_partial", {**first, "refundRemaining": "139.00"})) == UNKNOWN
    assert refund(said("refund", {**first, "refundRemaining": "0.00"})) == FULL
    told = {**first, "totalRefunded": "149.00"}
    assert refund(said("refund", told)) == Refund(basis="cumulative", amount_minor=14900)


def test_a_cumulative_sum_of_the_merchants_own_is_taken() -> None:
    assert refund(said("refund", {"totalRefunded": "7.50"})) == Refund(basis="cumulative", amount_minor=750)


def test_more_remaining_than_the_total_is_refused() -> None:
    assert troubled_field({"refundRemaining": "25.01"}, "refund") == "refundRemaining"


def test_a_refund_does_not_take_its_own_date_for_the_orders() -> None:
    event = only(said("refund_full", {"dateRefunded": "2026-05-28 18:04:03"}))
    assert isinstance(event, OrderRefunded)
    assert event.ordered_at is None
    assert event.properties["dateRefunded"] == "2026-05-28T22:04:03.000Z"


def test_a_chargeback_is_a_flagged_refund_of_what_was_charged_back() -> None:
    amount = Refund(basis="step", id="chargeback", amount_minor=1000, chargeback=True)
    assert refund(said("chargeback", {"chargebackAmount": "10.00"})) == amount
    assert refund(said("chargeback")) == Refund(basis="full", chargeback=True)


def test_zero_chargeback_and_refund_fields_are_no_chargeback_and_no_refund() -> None:
    unset = {"chargebackAmount": "0.00", "chargebackDate": "0000-00-00 00:00:00", "dateRefunded": ""}
    assert placed(read({**COMPLETE, **unset}))


def test_a_thin_refund_goes_without_e_mail_total_and_currency() -> None:
    thin = {"emailAddress": None, "totalPrice": None, "currencyCode": None}
    event = only(said("refund_full", thin, currency=None))
    assert isinstance(event, OrderRefunded)
    assert (event.customer.email, event.total_minor, event.currency) == (None, None, None)


@pytest.mark.parametrize(
    ("amount", "code", "minor"),
    [
        ("4980.00", "JPY", 4980),
        ("4980", "JPY", 4980),
        ("1.500", "KWD", 1500),
        ("1.5", "KWD", 1500),
        ("1,299.500", "KWD", 1299500),
        ("1,299,500", "KWD", 1299500000),
        ("$1,299.50", "USD", 129950),
        ("$ 1 299.50", "USD", 129950),
        ("1\u202f299.50 €", "EUR", 129950),
        (279, "USD", 27900),
        ("0.00", "USD", 0),
        ("19.999", "EUR", 2000),
    ],
)
def test_amounts_become_minor_units_of_their_currency(amount: str | int, code: str, minor: int) -> None:
    assert placed(said("sale", {"totalPrice": amount, "currencyCode": code})).total_minor == minor


def test_no_amount_passes_through_a_float() -> None:
    body = json.dumps(ORDER | {"totalPrice": None}).replace("null", "64.50")
    assert placed(adapter().read(post(body.encode(), "event=sale"))).total_minor == 6450


@pytest.mark.parametrize(
    "amount",
    ["12,50", ",50", "12 50", "1.234,567", "1.234,50", "-5.00", "free", "1e9", "9" * 16, {"amount": 5}],
)
def test_an_unreadable_total_names_the_field(amount: object) -> None:
    assert troubled_field({"totalPrice": amount}) == "totalPrice"


def test_a_comma_that_may_be_either_is_not_read_as_a_thousand_times_the_amount() -> None:
    """A dinar has a thousand parts, and many who count in it write a decimal comma."""
    assert troubled_field({"totalPrice": "12,500", "currencyCode": "TND"}) == "totalPrice"


def test_the_running_total_beats_that_of_the_first_sale() -> None:
    totals = {"totalAmount": None, "totalPrice": "587.99", "orderTotal": "294.00"}
    assert placed(said("upsell", totals)).total_minor == 58799


def test_a_checkout_takes_the_total_that_is_not_zero() -> None:
    event = only(said("partial", {"totalPrice": "0.00", "orderTotal": 279}))
    assert isinstance(event, CheckoutStarted)
    assert event.total_minor == 27900


def test_a_placed_order_without_a_total_names_the_field() -> None:
    assert troubled_field({"totalPrice": ""}) == "totalPrice"


def test_an_unreadable_total_does_not_stop_a_shipment() -> None:
    reading = said("shipped", {"totalPrice": "n/a"})
    assert isinstance(only(reading), OrderFulfilled)
    assert "totalPrice" in warnings(reading)


def test_base_shipping_is_added_where_the_account_needs_it() -> None:
    order = {"totalAmount": "20.00", "baseShipping": "5.00"}
    assert placed(said("sale", order)).total_minor == 2000
    assert placed(said("sale", order, api_total="with_shipping")).total_minor == 2500


@pytest.mark.parametrize(("symbol", "code"), [("€", "EUR"), ("£", "GBP")])
def test_an_unambiguous_symbol_names_a_currency(symbol: str, code: str) -> None:
    assert placed(said("sale", {"currencyCode": None, "currencySymbol": symbol})).currency == code


def test_a_dollar_sign_is_the_sources_currency_with_a_warning() -> None:
    reading = said("sale", {"currencyCode": None, "currencySymbol": "$"}, currency="CAD")
    assert placed(reading).currency == "CAD"
    assert "symbol" in warnings(reading)


def test_a_code_beats_a_symbol() -> None:
    assert placed(said("sale", {"currencyCode": "aud", "currencySymbol": "€"})).currency == "AUD"


@pytest.mark.parametrize("fields", [{"currencyCode": "XQQ"}, {"currencyCode": None}])
def test_an_order_without_a_currency_names_the_field(fields: dict[str, str | None]) -> None:
    assert troubled_field(fields, currency=None) == "currencyCode"


def test_the_sources_default_is_not_claimed_where_no_amount_needs_it() -> None:
    event = only(said("shipped", {"totalPrice": None, "currencyCode": None}))
    assert isinstance(event, OrderFulfilled)
    assert event.currency is None

"""What is sent beside an order, and what an operator may choose."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from adapters.checkoutchamp import CheckoutChampOptions
from adapters.checkoutchamp.options import Trigger
from adapters.checkoutchamp.words import EVENT_WORDS, NOTICES
from relay.normalise import events
from relay.normalise.contract import Ignored
from relay.normalise.events import CustomerEvent
from relay.normalise.words import plain
from tests.adapters.checkoutchamp_support import (
    COMPLETE,
    FIXTURES,
    ORDER,
    adapter,
    post,
    read,
    said,
    troubled_field,
)
from tests.adapters.readings import only, placed


def test_nothing_private_is_sent() -> None:
    private = {
        "cardNumber": "4111111111111111",
        "cardLast4": "4242",
        "ipAddress": "203.0.113.9",
        "phoneNumber": "2025550101",
        "transactionId": "pi_1",
        "gatewayTitle": "Gateway A",
        "address1": "1 Example Street",
        "token": "s3cret",
    }
    everything = json.dumps(events.dump((placed(said("sale", private)),)))
    assert not [value for value in private.values() if value in everything]


def test_properties_and_attributes_are_a_choice() -> None:
    event = placed(
        said("sale", {"pubId": "P9", "campaignId": 7}, properties=["pubId", "crmOrderId"], attributes=[])
    )
    assert event.properties == {"pubId": "P9", "crmOrderId": "90201"}
    assert event.customer.attributes == {}


def test_what_says_nothing_is_not_sent() -> None:
    empty = {
        "totalDiscount": "0.00",
        "shipCarrier": "Default",
        "nextBillDate": "0000-00-00",
        "billingCycleNumber": "ONE_TIME",
        "originalOrderId": "90201",
        "custom1": "",
    }
    assert placed(said("sale", empty)).properties == {"crmOrderId": "90201"}


def test_a_long_property_is_cut() -> None:
    assert len(str(placed(said("sale", {"custom1": "x" * 9999})).properties["custom1"])) == 500


def test_a_senders_own_delivery_id_is_kept() -> None:
    body = json.dumps({**ORDER, "event": "sale"}).encode()
    reading = adapter().read(
        post(body, headers={"content-type": "application/json", "idempotency-key": " k-1 "})
    )
    assert reading.delivery_id == "k-1"


def test_a_trigger_without_a_call_may_become_a_generic_event() -> None:
    event = only(said("decline", COMPLETE, customer_events=["declined"]))
    assert isinstance(event, CustomerEvent)
    assert event.name == "payment.declined"
    assert event.customer.email == "noel@example.com"
    assert event.properties["order"] == "AB90201000"
    assert said("pause", customer_events=["declined"]) == Ignored("subscription paused")


def test_a_generic_event_needs_somebody() -> None:
    nobody = {"emailAddress": None}
    assert troubled_field(nobody, "decline", customer_events=["declined"]) == "emailAddress"
    assert only(said("decline", {**nobody, "customerId": 5}, customer_events=["declined"]))


def test_a_word_can_be_taught() -> None:
    assert placed(read({"customerType": "Order Paid"}, words={"order-paid": "sale"}))


def test_an_export_name_of_ones_own_can_be_given() -> None:
    renamed = {"emailAddress": None, "Kunden Mail": "k@example.com"}
    assert (
        placed(said("sale", renamed, fields={"emailAddress": "kundenmail"})).customer.email == "k@example.com"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"default_event": "sold"},
        {"words": {"x": "sold"}},
        {"words": {" ": "sale"}},
        {"fields": {"emailAddress": "cardNumber"}},
        {"fields": {"eMail": "mail"}},
        {"pending": "maybe"},
        {"product_id": "external"},
        {"customer_events": ["sale"]},
        {"properties": ["orderId"]},
        {"properties": ["line_items"]},
        {"properties": ["cardNumber"]},
        {"properties": ["phoneNumber"]},
        {"properties": ["shipAddress1"]},
        {"attributes": ["totalSpent"]},
        {"attributes": ["ipAddress"]},
        {"surprise": 1},
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CheckoutChampOptions.model_validate(options)


# --- the operator's guide

GUIDE = FIXTURES.parent / "README.md"
QUOTED = frozenset(re.findall(r"`([^`\n]+)`", GUIDE.read_text()))


@pytest.mark.parametrize("option", CheckoutChampOptions.model_fields)
def test_every_option_is_in_the_guide(option: str) -> None:
    assert option in QUOTED


def test_every_word_is_in_the_guide() -> None:
    assert not EVENT_WORDS.keys() - {plain(word) for word in QUOTED}


def test_every_trigger_without_a_call_can_be_asked_for_and_is_in_the_guide() -> None:
    triggers = {means.value for means in NOTICES}
    assert set(get_args(Trigger)) == triggers
    assert triggers <= QUOTED

"""What is sent beside an order, and what an operator may choose."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from adapters.stickyio import StickyioOptions
from adapters.stickyio.words import EVENT_WORDS, NOTICES, Trigger
from relay import httpfile
from relay.normalise import events
from relay.normalise.contract import Ignored
from relay.normalise.events import CustomerEvent
from relay.normalise.scrub import scrub
from relay.normalise.words import plain
from tests.adapters.readings import only, placed
from tests.adapters.stickyio_support import FIXTURES, MOMENT, adapter, post, said, troubled_field

PRIVATE = {
    "cc_first_6": "411111",
    "cc_last_4": "4242",
    "digital_delivery_username": "noel-login",
    "digital_delivery_password": "hunter2",
    "ip_address": "203.0.113.9",
    "phone": "2025550101",
    "transaction_id": "9913884021",
    "gateway_id": "gateway-12",
    "billing_address": "1 Example Street",
    "shipping_zip": "97201",
    "key": "s3cr3t-in-url",
}


def test_nothing_private_is_sent() -> None:
    everything = json.dumps(events.dump((placed(said("approved", PRIVATE)),)))
    assert not [value for value in PRIVATE.values() if value in everything]


def test_credentials_cards_and_secrets_are_not_stored() -> None:
    request = httpfile.read(FIXTURES / "order_placed__renamed_parameters.http").postback(MOMENT)
    assert "s3cr3t-in-url" in request.query
    stored = scrub(request, adapter().dropped)
    assert "s3cr3t-in-url" not in stored.query
    names = ("cc_first_6", "cc_last_4", "digital_delivery_username", "digital_delivery_password", "key")
    assert {name.replace("_", "") for name in names} <= adapter().dropped


def test_properties_and_attributes_are_a_choice_and_spelt_as_listed() -> None:
    given = {"c2": "banner", "cbs_page_id": "P9", "is_gift": "1"}
    event = placed(said("approved", given, properties=["C2", "cbsPageId", "is_gift"], attributes=["c2"]))
    assert event.properties == {"C2": "banner", "cbsPageId": "P9", "is_gift": "1"}
    assert event.customer.attributes == {"c2": "banner"}


def test_what_says_nothing_is_not_sent() -> None:
    empty = {
        "rebill_depth": "0",
        "retry_attempt": "0",
        "was_reprocessed": "0",
        "rebill_discount": "0.00",
        "decline_salvage_discount": "0",
        "recurring_date": "0000-00-00",
        "decline_reason": "N/A",
        "shipping_method": "Not Available",
        "trackingnumber": "Not Shipped",
        "c1": "{c1}",
        "c2": "x-{c2}",
        "c3": "%7Bc3%7D",
    }
    event = placed(said("approved", empty))
    assert (event.properties, event.customer.attributes) == ({}, {})


def test_a_long_property_is_cut() -> None:
    assert len(str(placed(said("approved", {"c1": "x" * 9999})).properties["c1"])) == 500


def test_a_trigger_without_a_call_may_become_a_generic_event() -> None:
    given = {"order_status": "0", "customer_id": "0", "decline_reason": "Insufficient funds REFID:176009519"}
    event = only(said("declined", given, customer_events=["declined"]))
    assert isinstance(event, CustomerEvent)
    assert event.name == "payment.declined"
    assert (event.customer.email, event.customer.external_id) == ("noel@example.com", None)
    assert event.properties == {"order": "104901", "declineReason": "Insufficient funds"}
    assert said("hold", customer_events=["declined"]) == Ignored("subscription on hold")


def test_a_generic_event_needs_somebody() -> None:
    nobody = {"email": None, "customer_id": "0"}
    assert troubled_field(nobody, "declined", customer_events=["declined"]) == "email"
    assert only(said("declined", {"email": None}, customer_events=["declined"]))


@pytest.mark.parametrize(
    "options",
    [
        {"default_event": "sold"},
        {"words": {"x": "sold"}},
        {"words": {" ": "approved"}},
        {"parameters": {"email": "cc_number"}},
        {"parameters": {"email": ["mail", "key"]}},
        {"parameters": {"email": ""}},
        {"parameters": {"eMail": "mail"}},
        {"encoding": "utf-16"},
        {"product_id": "name"},
        {"price": "total"},
        {"customer_events": ["approved"]},
        {"deleted_products": "delete"},
        {"properties": ["order_id"]},
        {"properties": ["line_items"]},
        {"properties": ["cc_last_4"]},
        {"properties": ["digital_delivery_password"]},
        {"properties": ["billing_address"]},
        {"properties": ["transaction_id"]},
        {"attributes": ["totalSpent"]},
        {"attributes": ["ip_address"]},
        {"surprise": 1},
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StickyioOptions.model_validate(options)


# --- the operator's guide

GUIDE = FIXTURES.parent / "README.md"
QUOTED = frozenset(re.findall(r"`([^`\n]+)`", GUIDE.read_text()))


@pytest.mark.parametrize("option", StickyioOptions.model_fields)
def test_every_option_is_in_the_guide(option: str) -> None:
    assert option in QUOTED


def test_every_word_is_in_the_guide() -> None:
    assert not EVENT_WORDS.keys() - {plain(word) for word in QUOTED}


def test_every_trigger_without_a_call_can_be_asked_for_and_is_in_the_guide() -> None:
    assert set(get_args(Trigger)) == {means.value for means in NOTICES}
    assert {means.value for means in NOTICES} | {notice.event for notice in NOTICES.values()} <= QUOTED


def test_a_form_in_another_encoding_is_stored_without_what_is_never_stored() -> None:
    body = b"email=jo@example.com&cc_first_6=411111&key=s3cr3t&first_name=Zo\xeb"
    stored = scrub(post(body), adapter().dropped)
    assert stored.body == b"email=jo@example.com&cc_first_6=[dropped]&key=[dropped]&first_name=Zo\xeb"
    unreadable = scrub(post(body + b"&note=4111 1111 1111 1111"), adapter().dropped, readable=False)
    assert unreadable.body == stored.body + b"&note=[dropped]"


def test_what_the_profiles_of_the_guide_send_is_read() -> None:
    """A URL to paste that nothing is mapped from would lose every order of those who paste it."""
    urls = re.findall(r"^https://RELAY/in/my-store/TOKEN\?(\S+)$", GUIDE.read_text(), re.MULTILINE)
    tokens = {
        "order_total": "25.00",
        "currency_code": "USD",
        "email": "noel@example.com",
        "void_refund_amount": "0.00",
        "is_test_cc": "0",
        "ischargeback": "0",
    }
    read = set()
    for url in urls:
        query = re.sub(r"\{(\w+)\}", lambda token: tokens.get(token[1], "1"), url)
        request = httpfile.parse(f"GET /in/SOURCE?{query} HTTP/1.1\n\n".encode())
        read.add(only(adapter().read(request.postback(MOMENT))).kind)
    assert read == {"order.placed", "checkout.started"}

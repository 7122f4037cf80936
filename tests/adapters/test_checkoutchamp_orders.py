"""Items, dates, ids and people, whatever they come in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from relay.errors import Malformed, Unmappable
from relay.normalise.events import (
    CheckoutStarted,
    Item,
    OrderFulfilled,
)
from tests.adapters.checkoutchamp_support import ORDER, adapter, post, read, said, troubled_field
from tests.adapters.readings import only, placed, warnings


def items(fields: Mapping[str, Any], **options: Any) -> tuple[Item, ...] | None:
    return placed(said("sale", fields, **options)).items


IDS = {
    "product1_name": "Tea",
    "product1_crmId": "601",
    "product1_campaignProductId": "11089",
    "product1_id": "TEA-OURS",
    "product1_sku": "TEA-250",
}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("base", "601"), ("campaign", "11089"), ("client", "TEA-OURS"), ("sku", "TEA-250")],
)
def test_the_product_id_is_a_choice(choice: str, expected: str) -> None:
    assert (items(IDS, product_id=choice) or ())[0].product_id == expected


def test_the_product_id_falls_back() -> None:
    found = items({"product1_sku": "TEA-250"})
    assert found == (Item(product_id="TEA-250", title="TEA-250", sku="TEA-250"),)


@pytest.mark.parametrize(
    ("quantity", "price"),
    [("3", 3333), ("", 10000), ("0", 10000), ("2.5", 10000), ("-1", 10000), ("3.00", 3333)],
)
def test_a_line_is_divided_by_a_positive_whole_quantity(quantity: str, price: int) -> None:
    line = {
        "product1_name": "Oil",
        "product1_crmId": "501",
        "product1_qty": quantity,
        "product1_price": "100.00",
    }
    assert (items(line) or ())[0].price_minor == price


def test_halves_of_a_unit_price_are_rounded_up() -> None:
    line = {"product1_name": "Oil", "product1_crmId": "501", "product1_qty": "2", "product1_price": "0.05"}
    assert (items(line) or ())[0].price_minor == 3


def test_renamed_and_underscored_keys_fill_the_first_slot() -> None:
    renamed = {"productId": "325", "productName": "Plan", "quantity": "2", "price": "10.00"}
    expected = (Item(product_id="325", title="Plan", quantity=2, price_minor=500),)
    assert items(renamed) == expected
    assert (
        items(
            {
                f"product_1_{k}": v
                for k, v in zip(("crm_id", "name", "qty", "price"), renamed.values(), strict=True)
            }
        )
        == expected
    )


@pytest.mark.parametrize("number", [6, 20])
def test_slots_beyond_the_documented_five_are_read(number: int) -> None:
    assert items({f"product{number}_name": "Late", f"product{number}_crmId": "9"}) is not None


@pytest.mark.parametrize(
    "container",
    [
        [{"productId": 301, "name": "Mug", "qty": 2, "price": "10.00"}],
        {"301": {"name": "Mug", "qty": "2", "price": 10}},
        '[{"productId": "301", "name": "Mug", "qty": 2, "price": 10.00}]',
        '{"301": {"name": "Mug", "qty": 2, "price": "10"}}',
    ],
)
def test_every_container_holds_the_same_items(container: object) -> None:
    found = items({"items": container})
    assert found == (Item(product_id="301", title="Mug", quantity=2, price_minor=500),)


def test_items_in_brackets_below_a_prefix_are_read() -> None:
    form = {f"order_details[{key}]": str(value) for key, value in ORDER.items()}
    form |= {
        "order_details[items][0][productId]": "301",
        "order_details[items][0][name]": "Mug",
        "event": "sale",
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    event = placed(adapter().read(post(urlencode(form).encode(), headers=headers)))
    assert event.items == (Item(product_id="301", title="Mug"),)


@pytest.mark.parametrize("broken", ["[{", "nonsense", [1, None, "x"], [{"name": "no id"}]])
def test_unreadable_items_are_left_out_with_a_warning(broken: object) -> None:
    reading = said("sale", {"items": broken})
    assert placed(reading).items is None
    assert warnings(reading)


def test_an_unreadable_price_leaves_the_item() -> None:
    reading = said("sale", {"product1_name": "Mug", "product1_crmId": "1", "product1_price": "-4"})
    assert (placed(reading).items or ())[0].price_minor is None
    assert "price of product1" in warnings(reading)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dateCreated": "2026-01-05 08:00:00"}, "2026-01-05T13:00:00"),
        ({"dateCreated": "2026-07-05 08:00:00"}, "2026-07-05T12:00:00"),
        ({"dateCreated": "2026-11-01 01:30:00"}, "2026-11-01T05:30:00"),  # run through twice: the first
        ({"dateCreated": "2026-03-08 02:30:00"}, "2026-03-08T07:30:00"),  # jumped over: forward
        ({"dateCreated": "2026-01-05", "timeCreated": "08:00:00"}, "2026-01-05T13:00:00"),
        ({"dateCreated": "2026-01-05"}, "2026-01-05T05:00:00"),
        ({"order_date": "2026-01-05T08:00:00Z"}, "2026-01-05T08:00:00"),
        (
            {"dateCreated": {"date": "2026-01-05 08:00:00.000000", "timezone_type": 3, "timezone": "UTC"}},
            "2026-01-05T08:00:00",
        ),
        (
            {"dateCreated": {"date": "2026-01-05 08:00:00.000000", "timezone_type": 1, "timezone": "+02:00"}},
            "2026-01-05T06:00:00",
        ),
    ],
)
def test_dates_are_wall_clock_of_the_account(fields: dict[str, Any], expected: str) -> None:
    moment = placed(said("sale", fields)).ordered_at
    assert moment is not None
    assert moment.isoformat() == f"{expected}+00:00"


def test_the_zone_is_a_setting() -> None:
    moment = placed(
        said("sale", {"dateCreated": "2026-01-05 08:00:00"}, zone="America/Los_Angeles")
    ).ordered_at
    assert moment == datetime(2026, 1, 5, 16, tzinfo=UTC)


def test_an_unset_date_is_no_date_and_an_unreadable_one_warns() -> None:
    assert not warnings(said("sale", {"dateCreated": "0000-00-00 00:00:00"}))
    reading = said("sale", {"dateCreated": "yesterday"})
    assert placed(reading).ordered_at is None
    assert "dateCreated" in warnings(reading)


def test_a_checkout_started_when_it_was_created_or_acquired() -> None:
    event = only(
        said("partial", {"acquisitionDate": "2026-01-05 08:00:00", "salesUrl": "https://x.example/a"})
    )
    assert isinstance(event, CheckoutStarted)
    assert (event.started_at, event.ordered_at) == (datetime(2026, 1, 5, 13, tzinfo=UTC), None)
    assert event.url == "https://x.example/a"


def test_only_a_link_is_a_checkout_url() -> None:
    event = only(said("partial", {"salesUrl": "javascript:alert(1)"}))
    assert isinstance(event, CheckoutStarted)
    assert event.url is None


@pytest.mark.parametrize(
    ("fields", "best", "names"),
    [
        ({}, "AB90201000", ("client:AB90201000", "number:90201")),
        ({"clientOrderId": "ab90201000"}, "AB90201000", ("client:AB90201000", "number:90201")),
        ({"clientOrderId": "1234567E89"}, "1234567E89", ("client:1234567E89", "number:90201")),
        ({"clientOrderId": "5701759342"}, "5701759342", ("client:5701759342", "number:90201")),
        ({"clientOrderId": None}, "90201", ("number:90201",)),
        ({"clientOrderId": "[clientOrderId]"}, "90201", ("number:90201",)),
        ({"clientOrderId": None, "orderId": "007"}, "007", ("number:007",)),
        (
            {"clientOrderId": None, "orderId": "5CDD10FF21", "actualOrderId": 49901},
            "5CDD10FF21",
            ("client:5CDD10FF21", "number:49901"),
        ),
        (
            {"clientOrderId": None, "orderId": "5701759342", "totalAmount": "25.00"},
            "5701759342",
            ("client:5701759342",),
        ),
    ],
)
def test_ids_are_text_and_all_names_are_kept(
    fields: dict[str, Any], best: str, names: tuple[str, ...]
) -> None:
    event = placed(said("sale", fields))
    assert (event.order_id, event.names) == (best, names)


def test_an_order_without_an_id_names_the_field() -> None:
    assert troubled_field({"clientOrderId": "", "orderId": "[orderId]"}) == "orderId"


def test_an_id_too_long_to_be_one_is_refused() -> None:
    assert troubled_field({"clientOrderId": "A" * 300}) == "clientOrderId"


def test_a_checkout_without_an_id_gets_the_same_one_every_time() -> None:
    lead = {"clientOrderId": None, "orderId": None, "dateCreated": "2026-03-12 19:45:00"}
    first = only(said("partial", lead))
    again = only(said("partial", {**lead, "emailAddress": "NOEL@example.com", "firstName": "Noel"}))
    later = only(said("partial", {**lead, "dateCreated": "2026-03-12 19:45:01"}))
    assert isinstance(first, CheckoutStarted)
    assert isinstance(again, CheckoutStarted)
    assert isinstance(later, CheckoutStarted)
    assert first.order_id.startswith("cc-")
    assert first.order_id == again.order_id != later.order_id


@pytest.mark.parametrize("word", ["sale", "partial"])
@pytest.mark.parametrize("email", [None, "", "[emailAddress]", "nobody", "a@b@c", "a b@example.com"])
def test_who_is_to_be_mailed_needs_an_address(word: str, email: str | None) -> None:
    assert troubled_field({"emailAddress": email}, word) == "emailAddress"


def test_a_wrong_address_does_not_stop_a_shipment() -> None:
    reading = said("shipped", {"emailAddress": "nobody"})
    event = only(reading)
    assert isinstance(event, OrderFulfilled)
    assert event.customer.email is None
    assert "emailAddress" in warnings(reading)


def test_errors_and_warnings_repeat_no_value_of_a_person() -> None:
    with pytest.raises(Unmappable) as caught:
        said("sale", {"emailAddress": "noel at example"})
    assert "noel" not in str(caught.value)
    assert "noel" not in warnings(said("shipped", {"emailAddress": "noel at example", "totalPrice": "noel"}))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"fullName": "Alex van Example"}, ("Alex", "van Example")),
        ({"name": "Sasha"}, ("Sasha", None)),
        ({"fname": "Jo", "lname": "Low", "fullName": "Other Person"}, ("Jo", "Low")),
    ],
)
def test_names_are_split_at_the_first_blank(fields: dict[str, str], names: tuple[str, str | None]) -> None:
    customer = placed(said("sale", fields)).customer
    assert (customer.first_name, customer.last_name) == names


def test_the_documented_spelling_beats_an_alias() -> None:
    assert placed(said("sale", {"email": "other@example.com"})).customer.email == "noel@example.com"
    spelled = {"OrderID": "1", "order_id": "2", "clientOrderId": None}
    assert placed(said("sale", spelled)).order_id == "90201"


def test_placeholders_count_as_absent_and_are_named_once() -> None:
    reading = said("sale", {"firstName": "[firstName]", "custom1": " [custom1] ", "custom2": "[dropped]"})
    assert placed(reading).customer.first_name is None
    assert warnings(reading) == "2 placeholders were not replaced: [firstName], [custom1]"


def test_a_value_in_brackets_is_not_shown_as_a_placeholder() -> None:
    assert "4111" not in warnings(said("sale", {"custom1": "[4111111111111111]"}))


def test_an_error_names_the_placeholder_that_may_be_its_cause() -> None:
    with pytest.raises(Unmappable, match=r"\[emailAddress\]"):
        said("sale", {"emailAddress": "[emailAddress]"})


@pytest.mark.parametrize("loose", ["id", "oid"])
def test_an_id_that_may_be_anybody_s_names_the_order_only_where_nothing_else_does(loose: str) -> None:
    beside = placed(said("sale", {loose: "7"}))
    assert f"number:{7}" not in beside.names
    bare = {"clientOrderId": "", "orderId": ""}
    alone = placed(said("sale", {**bare, loose: "7"}))
    assert alone.names == ("number:7",)


@pytest.mark.parametrize("word", ["null", "undefined", "N/A", "-", "0"])
def test_a_word_for_nothing_is_no_order_id(word: str) -> None:
    event = placed(said("sale", {"clientOrderId": word, "orderId": "44"}))
    assert event.names == ("number:44",)


def test_an_id_that_holds_a_placeholder_is_everybodys_and_so_nobodys() -> None:
    reading = said("sale", {"clientOrderId": "KN-[orderId]", "customerId": "c[customerId]"})
    event = placed(reading)
    assert (event.order_id, event.names) == ("90201", ("number:90201",))
    assert event.customer.external_id is None
    assert "clientOrderId holds [orderId]" in warnings(reading)
    assert troubled_field({"clientOrderId": "KN-[orderId]", "orderId": None}) == "orderId"


def test_an_address_is_freed_of_what_nobody_sees() -> None:
    event = placed(said("sale", {"emailAddress": "\ufeffnoel\u200b@example.com\u200e"}))
    assert event.customer.email == "noel@example.com"


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_no_setting_is_advised_for_json_in_another_encoding_than_utf_8(encoding: str) -> None:
    body = json.dumps({**ORDER, "firstName": "Zoë"}, ensure_ascii=False).encode("windows-1252")
    with pytest.raises(Malformed, match="as JSON must be; only a form") as caught:
        adapter(encoding=encoding).read(post(body))
    assert "options" not in caught.value.reason


def test_another_encoding_than_utf_8_is_a_setting() -> None:
    form = urlencode({**ORDER, "firstName": "Zoë"}, encoding="windows-1252").encode()
    for postback in (post(form, "event=sale"), post(form.replace(b"%EB", b"\xeb"), "event=sale")):
        with pytest.raises(Malformed, match=r"UTF-8.*set options\.encoding"):
            adapter().read(postback)
        assert placed(adapter(encoding="windows-1252").read(postback)).customer.first_name == "Zoë"


def test_an_empty_field_of_the_body_leaves_what_the_url_says() -> None:
    assert placed(read({"currencyCode": ""}, "event=sale&currencyCode=EUR")).currency == "EUR"

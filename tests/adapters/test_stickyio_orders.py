"""Items, dates, ids and people, whatever they come in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import quote_plus, urlencode

import pytest

from relay.errors import Malformed, Unmappable
from relay.normalise.events import CheckoutStarted, Item, OrderFulfilled
from tests.adapters.readings import only, placed, warnings
from tests.adapters.stickyio_support import ORDER, PROSPECT, adapter, get, post, said, troubled_field

APPROVED = {**ORDER, "event": "approved"}
LISTS = {
    "product_id_csv": "211,305",
    "product_names_csv": "Night Cream,Cotton Pads",
    "product_prices_csv": "39.95,7.50",
    "product_qtys_csv": "1,2",
    "product_skus_csv": "NC-50,CP-100",
}
CREAM = Item(product_id="211", title="Night Cream", price_minor=3995, sku="NC-50")
PADS = Item(product_id="305", title="Cotton Pads", quantity=2, price_minor=750, sku="CP-100")


def items(given: dict[str, str | None], **options: str) -> tuple[Item, ...] | None:
    return placed(said("approved", {**LISTS, **given}, **options)).items


def test_five_lists_are_lines() -> None:
    assert items({}) == (CREAM, PADS)


def test_blanks_around_commas_and_empty_ends_make_no_difference() -> None:
    assert items({"product_id_csv": "211, 305,", "product_names_csv": "Night Cream , Cotton Pads,"}) == (
        CREAM,
        PADS,
    )


@pytest.mark.parametrize(
    ("names", "skus", "titles"),
    [
        ("Night Cream, 50 ml,Cotton Pads", "NC-50,CP-100", ["NC-50", "CP-100"]),
        ("Night Cream, 50 ml,Cotton Pads", "NC-50,", ["NC-50", "Product 305"]),
        ("Night Cream, 50 ml,Cotton Pads", None, ["Product 211", "Product 305"]),
        ("Night Cream", "NC-50,CP-100", ["NC-50", "CP-100"]),
        ("Night Cream,", "NC-50,CP-100", ["Night Cream", "CP-100"]),
    ],
)
def test_names_that_do_not_fit_the_ids_give_way(names: str, skus: str | None, titles: list[str]) -> None:
    found = items({"product_names_csv": names, "product_skus_csv": skus})
    assert [item.title for item in found or ()] == titles
    assert [item.price_minor for item in found or ()] == [3995, 750]


def test_names_that_do_not_fit_are_told_of() -> None:
    assert "product_names_csv has 3 entries" in warnings(
        said("approved", {**LISTS, "product_names_csv": "Night Cream, 50 ml,Cotton Pads"})
    )


@pytest.mark.parametrize("name", ["Night Cream, 50 ml", "Set {3 pieces}", "Set {large}"])
def test_the_only_product_has_the_whole_name(name: str) -> None:
    one = {"product_id_csv": "211", "product_names_csv": name, "product_prices_csv": "1,234.50"}
    found = items({**one, "product_qtys_csv": "1", "product_skus_csv": ""})
    assert found == (Item(product_id="211", title=name, price_minor=123450),)


@pytest.mark.parametrize("prices", ["1,234.50,7.50", "39.95", "free,7.50"])
def test_a_price_that_is_not_sure_is_left_out(prices: str) -> None:
    reading = said("approved", {**LISTS, "product_prices_csv": prices})
    assert (placed(reading).items or ())[0].price_minor is None
    assert "price" in warnings(reading)


@pytest.mark.parametrize("quantities", [None, "", "0,x", "1.5,-1", "1,2,3"])
def test_a_quantity_that_is_not_sure_is_one(quantities: str | None) -> None:
    assert [item.quantity for item in items({"product_qtys_csv": quantities}) or ()] == [1, 1]


def test_an_entry_without_an_id_is_left_out_and_the_others_keep_their_places() -> None:
    reading = said("approved", {**LISTS, "product_id_csv": ",305"})
    assert placed(reading).items == (PADS,)
    assert "entry 1" in warnings(reading)


def test_without_ids_there_are_no_items() -> None:
    reading = said("approved", {**LISTS, "product_id_csv": None})
    assert placed(reading).items is None
    assert "product_id_csv" in warnings(reading)


def test_the_product_id_may_be_the_sku() -> None:
    found = items({"product_skus_csv": "NC-50,"}, product_id="sku")
    assert [item.product_id for item in found or ()] == ["NC-50", "305"]


def test_the_price_may_be_that_of_the_line() -> None:
    assert [item.price_minor for item in items({}, price="line") or ()] == [3995, 375]


# --- dates


@pytest.mark.parametrize(
    ("date", "zone", "expected"),
    [
        ("11/23/2025 14:05:09", "America/New_York", datetime(2025, 11, 23, 19, 5, 9, tzinfo=UTC)),
        ("07/04/2025 14:05:09", "America/New_York", datetime(2025, 7, 4, 18, 5, 9, tzinfo=UTC)),
        ("11/23/2025 14:05:09", "Europe/Berlin", datetime(2025, 11, 23, 13, 5, 9, tzinfo=UTC)),
        ("1/2/2026 3:04", "UTC", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("11/02/2025 01:30:00", "America/New_York", datetime(2025, 11, 2, 5, 30, tzinfo=UTC)),
        ("03/09/2025 02:30:00", "America/New_York", datetime(2025, 3, 9, 7, 30, tzinfo=UTC)),
        ("2025-11-23 14:05:09", "America/New_York", datetime(2025, 11, 23, 19, 5, 9, tzinfo=UTC)),
    ],
)
def test_dates_are_the_accounts_wall_clock(date: str, zone: str, expected: datetime) -> None:
    assert placed(said("approved", {"order_date_time": date}, zone=zone)).ordered_at == expected


def test_the_date_alone_stands_in_for_the_time() -> None:
    event = placed(said("approved", {"order_date": "11/23/2025", "order_date_time": "0000-00-00"}))
    assert event.ordered_at == datetime(2025, 11, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize("date", ["23/11/2025 14:05:09", "13/45/2025", "yesterday", "01/01/0001 00:00:00"])
def test_a_date_that_is_none_is_left_out_with_a_warning(date: str) -> None:
    reading = said("approved", {"order_date_time": date})
    assert placed(reading).ordered_at is None
    assert "order_date_time" in warnings(reading)


@pytest.mark.parametrize("date", ["0000-00-00", "00/00/0000 00:00:00", ""])
def test_an_unset_date_is_no_date_and_no_trouble(date: str) -> None:
    reading = said("approved", {"order_date_time": date, "recurring_date": date})
    assert placed(reading).ordered_at is None
    assert warnings(reading) == ""
    assert "recurringDate" not in placed(reading).properties


@pytest.mark.parametrize("date", ["2025-12-23", "12/23/2025"])
def test_the_next_bill_date_is_a_day(date: str) -> None:
    assert placed(said("approved", {"recurring_date": date})).properties["recurringDate"] == "2025-12-23"


# --- people and ids


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("marta%2Blind@example.com", "marta+lind@example.com"),
        ("marta+lind@example.com", "marta+lind@example.com"),
        ("marta lind@example.com", "marta+lind@example.com"),
        ("%20marta@example.com%20", "marta@example.com"),
    ],
)
def test_a_raw_plus_in_an_address_is_a_plus(raw: str, address: str) -> None:
    query = "&".join(f"{key}={value}" for key, value in {**APPROVED, "email": raw}.items())
    postback = get({})
    assert (
        placed(adapter().read(type(postback)("GET", query, {}, b"", postback.received_at))).customer.email
        == address
    )


@pytest.mark.parametrize(
    "address",
    [None, "", "{email}", "N/A", "nobody", "a@b@c", "a@exam ple.com", "a@x.com b@y.com", "jo @x.com"],
)
def test_a_sale_to_nobody_names_the_token(address: str | None) -> None:
    assert troubled_field({"email": address}) == "email"


def test_an_address_that_is_none_does_not_stop_a_shipment() -> None:
    reading = said("shipped", {"email": "nobody"})
    event = only(reading)
    assert isinstance(event, OrderFulfilled)
    assert event.customer.email is None
    assert "email" in warnings(reading)


@pytest.mark.parametrize("nobody", ["0", "", "{customer_id}", "Not Available"])
def test_the_customer_of_an_anonymous_order_has_no_id(nobody: str) -> None:
    assert placed(said("approved", {"customer_id": nobody})).customer.external_id is None


@pytest.mark.parametrize("order", [None, "", "0", "{order_id}", "SK-{order_id}", "%7Border_id%7D", "9" * 201])
@pytest.mark.parametrize("event", ["approved", "shipped", "refund", "void", "chargeback"])
def test_an_order_without_an_id_of_its_own_names_the_token(event: str, order: str | None) -> None:
    """An id that holds an unreplaced token is the same for all, and would make one order of everybody's."""
    assert troubled_field({"order_id": order, "void_refund_amount": "5.00"}, event) == "order_id"


def test_a_rebill_is_an_order_of_its_own() -> None:
    chain = {"order_id": "9", "parent_order_id": "8", "ancestor_id": "7", "rebill_depth": "2"}
    event = placed(said("rebill", chain))
    assert (event.order_id, event.names) == ("9", ("order:9",))
    assert event.properties == {"rebillDepth": 2, "parentOrderId": "8", "ancestorId": "7"}


def test_the_first_of_a_chain_says_nothing_of_it() -> None:
    chain = {"parent_order_id": ORDER["order_id"], "ancestor_id": ORDER["order_id"], "rebill_depth": "0"}
    assert placed(said("approved", chain)).properties == {}


def test_a_prospects_id_is_no_orders() -> None:
    event = only(adapter().read(get({**PROSPECT, "prospect_id": "104901", "event": "prospect"})))
    assert isinstance(event, CheckoutStarted)
    assert not set(event.names) & set(placed(said("approved")).names)


def test_a_prospect_has_no_amounts_and_no_items() -> None:
    more = {"order_total": "49.95", "currency_code": "USD", **LISTS}
    event = only(adapter().read(get({**PROSPECT, **more, "event": "prospect"})))
    assert isinstance(event, CheckoutStarted)
    assert (event.total_minor, event.currency, event.items, event.started_at) == (None, None, None, None)


@pytest.mark.parametrize("missing", ["prospect_id", "email"])
def test_a_prospect_without_id_or_address_names_the_token(missing: str) -> None:
    with pytest.raises(Unmappable) as caught:
        adapter().read(get({**PROSPECT, "event": "prospect", missing: ""}))
    assert caught.value.field == missing


# --- the wire


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "text/plain", "application/json"])
def test_a_form_is_read_under_any_content_type(method: str, kind: str) -> None:
    postback = post(urlencode(APPROVED).encode(), headers={"content-type": kind})
    assert placed(
        adapter().read(type(postback)(method, "", postback.headers, postback.body, postback.received_at))
    )


@pytest.mark.parametrize("kind", ["", "application/json", "application/x-www-form-urlencoded"])
def test_flat_json_is_read_under_any_content_type(kind: str) -> None:
    body = json.dumps({**APPROVED, "order_id": 104901, "order_total": 25.0}).encode()
    event = placed(adapter().read(post(body, headers={"content-type": kind})))
    assert (event.order_id, event.total_minor) == ("104901", 2500)


def test_query_and_body_are_one_and_what_is_empty_covers_nothing() -> None:
    body = {**ORDER, "order_total": "", "email": "{email}"}
    query = urlencode(
        {"event": "approved", "order_total": "9.00", "email": "url@example.com", "order_id": "1"}
    )
    event = placed(adapter().read(post(urlencode(body).encode(), query)))
    assert (event.order_id, event.total_minor, event.customer.email) == ("104901", 900, "url@example.com")


@pytest.mark.parametrize("spelling", ["order_id", "orderId", "Order-ID", "ORDER_ID"])
def test_a_parameter_may_be_spelt_otherwise(spelling: str) -> None:
    assert placed(said("approved", {"order_id": None, spelling: "77"})).order_id == "77"


def test_of_two_spellings_the_platforms_own_counts() -> None:
    assert placed(said("approved", {"orderId": "77"})).order_id == ORDER["order_id"]


def test_a_parameter_may_have_a_name_of_its_own_and_its_usual_one_says_nothing_then() -> None:
    parameters = {"order_id": "sale", "email": ["mail", "customer_email"], "affid": "partner"}
    given = {"order_id": "clk-9", "sale": "77", "email": "wrong@example.com", "partner": "P1", "affid": "x"}
    event = placed(said("approved", {**given, "customer_email": "right@example.com"}, parameters=parameters))
    assert (event.order_id, event.customer.email) == ("77", "right@example.com")
    assert event.properties == {"affid": "P1"}


def test_raw_utf_8_in_a_url_is_read_as_it_was_meant() -> None:
    raw = urlencode({**APPROVED, "first_name": "?"}).replace("%3F", "Zoë".encode().decode("latin-1"))
    postback = get({})
    assert (
        placed(adapter().read(type(postback)("GET", raw, {}, b"", postback.received_at))).customer.first_name
        == "Zoë"
    )


def test_another_encoding_than_utf_8_is_a_setting() -> None:
    query = urlencode(APPROVED) + "&first_name=" + quote_plus("Zoë".encode("cp1252"))
    postback = post(b"", query)
    with pytest.raises(Malformed, match=r"UTF-8: set options\.encoding"):
        adapter().read(postback)
    assert placed(adapter(encoding="windows-1252").read(postback)).customer.first_name == "Zoë"


def test_a_long_url_is_read() -> None:
    many = ",".join(str(number) for number in range(3000))
    assert len(placed(said("approved", {"product_id_csv": many})).items or ()) == 3000

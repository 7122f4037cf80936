"""The Commerce API's own bodies, and anybody's by a mapping: what the fixtures do not show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from relay import settings, wiring
from relay.errors import MOST_FAULTS, Malformed, SettingsError
from relay.normalise.contract import Events, Ignored
from relay.normalise.events import CheckoutStarted, OrderPlaced, OrderRefunded, ProductsUpserted
from tests.adapters.generic_support import ORDER, adapter, faults, mapped, only, post

MAPPED_ORDER: dict[str, Any] = {
    "orderId": "id",
    "totalCents": "money(total)",
    "currency": "currency",
    "customer": {"email": "mail"},
}
SOLD = {"id": 1001, "total": "49.90", "currency": "EUR", "mail": "jo@example.org"}


def test_the_sender_s_own_delivery_id_is_read_from_the_header() -> None:
    reading = adapter().read(post(ORDER, headers={"idempotency-key": "try-1"}))
    assert reading.delivery_id == "try-1"


def test_a_mapping_finds_the_delivery_id_in_the_body_even_of_what_is_ignored() -> None:
    mapping = {"order": MAPPED_ORDER, "delivery_id": "delivery", "ignore_when": {"test order": "test"}}
    reader = adapter(mapping=mapping)
    for extra, kind in (({}, Events), ({"test": True}, Ignored)):
        reading = reader.read(post({**SOLD, "delivery": 77, **extra}, "event=order.placed"))
        assert isinstance(reading, kind)
        assert reading.delivery_id == "77"


def test_a_form_in_another_encoding_is_read_where_the_options_say_so() -> None:
    form = b"id=1&total=49.90&currency=EUR&mail=jo@example.org&name=Zo\xeb&note=%EB"
    order = {**MAPPED_ORDER, "customer": {"email": "mail", "firstName": "name"}}
    postback = post(form, "event=order.placed&by=%EB", {"content-type": "application/x-www-form-urlencoded"})
    with pytest.raises(Malformed, match=r"set options\.encoding"):
        adapter(mapping={"order": order}).read(
            post(form, "event=order.placed", {"content-type": "text/plain"})
        )
    event = only(adapter(mapping={"order": order}, encoding="windows-1252").read(postback))
    assert isinstance(event, OrderPlaced)
    assert event.customer.first_name == "Zoë"


def test_half_a_piece_is_told_as_what_it_is() -> None:
    table = {**MAPPED_ORDER, "items": {"each": "lines", "productId": "id", "title": "id", "quantity": "n"}}
    found = faults(
        lambda: mapped("order", table, {**SOLD, "lines": [{"id": "p", "n": 1.5}]}, event="order.placed")
    )
    assert "is a number with a point; expected a whole number" in found["items.0.quantity"]


def test_blanks_around_an_id_make_no_other_order() -> None:
    plain, blank = (only(adapter().read(post({**ORDER, "orderId": order}))) for order in ("1001", " 1001\t"))
    assert isinstance(plain, OrderPlaced)
    assert isinstance(blank, OrderPlaced)
    assert (blank.order_id, blank.names) == (plain.order_id, plain.names)


def test_an_id_longer_than_any_is_named() -> None:
    found = faults(lambda: adapter().read(post({**ORDER, "orderId": "9" * 201})))
    assert found == {"orderId": "is longer than 200 characters, which no id is"}


def test_a_title_longer_than_any_is_named_by_its_place_beside_what_else_is_wrong() -> None:
    items = [{"productId": "p", "title": "x" * 2001, "quantity": 0, "sku": "s" * 256}]
    found = faults(lambda: adapter().read(post({**ORDER, "items": items})))
    assert set(found) == {"items.0.title", "items.0.quantity", "items.0.sku"}


def test_what_is_the_sender_s_own_may_be_of_any_length() -> None:
    own = {"clickId": "c" * 300, "title": "t" * 2001}
    event = only(adapter().read(post({**ORDER, "properties": own})))
    assert isinstance(event, OrderPlaced)
    assert event.properties == own
    found = faults(lambda: adapter().read(post({**ORDER, "properties": {"checkoutId": "c" * 300}})))
    assert set(found) == {"properties.checkoutId"}


def test_products_of_any_number_are_one_event() -> None:
    products = [{"productId": f"p-{n}", "title": "Pot", "inStock": True} for n in range(250)]
    event = only(adapter().read(post({"products": products})))
    assert isinstance(event, ProductsUpserted)
    assert len(event.products) == 250


@pytest.mark.parametrize("mapping", [False, True])
def test_a_catalog_that_is_wrong_throughout_is_told_by_its_first_faults(*, mapping: bool) -> None:
    products = [
        {"productId": f"p-{n}", "title": "Pot", "inStock": "yes", "colour": "red"} for n in range(250)
    ]
    table = {"each": "products", "productId": "productId", "title": "title", "inStock": "money(inStock)"}
    options: dict[str, Any] = {"mapping": {"products": table}} if mapping else {}
    found = faults(lambda: adapter(**options).read(post({"products": products}, "event=products")))
    assert len(found) == MOST_FAULTS + 1
    assert list(found)[-1] == ""
    assert found[""] == "there are more faults than these"


# --- the functions of a mapping


def total(expression: str, **found: Any) -> Any:
    event = only(
        mapped("order", {**MAPPED_ORDER, "totalCents": expression}, {**SOLD, **found}, event="order.placed")
    )
    assert isinstance(event, OrderPlaced)
    return event.total_minor


@pytest.mark.parametrize(
    ("expression", "found", "minor"),
    [
        ("money(total)", {"total": "49.90"}, 4990),
        ("money(total)", {"total": 49.9}, 4990),
        ("money(total)", {"total": 50}, 5000),
        ("money(total)", {"total": "1,249.90"}, 124990),
        ("money(total)", {"total": "4980", "currency": "JPY"}, 4980),
        ("money(total)", {"total": "1.500", "currency": "KWD"}, 1500),
        ("money(total)", {"total": "1.50", "currency": " usd "}, 150),
        ("money(total, 'JPY')", {"total": "4980"}, 4980),
        ("money(total, code)", {"total": "4980", "code": "JPY"}, 4980),
        ("money(default(net, total))", {"net": " ", "total": "0.10"}, 10),
        ("money(sum(lines[].price))", {"lines": [{"price": 0.1}, {"price": 0.2}]}, 30),
        ("money(sum(lines[].to_number(price)))", {"lines": [{"price": "0.10"}, {"price": "0.20"}]}, 30),
        ("money(to_string(total))", {"total": 49.9}, 4990),
        ("money(max_by(lines, &price).price)", {"lines": [{"price": 0.1}, {"price": 0.2}]}, 20),
        ("money(sort_by(lines, &price)[0].price)", {"lines": [{"price": 0.2}, {"price": 0.1}]}, 10),
        ("money(type(total) == 'number' && total || '0.01')", {"total": 49.9}, 4990),
        ("total", {"total": 4990}, 4990),
    ],
)
def test_money_is_exact(expression: str, found: dict[str, Any], minor: int) -> None:
    assert total(expression, **found) == minor


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("money(total)", {"total": "49,90"}),
        ("money(total)", {"total": "49.90 or so"}),
        ("money(total)", {"total": ["49.90"]}),
        ("money(total)", {"total": True}),
        ("money(total)", {"total": "-1"}),
        ("total", {"total": "4990"}),
        ("total", {"total": 49.9}),
        ("money(total, 'JPY') || lower(total)", {"total": None}),
        ("money(sum(lines[].price))", {"lines": [{"price": "0.10"}]}),
        ("money(total, code)", {"code": "euro"}),
    ],
)
def test_what_is_no_amount_is_a_fault_without_its_value(expression: str, found: dict[str, Any]) -> None:
    named = faults(
        lambda: mapped(
            "order", {**MAPPED_ORDER, "totalCents": expression}, {**SOLD, **found}, event="order.placed"
        )
    )
    assert list(named) == ["totalCents"]
    assert f"(by the mapping {expression})" in named["totalCents"]
    assert "or so" not in named["totalCents"]


@pytest.mark.parametrize(
    ("expression", "value", "zone", "moment"),
    [
        ("date(at)", "2026-07-01 12:00:00", "UTC", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("date(at)", "2026-07-01 12:00:00", "Europe/Berlin", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("date(at)", "2026-07-01T12:00:00+05:30", "Europe/Berlin", datetime(2026, 7, 1, 6, 30, tzinfo=UTC)),
        ("date(at, 'unix')", 1782907200, "UTC", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("date(at, 'unix')", "1782907200", "UTC", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("date(at, 'unix_ms')", 1782907200000, "UTC", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("date(at, '%d.%m.%Y')", "01.07.2026", "UTC", datetime(2026, 7, 1, tzinfo=UTC)),
        (
            "date(at, '%a, %d %b %Y %H:%M:%S %z')",
            "Wed, 01 Jul 2026 12:00:00 +0200",
            "America/New_York",
            datetime(2026, 7, 1, 10, tzinfo=UTC),
        ),
        (
            "date(at, '%d.%m.%Y %H:%M', 'America/New_York')",
            "01.07.2026 08:00",
            "UTC",
            datetime(2026, 7, 1, 12, tzinfo=UTC),
        ),
        # The hour that comes twice is the first.
        (
            "date(at, '%Y-%m-%d %H:%M', 'Europe/Berlin')",
            "2026-10-25 02:30",
            "UTC",
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        ),
        ("date(at)", None, "UTC", None),
        ("date(at)", " ", "UTC", None),
    ],
)
def test_dates_are_read_by_format_and_zone(
    expression: str, value: Any, zone: str, moment: datetime | None
) -> None:
    fields = {**MAPPED_ORDER, "orderedAt": expression}
    event = only(mapped("order", fields, {**SOLD, "at": value}, event="order.placed", zone=zone))
    assert isinstance(event, OrderPlaced)
    assert event.ordered_at == moment


@pytest.mark.parametrize("value", [1782907200, "tomorrow", "31.06.2026", ["2026"], True])
def test_what_is_no_date_is_a_fault(value: Any) -> None:
    fields = {**MAPPED_ORDER, "orderedAt": "date(at)"}
    found = faults(lambda: mapped("order", fields, {**SOLD, "at": value}, event="order.placed"))
    assert list(found) == ["orderedAt"]


def test_the_source_s_currency_stands_in_and_is_said_to_be_assumed() -> None:
    fields = {key: value for key, value in MAPPED_ORDER.items() if key != "currency"}
    event = only(mapped("order", fields, SOLD, event="order.placed", currency="JPY"))
    assert isinstance(event, OrderPlaced)
    assert (event.currency, event.currency_assumed, event.total_minor) == ("JPY", True, 50)


def test_without_any_currency_the_amount_says_what_to_set() -> None:
    fields = {key: value for key, value in MAPPED_ORDER.items() if key != "currency"}
    found = faults(lambda: mapped("order", fields, SOLD, event="order.placed", currency=None))
    assert set(found) == {"totalCents", "currency"}
    assert "set the source's own" in found["totalCents"]


def test_a_thin_shipment_is_read_as_far_as_it_says() -> None:
    event = only(mapped("order", MAPPED_ORDER, {"id": 1001}, event="order.fulfilled"))
    assert event.model_dump(exclude_defaults=True) == {"order_id": "1001", "names": ("order:1001",)}


def test_a_sale_may_not_be_thin() -> None:
    found = faults(lambda: mapped("order", MAPPED_ORDER, {"id": 1001}, event="order.placed"))
    assert set(found) == {"totalCents", "currency", "customer"} - {"currency"}  # the source has one


def test_an_order_may_go_by_its_number_alone() -> None:
    fields = {**MAPPED_ORDER, "orderId": "uuid", "orderNumber": "id"}
    event = only(mapped("order", fields, SOLD, event="order.placed"))
    assert isinstance(event, OrderPlaced)
    assert (event.order_id, event.names) == ("1001", ("number:1001",))


def test_a_refund_is_asked_for_its_amount_and_a_sale_is_not() -> None:
    fields = {**MAPPED_ORDER, "refundAmountCents": "money(back)"}
    assert isinstance(only(mapped("order", fields, {**SOLD, "back": "x"}, event="placed")), OrderPlaced)
    refund = only(mapped("order", fields, {**SOLD, "back": "9.90"}, event="refunded"))
    assert isinstance(refund, OrderRefunded)
    assert refund.refund is not None
    assert refund.refund.amount_minor == 990
    assert list(faults(lambda: mapped("order", fields, SOLD, event="refunded"))) == ["refundAmountCents"]


def test_a_checkout_s_own_time_needs_an_offset() -> None:
    fields = {"checkoutId": "id", "customer": {"email": "mail"}, "startedAt": "at"}
    event = only(mapped("checkout", fields, {**SOLD, "at": "2026-07-01T12:00:00Z"}, event="checkout"))
    assert isinstance(event, CheckoutStarted)
    assert event.started_at == datetime(2026, 7, 1, 12, tzinfo=UTC)
    found = faults(lambda: mapped("checkout", fields, {**SOLD, "at": "2026-07-01"}, event="checkout"))
    assert list(found) == ["startedAt"]


# --- what stops the start


def stopped(**options: Any) -> str:
    raw = {
        "destinations": {"main": {"api_key": "k"}},
        "sources": {
            "shop": {"adapter": "generic", "destination": "main", "tokens": ["t"], "options": options}
        },
    }
    with pytest.raises(SettingsError) as caught:
        wiring.sources(settings.parse(raw, {}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("money(", "it is no JMESPath expression (column"),
        ("total.", "it is no JMESPath expression"),
        ("mony(total)", "there is no function mony(); known are abs"),
        ("money()", "money() takes 1 to 2 arguments"),
        ("money(a, b, c)", "money() takes 1 to 2 arguments"),
        ("money(total, 'EURO')", "'EURO' is not an ISO 4217 currency code"),
        ("lower(a, b)", "lower() takes 1 arguments"),
        ("items[?date(at, 'd.m.Y')]", "'d.m.Y' is no format of date()"),
        ("date(at, '%d.%q')", "'%d.%q' is no format of date(): 'q' is a bad directive"),
        ("date(at, '%d.%m.%Y %Z')", "%Z tells no offset; give the zone beside it"),
        ("date(at, 'unix', 'Berlin')", "'Berlin' is not a time zone such as Europe/Berlin"),
        ("date(at, format)", "date() takes its format and its zone as text, in single quotes"),
    ],
)
def test_a_wrong_expression_stops_the_start_with_its_key_named(expression: str, says: str) -> None:
    said = stopped(mapping={"order": {**MAPPED_ORDER, "totalCents": expression}})
    assert said.startswith(f"sources.shop.options.mapping.order.totalCents is {expression!r}; ")
    assert says in said


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({}, "options.mapping: it maps nothing; add one of the tables order"),
        ({"order": {**MAPPED_ORDER, "totalCent": "total"}}, "order.totalCent is not a setting; did you mean"),
        ({"order": {"totalCents": "total"}}, "options.mapping.order: orderId is missing"),
        ({"order": {**MAPPED_ORDER, "orderId": 5}}, "order.orderId is 5; it is no text"),
        ({"order": {**MAPPED_ORDER, "properties": {"status": "a"}}}, "would hide the event's own"),
        ({"order": {**MAPPED_ORDER, "properties": {"cardNumber": "a"}}}, "of this name is never sent"),
        (
            {"order": {**MAPPED_ORDER, "customer": {"email": "m", "attributes": {"ltv": "a"}}}},
            "the API keeps this attribute for itself",
        ),
        ({"order": {**MAPPED_ORDER, "items": {"each": "lines"}}}, "order.items.productId is missing"),
        (
            {"order": MAPPED_ORDER, "words": {"paid": "sale"}},
            "words.paid is 'sale'; expected 'ignore' or one",
        ),
        (
            {"order": MAPPED_ORDER, "words": {"paid": "order"}},
            "words.paid is 'order'; expected 'ignore' or one",
        ),
        ({"order": MAPPED_ORDER, "words": {"left": "checkout"}}, "there is no table checkout"),
        (
            {"order": MAPPED_ORDER, "ignore_when": {"test": "test =="}},
            "mapping.ignore_when.test is 'test =='",
        ),
        ({"products": {"productId": "id", "title": "name"}}, "mapping.products.inStock is missing"),
    ],
)
def test_a_mapping_that_cannot_work_stops_the_start(mapping: dict[str, Any], says: str) -> None:
    assert says in stopped(mapping=mapping)

"""The stand-in Commerce API, over real HTTP."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvloop

from relay.testing.standin import Fault, Order, Record, Standin, Violation

KEY = "test-key-abcd"
BEARER = {"Authorization": f"Bearer {KEY}"}
CUSTOMER = {
    "email": "lena@example.org",
    "externalId": "cust-5519",
    "firstName": "Lena",
    "attributes": {"campaignId": "31", "visits": 4, "vip": True, "score": 1.5},
}
ITEM = {
    "productId": "tea-250",
    "variantId": "tea-250-mint",
    "title": "Tea 250 g",
    "variantTitle": "Mint",
    "sku": "T250M",
    "quantity": 2,
    "priceCents": 1999,
}
ORDER = {
    "orderId": "KN-77120",
    "orderNumber": "77120",
    "status": "placed",
    "totalCents": 5497,
    "currency": "USD",
    "orderedAt": "2026-03-04T09:30:00.000Z",
    "customer": CUSTOMER,
    "items": [ITEM, {"productId": "cup-1", "title": "Cup", "quantity": 1, "priceCents": 1499}],
    "customerTotals": {"ordersCount": 3, "totalSpentCents": 20000},
    "properties": {"checkoutId": "sess-90aa", "funnel": "spring"},
}
CHECKOUT = {
    "checkoutId": "sess-90aa",
    "customer": CUSTOMER,
    "totalCents": 5497,
    "currency": "USD",
    "checkoutUrl": "https://shop.example/checkout/90aa",
    "items": [ITEM],
    "properties": {"funnel": "spring"},
}
PRODUCT = {
    "productId": "tea-250",
    "title": "Tea 250 g",
    "url": "https://shop.example/tea",
    "currency": "USD",
    "inStock": True,
    "variants": [
        {
            "variantId": "tea-250-mint",
            "title": "Mint",
            "priceCents": 1999,
            "inventoryQuantity": 14,
            "inStock": True,
            "options": [{"name": "Flavour", "value": "Mint"}],
        }
    ],
}
STOCK = {"productId": "tea-250", "variantId": "tea-250-mint", "customer": CUSTOMER}
EVENT = {"event": "payment.declined", "email": "lena@example.org", "properties": {"reason": "funds"}}
ABSENT = object()


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def standin() -> AsyncIterator[Standin]:
    async with Standin.serve() as standin:
        yield standin


@pytest.fixture
async def client(standin: Standin) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(standin) as client:
        yield client


def client_of(standin: Standin) -> httpx.AsyncClient:
    # Without `verify=False` each client would spend some 20 ms reading certificates for nothing.
    return httpx.AsyncClient(base_url=standin.url, headers=BEARER, verify=False)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """`body` with the field at `path` ("items.0.quantity") set, or left out where `value` is ABSENT."""
    body = deepcopy(body)
    *folders, name = path.split(".")
    node: Any = body
    for folder in folders:
        node = node[int(folder)] if isinstance(node, list) else node[folder]
    if value is ABSENT:
        del node[name]
    else:
        node[name] = value
    return body


def order(status: str = "placed", total: int = 5497, **more: Any) -> dict[str, Any]:
    who = {"email": "lena@example.org"}
    return {
        "orderId": "A-1",
        "status": status,
        "totalCents": total,
        "currency": "USD",
        "customer": who,
    } | more


def rules(standin: Standin) -> list[str]:
    return [violation.rule for violation in standin.violations]


# Endpoints


async def test_an_order_is_queued(client: httpx.AsyncClient) -> None:
    response = await client.post("/orders", json=ORDER)
    assert response.status_code == 202
    body = response.json()
    assert body.pop("jobId").startswith("commerce-order-")
    assert body == {"success": True, "queued": True, "orderId": "KN-77120", "status": "placed"}


async def test_an_order_needs_four_fields_only_and_is_placed_where_it_does_not_say(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    least = {name: ORDER[name] for name in ("orderId", "totalCents", "currency")}
    response = await client.post("/orders", json=least | {"customer": {"email": "lena@example.org"}})
    assert (response.status_code, response.json()["status"]) == (202, "placed")
    assert standin.orders["KN-77120"].counts == {"placed": 1}


async def test_a_checkout_answers_with_subscriber_and_event(client: httpx.AsyncClient) -> None:
    response = await client.post("/checkouts", json=CHECKOUT)
    assert response.status_code == 200
    assert set(response.json()) == {"success", "checkoutId", "subscriberId", "eventId"}
    assert response.json()["checkoutId"] == "sess-90aa"


async def test_one_email_is_one_subscriber_in_any_case(client: httpx.AsyncClient) -> None:
    first = await client.post("/checkouts", json=CHECKOUT)
    second = await client.post("/checkouts", json=changed(CHECKOUT, "customer.email", "Lena@Example.org"))
    assert first.json()["subscriberId"] == second.json()["subscriberId"]


async def test_products_are_upserted_and_can_be_read_back(client: httpx.AsyncClient) -> None:
    named = PRODUCT | {"productId": "tea/250 g"}
    response = await client.post("/products", json={"products": [named, PRODUCT]})
    assert response.status_code == 200
    assert (response.json()["upserted"], response.json()["backInStockEventsTriggered"]) == (2, 0)
    read = await client.get("/products/tea%2F250%20g")
    assert read.json() == {"success": True, "product": response.json()["products"][0]}
    assert read.json()["product"] | named == read.json()["product"]


async def test_an_omitted_product_field_is_kept_and_a_null_one_cleared(client: httpx.AsyncClient) -> None:
    await client.post(
        "/products", json={"products": [PRODUCT | {"description": "Green", "priceCents": 1999}]}
    )
    again = {"productId": "tea-250", "title": "Tea", "inStock": True, "description": None}
    await client.post("/products", json={"products": [again]})
    product = (await client.get("/products/tea-250")).json()["product"]
    assert "description" not in product
    assert (product["title"], product["priceCents"], len(product["variants"])) == ("Tea", 1999, 1)


async def test_restocking_tells_those_who_wait_once(client: httpx.AsyncClient) -> None:
    out = changed(changed(PRODUCT, "variants.0.inventoryQuantity", 0), "variants.0.inStock", False)
    await client.post("/products", json={"products": [out]})
    waits = await client.post("/back-in-stock", json=STOCK)
    assert (waits.status_code, set(waits.json())) == (200, {"success", "subscriberId"})
    triggered = [
        (await client.post("/products", json={"products": [product]})).json()["backInStockEventsTriggered"]
        for product in (PRODUCT, PRODUCT, out, PRODUCT)
    ]
    assert triggered == [1, 0, 0, 0]


async def test_a_product_first_seen_in_stock_is_no_restock(client: httpx.AsyncClient) -> None:
    await client.post("/back-in-stock", json=STOCK)
    response = await client.post("/products", json={"products": [PRODUCT]})
    assert response.json()["backInStockEventsTriggered"] == 0


async def test_an_event_with_a_known_id_is_a_duplicate(client: httpx.AsyncClient) -> None:
    first = await client.post("/subscribers/events", json=EVENT | {"eventId": "e-1"})
    second = await client.post("/subscribers/events", json=EVENT | {"eventId": "e-1"})
    other = await client.post("/subscribers/events", json=EVENT | {"eventId": "e-2"})
    assert (first.status_code, second.status_code) == (200, 200)
    assert [r.json().get("duplicate", False) for r in (first, second, other)] == [False, True, False]
    assert first.json()["subscriber"]["created"]
    assert not second.json()["subscriber"]["created"]


async def test_an_event_more_than_an_hour_old_is_history(client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    ages = (timedelta(minutes=1), timedelta(hours=2), timedelta(days=6 * 366))
    sent = [
        await client.post("/subscribers/events", json=EVENT | {"occurredAt": (now - age).isoformat()})
        for age in ages
    ]
    assert [r.status_code for r in sent] == [200, 200, 400]
    assert ["historical" in r.json() for r in sent] == [False, True, False]


async def test_an_event_by_external_id_needs_a_known_subscriber(client: httpx.AsyncClient) -> None:
    event = {"event": "payment.declined", "externalId": "cust-5519"}
    assert (await client.post("/subscribers/events", json=event)).status_code == 404
    await client.post("/orders", json=ORDER)
    assert (await client.post("/subscribers/events", json=event)).status_code == 200


async def test_the_account_tells_whether_a_key_is_good(standin: Standin, client: httpx.AsyncClient) -> None:
    good = await client.get("/account")
    standin.keys = {"another-key"}
    bad = await client.get("/account")
    assert (good.status_code, bad.status_code) == (200, 401)
    assert KEY not in good.text


# Refusals

FAULTY_ORDERS = [
    ("orderId", ABSENT, "orderId is required"),
    ("orderId", "", "orderId must not be empty"),
    ("orderId", "  ", "orderId must not be empty"),
    ("orderId", 77120, "orderId must be a valid string"),
    ("totalCents", ABSENT, "totalCents is required"),
    ("totalCents", 54.97, "totalCents must be a valid integer"),
    ("totalCents", 5497.0, "totalCents must be a valid integer"),
    ("totalCents", "5497", "totalCents must be a valid integer"),
    ("totalCents", True, "totalCents must be a valid integer"),
    ("totalCents", None, "totalCents must not be null"),
    ("totalCents", -1, "totalCents must be greater than or equal to 0"),
    ("totalCents", 2**53, f"totalCents must be less than or equal to {2**53 - 1}"),
    ("currency", ABSENT, "currency is required"),
    ("currency", "usd", "currency is not an upper-case ISO 4217 currency code"),
    ("currency", "XQX", "currency is not an upper-case ISO 4217 currency code"),
    ("customer", ABSENT, "customer is required"),
    ("customer", "lena@example.org", "customer must be an object"),
    ("customer.email", ABSENT, "customer.email is required"),
    ("customer.email", "", "customer.email is not an e-mail address"),
    ("customer.email", "[customerEmail]", "customer.email is not an e-mail address"),
    ("customer.email", "lena@localhost", "customer.email is not an e-mail address"),
    ("customer.email", "lena@@example.org", "customer.email is not an e-mail address"),
    ("customer.email", " lena@example.org", "customer.email is not an e-mail address"),
    ("customer.email", "lena@example..org", "customer.email is not an e-mail address"),
    ("customer.email", "lena.@example.org", "customer.email is not an e-mail address"),
    ("customer.email", f"lena@{'a.' * 130}org", "customer.email is not an e-mail address"),
    ("customer.phone", "1", "customer.phone is not a known field"),
    ("customer.externalId", 5519, "customer.externalId must be a valid string"),
    ("customer.attributes.ltv", 1, "customer.attributes.ltv is a reserved attribute name"),
    ("customer.attributes.a", {}, "customer.attributes.a must be a string, a number or a boolean"),
    ("customer.attributes.a", [], "customer.attributes.a must be a string, a number or a boolean"),
    ("customer.attributes.a", None, "customer.attributes.a must not be null"),
    ("status", "shipped", "status must be 'placed', 'cancelled', 'fulfilled' or 'refunded'"),
    ("status", "canceled", "status must be 'placed', 'cancelled', 'fulfilled' or 'refunded'"),
    ("status", None, "status must not be null"),
    ("orderNumber", None, "orderNumber must not be null"),
    ("orderedAt", "2026-03-04", "orderedAt is not an ISO 8601 date-time with Z or an offset"),
    ("orderedAt", "2026-03-04T09:30:00", "orderedAt is not an ISO 8601 date-time with Z or an offset"),
    ("orderedAt", "2026-03-04 09:30:00Z", "orderedAt is not an ISO 8601 date-time with Z or an offset"),
    ("orderedAt", "1772617808", "orderedAt is not an ISO 8601 date-time with Z or an offset"),
    ("orderedAt", 1772617808, "orderedAt must be a valid string"),
    ("orderedAt", "2026-02-30T09:30:00Z", "orderedAt is not in the calendar"),
    ("refundAmountCents", 100, "refundAmountCents is only for status refunded"),
    ("refundAmountCents", 0, "refundAmountCents must be greater than or equal to 1"),
    ("items", None, "items must not be null"),
    ("items.1.productId", ABSENT, "items[1].productId is required"),
    ("items.0.title", "", "items[0].title must not be empty"),
    ("items.0.quantity", 0, "items[0].quantity must be greater than or equal to 1"),
    ("items.0.quantity", "2", "items[0].quantity must be a valid integer"),
    ("items.0.priceCents", 19.99, "items[0].priceCents must be a valid integer"),
    ("items.0.imageUrl", "https://shop.example/a.png", "items[0].imageUrl is not a known field"),
    ("properties.funnel", None, "properties.funnel must not be null"),
    ("checkoutId", "sess-90aa", "checkoutId is not a known field"),
]


@pytest.mark.parametrize(("path", "value", "message"), FAULTY_ORDERS)
async def test_a_faulty_order_is_refused_naming_the_field(
    standin: Standin, client: httpx.AsyncClient, path: str, value: Any, message: str
) -> None:
    response = await client.post("/orders", json=changed(ORDER, path, value))
    assert response.status_code == 400
    assert response.json() == {"success": False, "error": message}
    assert standin.accepted == []
    assert standin.orders == {}


@pytest.mark.parametrize(
    "email",
    ["o'brien+tag@shop.example", "käufer@bücher.example", "a@b.co", "x_1@mail-2.xn--p1ai", "1@2.museum"],
)
async def test_unusual_addresses_are_taken(client: httpx.AsyncClient, email: str) -> None:
    assert (await client.post("/orders", json=changed(ORDER, "customer.email", email))).status_code == 202


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/checkouts", changed(CHECKOUT, "checkoutId", ABSENT), "checkoutId is required"),
        ("/checkouts", changed(CHECKOUT, "currency", None), "currency must not be null"),
        (
            "/checkouts",
            changed(CHECKOUT, "checkoutUrl", "/90aa"),
            "checkoutUrl is not an http or https address",
        ),
        (
            "/checkouts",
            changed(CHECKOUT, "startedAt", "2026-03-04T09:30:00Z"),
            "startedAt is not a known field",
        ),
        ("/products", {"products": []}, "products must have at least 1 item after validation, not 0"),
        ("/products", {"products": [{"productId": "a", "inStock": True}]}, "products[0].title is required"),
        (
            "/products",
            {"products": [PRODUCT, PRODUCT | {"tags": []}]},
            "products[1].tags is not a known field",
        ),
        ("/products", {"products": [PRODUCT | {"inStock": None}]}, "products[0].inStock must not be null"),
        (
            "/products",
            {"products": [PRODUCT | {"inStock": "yes"}]},
            "products[0].inStock must be a valid boolean",
        ),
        (
            "/products",
            {"products": [PRODUCT | {"priceCents": "1"}]},
            "products[0].priceCents must be a valid integer",
        ),
        ("/back-in-stock", STOCK | {"properties": {}}, "properties is not a known field"),
        ("/back-in-stock", changed(STOCK, "customer.email", ABSENT), "customer.email is required"),
        ("/subscribers/events", {"event": "payment.declined"}, "email is required"),
        ("/subscribers/events", changed(EVENT, "event", ABSENT), "event is required"),
        (
            "/subscribers/events",
            EVENT | {"customAttributes": {"aov": 1}},
            "customAttributes.aov is a reserved attribute name",
        ),
    ],
)
async def test_a_faulty_body_is_refused_everywhere(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], message: str
) -> None:
    response = await client.post(path, json=body)
    assert (response.status_code, response.json()["error"]) == (400, message)


async def test_a_hundred_products_are_taken_and_one_more_refused(client: httpx.AsyncClient) -> None:
    products = [PRODUCT | {"productId": f"p-{number}"} for number in range(101)]
    assert (await client.post("/products", json={"products": products[:100]})).json()["upserted"] == 100
    refused = await client.post("/products", json={"products": products})
    assert (refused.status_code, refused.json()["error"][:30]) == (400, "products must have at most 100")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
        (b"", "the body is not JSON"),
        (b'{"orderId": "A-1"', "the body is not JSON"),
        (b'{"orderId": "\xff"}', "the body is not JSON"),
        (b"[" * 5000, "the body is not JSON"),
    ],
)
async def test_a_body_that_is_no_object_is_refused(
    client: httpx.AsyncClient, content: bytes, message: str
) -> None:
    response = await client.post("/orders", content=content, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (400, message)


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"],
)
async def test_another_content_type_is_refused(client: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = await client.post("/orders", content=json.dumps(ORDER).encode(), headers=headers)
    assert response.status_code == 415


async def test_json_may_name_its_charset(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    response = await client.post("/orders", content=json.dumps(ORDER).encode(), headers=headers)
    assert response.status_code == 202


async def test_a_huge_body_is_refused(standin: Standin, client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.post("/orders", content=b" " * (11 * 1024 * 1024), headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({"Authorization": KEY}, ""),
        ({"Authorization": "Bearer"}, ""),
        ({"Authorization": f"Bearer {KEY} {KEY}"}, ""),
        ({"Authorization": f"Basic {KEY}"}, ""),
        ({"X-API-Key": KEY}, ""),
        ({}, f"?api_key={KEY}"),
        (BEARER, f"?apiKey={KEY}"),
    ],
)
async def test_a_key_anywhere_but_in_a_bearer_header_is_refused(
    standin: Standin, headers: dict[str, str], query: str
) -> None:
    async with httpx.AsyncClient(base_url=standin.url, headers=headers, verify=False) as client:
        response = await client.post(f"/orders{query}", json=ORDER)
    assert response.status_code == 401
    assert KEY not in repr(standin.received) + repr(standin.plain())


async def test_keys_can_be_named_and_revoked(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.keys = {KEY, "another-key"}
    assert (await client.post("/orders", json=ORDER)).status_code == 202
    standin.keys.discard(KEY)
    assert (await client.post("/orders", json=ORDER)).status_code == 401


async def test_an_unknown_path_is_not_found(standin: Standin, client: httpx.AsyncClient) -> None:
    for url in (
        "/orders/",
        "/refunds",
        "/products/a/b",
        "",
        standin.origin + "/v2/orders",
        standin.origin + "/orders",
    ):
        response = await client.post(url, json=ORDER)
        assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_an_unknown_product_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/products/tea-250")).status_code == 404


async def test_a_wrong_method_is_told_the_right_one(client: httpx.AsyncClient) -> None:
    for method, path, right in (
        ("PUT", "/products", "POST"),
        ("GET", "/orders", "POST"),
        ("POST", "/account", "GET"),
    ):
        response = await client.request(method, path)
        assert (response.status_code, response.headers["Allow"]) == (405, right)


async def test_errors_come_in_the_chosen_shape() -> None:
    message, faulty = "customer.email is required", changed(ORDER, "customer.email", ABSENT)
    async with Standin.serve(shape="B") as standin, client_of(standin) as client:
        nested = (await client.post("/orders", json=faulty)).json()
        missing = (await client.post("/nowhere", json=ORDER)).json()
    assert nested == {"success": False, "error": {"code": "VALIDATION_ERROR", "message": message}}
    assert missing["error"]["code"] == "NOT_FOUND"
    async with Standin.serve(shape="C") as standin, client_of(standin) as client:
        rich = (await client.post("/orders", json=faulty)).json()
    assert set(rich) == {
        *("success", "error", "code", "title", "description", "resolution", "docsUrl", "details")
    }
    assert (rich["description"], rich["details"]) == (message, {"field": "customer.email"})


# What a relay must never do


async def test_a_lifecycle_in_order_breaks_no_rule(standin: Standin, client: httpx.AsyncClient) -> None:
    for body in (
        order("placed", 5000),
        order("placed", 7000),
        order("fulfilled", 7000),
        order("refunded", 7000, refundAmountCents=3000),
        order("refunded", 7000, refundAmountCents=4000),
    ):
        await client.post("/orders", json=body)
    assert standin.violations == []
    assert standin.orders["A-1"] == Order(
        id="A-1",
        email="lena@example.org",
        currency="USD",
        total_cents=7000,
        statuses={"placed": [5000, 7000], "fulfilled": [7000], "refunded": [3000, 4000]},
        refunded_cents=7000,
        refunded=True,
    )


@pytest.mark.parametrize(
    ("pushes", "rule"),
    [
        ([order(), order()], "placed twice with the same total"),
        ([order(total=1), order(total=2), order(total=1)], "placed twice with the same total"),
        ([order(), order("fulfilled"), order("fulfilled")], "fulfilled twice"),
        ([order(), order("cancelled"), order("cancelled", 1)], "cancelled twice"),
        ([order(), order("refunded"), order(total=9999)], "placed after a full refund"),
        (
            [order("refunded", 100, refundAmountCents=60), order("refunded", 100, refundAmountCents=41)],
            "refunded steps sum to more than the total",
        ),
        (
            [order("refunded", 100), order("refunded", 100)],
            "refunded steps sum to more than the total",
        ),
        (
            [order(properties={"funnel": "spring", "status": "new"})],
            "a property hides the event's own status",
        ),
    ],
)
async def test_what_must_never_be_sent_is_taken_and_noted(
    standin: Standin, client: httpx.AsyncClient, pushes: list[dict[str, Any]], rule: str
) -> None:
    statuses = [(await client.post("/orders", json=body)).status_code for body in pushes]
    assert statuses == [202] * len(pushes)
    assert standin.violations == [Violation(n=len(pushes), rule=rule, id="A-1")]


async def test_a_product_without_in_stock_is_noted(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.post("/products", json={"products": [PRODUCT, changed(PRODUCT, "inStock", ABSENT)]})
    assert rules(standin) == ["a product without inStock"]


@pytest.mark.parametrize("kind", ["lose", "cut"])
async def test_repeating_what_was_never_answered_breaks_no_rule(
    standin: Standin, client: httpx.AsyncClient, kind: str
) -> None:
    for body in (order(), order("refunded", refundAmountCents=3000)):
        standin.faults.add(Fault.model_validate({"kind": kind}))
        with pytest.raises(httpx.TransportError):
            await client.post("/orders", json=body)
        await client.post("/orders", json=body)
        assert standin.violations == []
    assert standin.orders["A-1"].counts == {"placed": 2, "refunded": 2}
    assert standin.orders["A-1"].refunded_cents == 3000
    await client.post("/orders", json=order())
    assert rules(standin) == ["placed twice with the same total"]


async def test_a_call_overtaken_by_its_own_repeat_breaks_no_rule(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    slow = standin.faults.delay(3600)
    given_up = asyncio.create_task(client.post("/orders", json=order()))
    await standin.wait_for(lambda _: slow.fired == 1)
    given_up.cancel()
    await asyncio.wait([given_up])
    await client.post("/orders", json=order())
    standin.release()
    await standin.wait_for(2)
    assert standin.violations == []
    assert standin.orders["A-1"].counts == {"placed": 2}


# Rate limit


async def test_the_rate_is_kept_by_the_second_and_by_the_minute_for_each_key() -> None:
    clock = Clock()
    async with (
        Standin.serve(per_minute=3, per_second=2, retry_after=True, clock=clock) as standin,
        client_of(standin) as client,
    ):

        async def answers(key: str = KEY) -> tuple[int, str | None]:
            response = await client.get("/account", headers={"Authorization": f"Bearer {key}"})
            return response.status_code, response.headers.get("Retry-After")

        assert [await answers() for _ in range(3)] == [(200, None), (200, None), (429, "1")]
        assert await answers("another-key") == (200, None)
        clock.now += 0.999
        assert await answers() == (429, "1")
        clock.now += 0.001
        assert [await answers() for _ in range(2)] == [(200, None), (429, "59")]
        clock.now += 59
        assert [await answers() for _ in range(3)] == [(200, None), (200, None), (429, "1")]


async def test_a_429_need_not_say_when_to_come_back() -> None:
    async with Standin.serve(per_second=1, clock=Clock()) as standin, client_of(standin) as client:
        await client.post("/orders", json=order())
        refused = await client.post("/orders", json=order("fulfilled"))
        assert (refused.status_code, "Retry-After" in refused.headers) == (429, False)
        assert standin.orders["A-1"].counts == {"placed": 1}
        standin.limits.per_second = 0
        assert (await client.post("/orders", json=order("fulfilled"))).status_code == 202


# Faults


async def test_faults_are_met_in_the_order_of_the_script(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.status(500, times=2)
    standin.faults.status(429, headers={"Retry-After": "7"})
    statuses = [(await client.post("/orders", json=order())).status_code for _ in range(4)]
    assert statuses == [500, 500, 429, 202]
    assert [(r.status, r.fault, r.accepted) for r in standin.received] == [
        (500, "status", False),
        (500, "status", False),
        (429, "status", False),
        (202, None, True),
    ]
    assert standin.orders["A-1"].counts == {"placed": 1}


async def test_a_fault_without_times_stays_until_cleared(standin: Standin, client: httpx.AsyncClient) -> None:
    fault = standin.faults.status(503, times=None)
    assert {(await client.post("/orders", json=order())).status_code for _ in range(5)} == {503}
    assert fault.fired == 5
    standin.faults.clear()
    assert (await client.post("/orders", json=order())).status_code == 202


async def test_a_fault_can_be_for_one_path_one_order_or_one_email(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    standin.faults.status(501, times=None, path="/api/v1/checkouts")
    standin.faults.status(502, times=None, order_id="B-2")
    standin.faults.status(503, times=None, email="Noor@example.org")
    noor = {"email": "noor@example.org"}
    sent = [
        await client.post("/checkouts", json=CHECKOUT),
        await client.post("/orders", json=order(orderId="B-2")),
        await client.post("/orders", json=order(customer=noor)),
        await client.post("/subscribers/events", json=EVENT | noor),
        await client.post("/orders", json=order()),
        await client.get("/account"),
    ]
    assert [r.status_code for r in sent] == [501, 502, 503, 503, 202, 200]


async def test_a_status_fault_has_an_error_body_of_any_shape(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    standin.faults.status(403, message="API key is missing required scope(s): `x:y`", shape="B")
    standin.faults.status(500)
    standin.faults.status(502, body="upstream connect error")
    standin.faults.status(409, body={"message": "conflict"})
    standin.faults.status(503, body="<h1>Away</h1>", headers={"Content-Type": "text/html"})
    sent = [await client.post("/orders", json=order()) for _ in range(5)]
    assert sent[0].json()["error"]["message"] == "API key is missing required scope(s): `x:y`"
    assert sent[1].json() == {"success": False, "error": "Internal Server Error"}
    assert (sent[2].text, sent[2].headers["Content-Type"]) == (
        "upstream connect error",
        "text/plain; charset=utf-8",
    )
    assert sent[3].json() == {"message": "conflict"}
    assert (sent[4].status_code, sent[4].headers["Content-Type"]) == (503, "text/html")


async def test_a_2xx_fault_takes_the_order(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.status(201)
    standin.faults.status(204)
    standin.faults.status(201)
    created = await client.post("/orders", json=order())
    empty = await client.post("/orders", json=order("fulfilled"))
    refused = await client.post("/orders", json=order("nonsense"))
    assert (created.status_code, created.json()["queued"]) == (201, True)
    assert (empty.status_code, empty.content) == (204, b"")
    assert refused.status_code == 400
    assert standin.orders["A-1"].counts == {"placed": 1, "fulfilled": 1}


async def test_answers_that_are_no_answers_take_nothing(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.html()
    standin.faults.success_false(message="workspace is suspended")
    standin.faults.redirect("https://login.example/next")
    page, false, redirect = [await client.post("/orders", json=order()) for _ in range(3)]
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
    assert (false.status_code, false.json()) == (200, {"success": False, "error": "workspace is suspended"})
    assert (redirect.status_code, redirect.headers["Location"]) == (302, "https://login.example/next")
    assert (len(standin.received), standin.accepted, standin.orders) == (3, [], {})


async def test_an_empty_answer_takes_the_order(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.empty()
    response = await client.post("/orders", json=order())
    assert (response.status_code, response.content) == (202, b"")
    assert [r.fault for r in standin.accepted] == ["empty"]


async def test_a_cut_answer_takes_the_order(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.cut()
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await client.post("/orders", json=order())
    assert [r.fault for r in standin.accepted] == ["cut"]


@pytest.mark.parametrize(("kind", "taken"), [("drop", 0), ("lose", 1)])
async def test_a_connection_can_close_without_a_byte_of_answer(
    standin: Standin, client: httpx.AsyncClient, kind: str, taken: int
) -> None:
    fault = standin.faults.add(Fault.model_validate({"kind": kind}))
    request = client.build_request("POST", "/orders", json=order())
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", standin.port)
    writer.write(f"POST /api/v1/orders HTTP/1.1\r\n{head}\r\n".encode() + request.content)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert fault.fired == 1
    assert (len(standin.received), len(standin.accepted), len(standin.orders)) == (taken, taken, taken)


async def test_a_delayed_request_is_answered_as_it_should_be(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    standin.faults.delay(0.01)
    standin.faults.status(503, delay=0.01)
    sent = [await client.post("/orders", json=order()) for _ in range(2)]
    assert [r.status_code for r in sent] == [202, 503]


async def test_other_requests_overtake_a_delayed_one(standin: Standin, client: httpx.AsyncClient) -> None:
    slow = standin.faults.delay(3600, order_id="B-2")
    waiting = asyncio.create_task(client.post("/orders", json=order(orderId="B-2")))
    await standin.wait_for(lambda _: slow.fired == 1)
    assert (await client.post("/orders", json=order())).status_code == 202
    await standin.stop()
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], httpx.TransportError)
    assert list(standin.orders) == ["A-1"]


# Received


async def test_a_record_holds_the_request_without_its_secrets(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    await client.post("/orders", json=ORDER, headers={"X-Company-Id": "com_1", "Cookie": "session=1"})
    [record] = standin.received
    assert (record.n, record.method, record.path, record.status) == (1, "POST", "/api/v1/orders", 202)
    assert (record.body, record.key, record.fault, record.accepted) == (ORDER, "…abcd", None, True)
    assert record.headers["x-company-id"] == "com_1"
    assert not {"authorization", "cookie"} & set(record.headers)


async def test_a_short_key_is_not_shown(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.get("/account", headers={"Authorization": "Bearer short"})
    assert standin.received[0].key == "…"


async def test_a_body_that_is_no_json_is_shown_as_text(standin: Standin, client: httpx.AsyncClient) -> None:
    for content in (b"order=1\xff", b'{"total": NaN}', b""):
        await client.post("/orders", content=content)
    assert [r.body for r in standin.received] == ["order=1\ufffd", '{"total": NaN}', ""]


async def test_the_newest_are_kept_and_all_are_counted() -> None:
    async with Standin.serve(keep=2, keep_orders=2) as standin, client_of(standin) as client:
        for number in range(5):
            await client.post("/orders", json=order(orderId=f"A-{number}"))
        assert [r.n for r in standin.received] == [4, 5]
        assert (standin.received_total, standin.accepted_total) == (5, 5)
        assert list(standin.orders) == ["A-3", "A-4"]


async def test_waiting_ends_with_the_count_or_the_condition(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(standin.wait_for(2))
        group.create_task(standin.wait_for(lambda s: "A-1" in s.orders))
        await client.get("/account")
        await client.post("/orders", json=order())
    await standin.wait_for(2)


async def test_waiting_in_vain_says_what_came(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.get("/account")
    with pytest.raises(TimeoutError, match="1 requests received, 1 accepted"):
        await standin.wait_for(2, timeout=0.01)


async def test_reset_forgets_all_but_keys(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.keys = {KEY}
    standin.limits.per_minute = 2
    await client.post("/orders", json=order())
    await client.post("/orders", json=order())
    standin.faults.status(500, times=None)
    standin.reset()
    assert (await client.post("/orders", json=order())).status_code == 202
    assert ([r.n for r in standin.received], standin.violations, standin.keys) == ([1], [], {KEY})


# Down and back


async def down_and_back() -> list[Record]:
    async with Standin.serve() as standin, client_of(standin) as client:
        port = standin.port
        await client.post("/orders", json=order())
        await standin.stop()
        await standin.stop()
        with pytest.raises(httpx.ConnectError):
            await client.post("/orders", json=order("fulfilled"))
        await standin.start()
        await standin.start()
        assert standin.port == port
        await client.post("/orders", json=order("fulfilled"))
        return standin.received


async def test_it_goes_down_and_comes_back_with_its_port_and_memory() -> None:
    assert [r.body["status"] for r in await down_and_back()] == ["placed", "fulfilled"]


def test_it_goes_down_and_comes_back_under_uvloop() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert len(runner.run(down_and_back())) == 2


async def test_nobody_can_take_its_port_while_it_is_down() -> None:
    async with Standin.serve() as standin:
        await standin.stop()
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", standin.port))
    with socket.socket() as heir:
        heir.bind(("127.0.0.1", standin.port))


async def test_it_ends_whatever_is_open_and_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with Standin.serve() as standin:
        slow = standin.faults.delay(3600)
        idle = await asyncio.open_connection("127.0.0.1", standin.port)
        halfway = await asyncio.open_connection("127.0.0.1", standin.port)
        halfway[1].write(b"POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        delayed = await asyncio.open_connection("127.0.0.1", standin.port)
        delayed[1].write(b"GET /api/v1/account HTTP/1.1\r\nHost: a\r\n\r\n")
        await standin.wait_for(lambda _: slow.fired == 1)
    assert asyncio.all_tasks() == before
    for reader, writer in (idle, halfway, delayed):
        await asyncio.gather(reader.read(), return_exceptions=True)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert standin.received == []


async def test_a_taken_port_is_an_error() -> None:
    async with Standin.serve() as standin:
        with pytest.raises(OSError, match="in use"):
            await Standin(port=standin.port).start()


# For people and scripts


async def test_the_page_shows_the_newest_calls_escaped(standin: Standin, client: httpx.AsyncClient) -> None:
    assert "Nothing yet" in (await client.get(standin.origin + "/")).text
    for number in range(100):
        await client.post("/orders", json=order(orderId=f"A-{number}"))
    for order_id in ("A-0", "<b>", "<b>"):
        await client.post("/orders", json=order(orderId=order_id))
    hostile = json.dumps(order(orderId="<script>alert(1)</script>\ud800"))
    await client.post("/orders", content=hostile.encode(), headers={"Content-Type": "application/json"})
    page = await client.get(standin.origin + "/")
    assert "<title>Stand-in Commerce API</title>" in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert "placed twice with the same total (A-0)" in page.text
    assert page.text.count("<section>") == 100
    assert '"A-3"' not in page.text.replace("&quot;", '"')
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert (await client.get(standin.origin + "/_standin/")).text == page.text


async def test_scripts_see_what_was_received(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.post("/orders", json=order())
    await client.post("/orders", json=order())
    received = f"{standin.origin}/_standin/received"
    async with httpx.AsyncClient(verify=False) as stranger:
        shown = (await stranger.get(received)).json()
        newest = (await stranger.get(received, params={"limit": 1})).json()
    assert (shown["received_total"], shown["accepted_total"]) == (2, 2)
    assert [r["body"]["orderId"] for r in shown["received"]] == ["A-1", "A-1"]
    assert shown["orders"]["A-1"]["statuses"] == {"placed": [5497, 5497]}
    assert shown["violations"] == [{"n": 2, "rule": "placed twice with the same total", "id": "A-1"}]
    assert [r["n"] for r in newest["received"]] == [2]
    assert len(standin.received) == 2


async def test_scripts_set_faults_and_keys_and_reset(standin: Standin, client: httpx.AsyncClient) -> None:
    control = standin.origin + "/_standin"
    fault = {"kind": "status", "code": 503, "times": 2, "headers": {"Retry-After": "2"}}
    assert (await client.post(f"{control}/faults", json=fault)).json()[0]["times"] == 2
    assert len((await client.post(f"{control}/faults", json=[{"kind": "html"}])).json()) == 2
    assert (await client.post("/orders", json=order())).headers["Retry-After"] == "2"
    assert (await client.get(f"{control}/faults")).json()[0]["fired"] == 1
    assert (await client.delete(f"{control}/faults")).json() == []
    assert (await client.put(f"{control}/keys", json={"keys": ["other"]})).status_code == 204
    assert (await client.post("/orders", json=order())).status_code == 401
    assert (await client.put(f"{control}/keys", json={"keys": None})).status_code == 204
    assert (await client.post(f"{control}/reset")).status_code == 204
    assert (standin.received, standin.keys) == ([], None)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/faults", b'{"kind": "explode"}'),
        ("POST", "/faults", b'{"kind": "html", "path": "orders"}'),
        ("POST", "/faults", b'{"kind": "html", "headers": {"a": "b\\r\\nc: d"}}'),
        ("POST", "/faults", b"{"),
        ("PUT", "/keys", b"[]"),
        ("PUT", "/keys", b"{"),
    ],
)
async def test_a_wrong_order_to_the_stand_in_is_refused(
    standin: Standin, client: httpx.AsyncClient, method: str, path: str, content: bytes
) -> None:
    response = await client.request(method, f"{standin.origin}/_standin{path}", content=content)
    assert (response.status_code, "error" in response.json()) == (400, True)
    assert len(standin.faults) == 0


async def test_another_site_cannot_control_it(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.post("/orders", json=order())
    reset = f"{standin.origin}/_standin/reset"
    assert (await client.post(reset, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert len(standin.received) == 1


# As a process


async def process(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay.testing.standin", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_says_its_address_and_ends_when_asked(number: signal.Signals) -> None:
    child = await process("--port", "0", "--key", KEY, "--per-minute", "1")
    assert child.stdout is not None
    line = (await child.stdout.readline()).decode().strip()
    url = line.removeprefix("Stand-in Commerce API: ")
    async with httpx.AsyncClient(base_url=url, headers=BEARER, verify=False) as client:
        statuses = [(await client.post("/orders", json=ORDER)).status_code for _ in range(2)]
        child.send_signal(number)
        out, err = await child.communicate()
    assert statuses == [202, 429]
    assert (child.returncode, out, err) == (0, b"", b"")


async def test_a_process_whose_port_is_taken_says_so(standin: Standin) -> None:
    child = await process("--port", str(standin.port))
    _, err = await child.communicate()
    assert child.returncode == 1
    assert err.startswith(b"The stand-in cannot listen: ")
    assert len(err.splitlines()) == 1

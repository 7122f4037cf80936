"""What the stand-in refuses, naming the field."""

import json
from typing import Any

import httpx
import pytest

from relay.testing.standin import Standin
from tests.testing.standin.support import (
    ABSENT,
    BEARER,
    CHECKOUT,
    EVENT,
    KEY,
    ORDER,
    PRODUCT,
    STOCK,
    changed,
    client_of,
)

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

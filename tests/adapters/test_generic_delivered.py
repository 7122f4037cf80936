"""One's own backend posts here what it would post to the Commerce API, and it arrives there."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.adapters.generic_support import ORDER
from tests.support import TOKEN, House

CUSTOMER = {"email": "jo@example.org"}
BODIES: dict[str, dict[str, Any]] = {
    "/orders": {
        **ORDER,
        "status": "placed",
        "orderNumber": "N-1",
        "orderedAt": "2026-07-01T12:00:00.000Z",
        "items": [{"productId": "p", "title": "Pot", "quantity": 2, "priceCents": 2495}],
        "customerTotals": {"ordersCount": 1, "totalSpentCents": 4990},
        "properties": {"rating": 4.5, "utm": {"source": "mail"}},
    },
    "/checkouts": {"checkoutId": "c-1", "customer": CUSTOMER, "totalCents": 4990, "currency": "EUR"},
    "/back-in-stock": {"productId": "p", "customer": CUSTOMER, "productTitle": "Pot"},
    "/products": {"products": [{"productId": "p", "title": "Pot", "inStock": True, "description": None}]},
    "/subscribers/events": {"event": "quiz.finished", "eventId": "q-1", "email": "jo@example.org"},
}


@pytest.fixture
def shop(house: House) -> House:
    house.raw["sources"]["shop"]["adapter"] = "generic"
    return house


async def send(house: House, body: Any, query: str = "", **headers: str) -> httpx.Response:
    return await house.http.post(
        f"/in/shop/{TOKEN}{query}",
        content=json.dumps(body),
        headers={"content-type": "application/json", **headers},
    )


@pytest.mark.parametrize("path", BODIES)
async def test_a_body_of_the_api_arrives_there_as_it_was_posted(shop: House, path: str) -> None:
    await shop.start()
    answer = await send(shop, BODIES[path])
    await shop.until(answer.json()["id"], "delivered")
    (record,) = shop.standin.accepted
    assert (record.path.endswith(path), record.body) == (True, BODIES[path])
    assert shop.standin.violations == []


async def test_every_fault_is_told_at_once_and_the_corrected_order_leaves_no_alarm(shop: House) -> None:
    await shop.start()
    wrong = {**ORDER, "totalCents": "49.90", "customer": {"email": "jo"}, "items": [{"productId": 7}]}
    refused = await send(shop, wrong)
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {
        "#/totalCents",
        "#/customer/email",
        "#/items/0/productId",
        "#/items/0/title",
        "#/items/0/quantity",
    }
    corrected = await send(shop, ORDER)
    assert corrected.status_code == 200
    await shop.until(corrected.json()["id"], "delivered")
    stats = (await shop.api("GET", "/stats")).json()
    assert (stats["counts"]["dead"], stats["counts"]["ignored"], stats["counts"]["delivered"]) == (0, 1, 1)
    assert stats["balanced"]
    assert shop.standin.orders["1001"].statuses == {"placed": [4990]}


async def test_products_leave_a_hundred_at_a_time(shop: House) -> None:
    await shop.start()
    products = [{"productId": f"p-{n}", "title": "Pot", "inStock": n % 2 == 0} for n in range(250)]
    answer = await send(shop, {"products": products})
    await shop.until(answer.json()["id"], "delivered")
    assert [len(record.body["products"]) for record in shop.standin.accepted] == [100, 100, 50]
    assert [product for record in shop.standin.accepted for product in record.body["products"]] == products


async def test_an_order_goes_by_its_own_id_whatever_its_checkout_went_by(shop: House) -> None:
    await shop.start()
    checkout = await send(shop, BODIES["/checkouts"])
    await shop.until(checkout.json()["id"], "delivered")
    order = await send(shop, {**ORDER, "properties": {"checkoutId": "c-1"}})
    await shop.until(order.json()["id"], "delivered")
    late = await send(shop, {**BODIES["/checkouts"], "totalCents": 5990})
    ignored = await shop.until(late.json()["id"], "ignored")
    assert ignored.relay.reason == "checkout already sent"
    sent = [(r.body.get("checkoutId"), r.body.get("orderId")) for r in shop.standin.accepted]
    assert sent == [("c-1", None), (None, "1001")]
    assert shop.standin.accepted[1].body["properties"] == {"checkoutId": "c-1"}


async def test_a_second_sending_under_one_idempotency_key_is_a_copy(shop: House) -> None:
    await shop.start()
    event = {"event": "quiz.finished", "email": "jo@example.org"}
    first = await send(shop, event, **{"idempotency-key": "try-1"})
    second = await send(shop, {**event, "properties": {"sent": "again"}}, **{"idempotency-key": "try-1"})
    assert (second.json()["id"], second.json()["duplicate"]) == (first.json()["id"], True)
    await shop.until(first.json()["id"], "delivered")
    assert shop.standin.accepted_total == 1


async def test_a_signed_backend_is_heard(shop: House) -> None:
    secret = "whsec_" + base64.b64encode(b"a secret of the tests, long enough").decode()
    shop.raw["sources"]["shop"]["signature"] = {"scheme": "standard-webhooks", "secrets": [secret]}
    await shop.start()
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, json.dumps(ORDER)),
    }
    assert (await send(shop, ORDER)).status_code == 404
    answer = await send(shop, ORDER, **headers)
    await shop.until(answer.json()["id"], "delivered")


async def test_another_shop_s_shipment_is_completed_by_what_its_sale_said(shop: House) -> None:
    table = {"orderId": "no", "totalCents": "money(sum)", "customer": {"email": "lower(mail)"}}
    shop.raw["sources"]["shop"].update(currency="EUR", options={"mapping": {"order": table}})
    await shop.start()
    shipped = await send(shop, {"no": 44}, "?event=order.fulfilled")
    held = await shop.until(shipped.json()["id"], "held")
    assert "not known yet" in held.relay.reason
    await send(shop, {"no": 44, "sum": "49.90", "mail": "Jo@Example.org"}, "?event=order.placed")
    await shop.until(shipped.json()["id"], "delivered")
    assert shop.standin.orders["44"].statuses == {"placed": [4990], "fulfilled": [4990]}
    assert shop.standin.violations == []

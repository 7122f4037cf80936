"""A Shopify shop's webhooks, from their signature to the Commerce API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.shops import ago, body_of, sells, shopify
from tests.support import House

ORDER = "5678901234567"


def order(**changes: Any) -> dict[str, Any]:
    """A sale of a minute ago."""
    recent = {"created_at": f"{ago(minutes=1)}Z", "processed_at": f"{ago(minutes=1)}Z"}
    return {**body_of("shopify", "order_placed__created_and_paid"), **recent, **changes}


def shipped(status: str = "fulfilled") -> dict[str, Any]:
    shipment = {"id": 1, "status": "success", "created_at": f"{ago(seconds=5)}Z", "tracking_number": "1Z"}
    return order(fulfillment_status=status, fulfillments=[shipment])


def refund(number: int, amount: str) -> dict[str, Any]:
    given = {"id": number, "kind": "refund", "status": "success", "amount": amount, "currency": "USD"}
    return {
        "id": number,
        "order_id": int(ORDER),
        "created_at": f"{ago(seconds=5)}Z",
        "transactions": [given],
    }


@pytest.fixture
def shop(house: House) -> House:
    return sells(house, "shopify")


async def test_a_sale_signed_by_another_is_answered_like_a_wrong_token(shop: House) -> None:
    await shop.serve()
    assert (await shopify(shop, order(), secret="not-the-secret")).status_code == 404
    assert (await shop.api("GET", "/stats")).json()["received"] == 0


async def test_an_order_s_topics_tell_it_once_in_any_number(shop: House) -> None:
    await shop.start()
    told = [
        (order(), "orders/create"),
        (order(), "orders/paid"),
        (order(), "orders/updated"),
        (shipped("partial"), "orders/partially_fulfilled"),
        (shipped(), "orders/fulfilled"),
        (refund(1, "10.00"), "refunds/create"),
        (order(financial_status="partially_refunded", refunds=[refund(1, "10.00")]), "orders/updated"),
        (refund(2, "36.35"), "refunds/create"),
    ]
    for body, topic in told:
        answer = await shopify(shop, body, topic)
        await shop.until(answer.json()["id"], "delivered", "ignored")
    assert shop.standin.orders[ORDER].statuses == {
        "placed": [4635],
        "fulfilled": [4635],
        "refunded": [1000, 3635],
    }
    assert shop.standin.violations == []


async def test_one_body_under_two_topics_is_no_copy(shop: House) -> None:
    await shop.start()
    late = {"created_at": f"{ago(days=9)}Z", "processed_at": f"{ago(days=9)}Z"}
    body = order(**late)
    updated = await shopify(shop, body, "orders/updated")
    paid = await shopify(shop, body, "orders/paid")
    assert updated.json()["status"] == "ignored"
    assert not paid.json()["duplicate"]
    await shop.until(paid.json()["id"], "delivered")
    assert shop.standin.orders[ORDER].statuses == {"placed": [4635]}


async def test_a_delivery_tried_again_is_a_copy(shop: House) -> None:
    await shop.serve()
    first = await shopify(shop, order(), "orders/create", webhook="w-1")
    again = await shopify(shop, order(note="later"), "orders/create", webhook="w-1")
    assert (again.json()["id"], again.json()["duplicate"]) == (first.json()["id"], True)


async def test_a_refund_that_comes_before_its_order_waits_for_it(shop: House) -> None:
    await shop.start()
    early = await shopify(shop, refund(1, "10.00"), "refunds/create")
    held = await shop.until(early.json()["id"], "held")
    assert "not known yet" in held.relay.reason
    await shopify(shop, order(), "orders/create")
    await shop.until(early.json()["id"], "delivered")
    assert shop.standin.orders[ORDER].statuses == {"placed": [4635], "refunded": [1000]}


async def test_a_checkout_is_told_until_its_order_is_known(shop: House) -> None:
    await shop.start()
    checkout = {**body_of("shopify", "checkout_started__with_an_address"), "created_at": f"{ago(minutes=9)}Z"}
    first = await shopify(shop, checkout, "checkouts/create")
    await shop.until(first.json()["id"], "delivered")
    sale = await shopify(shop, order(), "orders/create")
    await shop.until(sale.json()["id"], "delivered")
    late = await shopify(shop, {**checkout, "note": "later"}, "checkouts/update")
    await shop.until(late.json()["id"], "ignored")
    assert shop.standin.accepted[1].body["properties"]["checkoutId"] == checkout["token"]
    assert shop.standin.accepted_total == 2


async def test_what_cannot_be_read_is_answered_200_so_that_the_subscription_stays(shop: House) -> None:
    await shop.serve()
    answer = await shopify(shop, order(financial_status="in_dispute"), "orders/create")
    assert (answer.status_code, answer.json()["status"]) == (200, "dead")


async def test_a_person_s_wish_to_be_forgotten_waits_for_a_person(shop: House) -> None:
    await shop.serve()
    answer = await shopify(shop, {"customer": {"email": "lena@example.org"}}, "customers/redact")
    assert answer.json()["status"] == "dead"
    assert "relay forget" in answer.json()["reason"]
    assert "lena@example.org" not in answer.json()["reason"]


async def test_who_asks_what_is_kept_is_not_to_be_forgotten(shop: House) -> None:
    await shop.serve()
    answer = await shopify(shop, {"customer": {"email": "lena@example.org"}}, "customers/data_request")
    assert answer.json()["status"] == "dead"
    assert "relay forget" not in answer.json()["reason"]
    assert 'relay relays "email:ADDRESS"' in answer.json()["reason"]

"""A WooCommerce shop's webhooks, from its signature to the Commerce API."""

from __future__ import annotations

from typing import Any

import pytest

from relay import settings, wiring
from relay.errors import SettingsError
from tests.adapters.shops import ago, body_of, sells, woo
from tests.support import TOKEN, House


def order(**changes: Any) -> dict[str, Any]:
    """A sale of a minute ago."""
    recent = {"date_created_gmt": ago(minutes=2), "date_paid_gmt": ago(minutes=1)}
    return {**body_of("woocommerce", "order_placed__processing"), **recent, **changes}


@pytest.fixture
def shop(house: House) -> House:
    return sells(house, "woocommerce")


async def test_the_ping_of_a_new_webhook_is_answered_200_though_it_is_not_signed(shop: House) -> None:
    await shop.serve()
    answer = await shop.http.post(f"/in/shop/{TOKEN}", content="webhook_id=7")
    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert answer.json()["reason"].startswith("ping")
    more = await shop.http.post(f"/in/shop/{TOKEN}", content="webhook_id=7&status=completed")
    assert more.status_code == 404


async def test_a_sale_signed_by_another_is_answered_like_a_wrong_token(shop: House) -> None:
    await shop.serve()
    assert (await woo(shop, order(), secret="not-the-secret")).status_code == 404
    assert (await shop.api("GET", "/stats")).json()["received"] == 0


async def test_an_order_goes_from_sale_to_refund_however_often_each_is_told(shop: House) -> None:
    await shop.start()
    done = {"status": "completed", "date_completed_gmt": ago(seconds=1)}
    given = {"refunds": [{"id": 730, "reason": "", "total": "-10.00"}]}
    for body in (order(), order(date_modified_gmt=ago()), order(**done), order(**done, **given)):
        answer = await woo(shop, body)
        await shop.until(answer.json()["id"], "delivered", "ignored")
    again = await woo(shop, order(**done, **given, customer_note="thanks"))
    await shop.until(again.json()["id"], "ignored")
    assert shop.standin.orders["727"].statuses == {
        "placed": [4635],
        "fulfilled": [4635],
        "refunded": [1000],
    }
    assert shop.standin.violations == []


async def test_two_orders_of_one_second_share_a_delivery_id_and_are_two(shop: House) -> None:
    await shop.start()
    first = await woo(shop, order(), delivery="one-second")
    second = await woo(shop, order(id=728, number="728"), delivery="one-second")
    assert not second.json()["duplicate"]
    for answer in (first, second):
        await shop.until(answer.json()["id"], "delivered")
    assert {"727", "728"} <= shop.standin.orders.keys()


async def test_what_cannot_be_read_is_answered_200_so_that_the_webhook_is_not_disabled(shop: House) -> None:
    await shop.serve()
    answer = await woo(shop, order(status="shipped"))
    assert (answer.status_code, answer.json()["status"]) == (200, "dead")


async def test_an_unpaid_order_becomes_a_checkout_and_then_the_order_of_the_same_id(house: House) -> None:
    shop = sells(house, "woocommerce", checkouts=True)
    await shop.start()
    started = await woo(shop, order(status="pending", date_paid_gmt=None))
    await shop.until(started.json()["id"], "delivered")
    paid = await woo(shop, order())
    await shop.until(paid.json()["id"], "delivered")
    assert [next(iter(record.body)) for record in shop.standin.accepted] == ["checkoutId", "orderId"]
    assert shop.standin.accepted[1].body["properties"]["checkoutId"] == "727"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"oldest": "soon"}, "options.oldest is 'soon'"),
        ({"statuses": {"shipped": "sent"}}, "options.statuses.shipped is 'sent'"),
        ({"properties": {"status": "k"}}, "a property called status would hide the event's own"),
    ],
)
def test_a_wrong_option_stops_the_start(options: dict[str, Any], says: str) -> None:
    source = {"adapter": "woocommerce", "destination": "main", "tokens": ["t"], "options": options}
    raw = {"destinations": {"main": {"api_key": "k"}}, "sources": {"shop": source}}
    with pytest.raises(SettingsError) as stopped:
        wiring.sources(settings.parse(raw, {}))
    assert says in str(stopped.value)

"""What waits for an order nobody told us of is completed with what the platform says of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from relay import wiring
from relay.journal.forget import forget
from relay.normalise.events import Customer, OrderFulfilled, OrderPlaced, OrderRefunded, Refund
from relay.pull.complete import completed
from relay.pull.fetchback import FetchBack
from tests.pull.platform import Platform, file, platform
from tests.support import TOKEN, House
from tests.wires import silent

SHIPPED = "event=shipped&orderId=5311&customerId=2211&fulfillmentStatus=SHIPPED&trackingNumber=94001"
PLACED = OrderPlaced(
    order_id="F5A8000D6F",
    names=("client:F5A8000D6F", "number:5311"),
    customer=Customer(email="buyer.one@example.com", first_name="Buyer"),
    currency="JPY",
    total_minor=30795,
)


@pytest.fixture
async def shop() -> AsyncIterator[Platform]:
    async with platform() as made:
        yield made


@pytest.fixture
def selling(house: House) -> House:
    """A relay whose source is an account of that platform, and whose waits end soon."""
    more = {"adapter": "checkoutchamp", "currency": "USD", "thin_wait": "4m", "since": "2026-01-01"}
    house.raw["sources"]["shop"] |= more
    return house


@pytest.fixture
async def fetch_back(selling: House, shop: Platform) -> AsyncIterator[FetchBack]:
    """Not run by the worker, which knows of no API."""
    await selling.start()
    selling.raw["sources"]["shop"] |= {"api": shop.api}
    async with AsyncExitStack() as stack:
        yield await wiring.fetch_back(selling.config, selling.journal(), stack)


async def thin(house: House, order: str = "5311", customer: str = "2211") -> str:
    query = SHIPPED.replace("5311", order).replace("2211", customer)
    answer = await house.http.get(f"/in/shop/{TOKEN}?{query}")
    relay: str = answer.json()["id"]
    assert (await house.until(relay, "held")).relay.reason.startswith("the order is not known yet")
    return relay


async def test_a_shipment_that_knows_only_a_number_is_sent_with_the_platforms_answer(
    selling: House, shop: Platform
) -> None:
    selling.raw["sources"]["shop"] |= {"api": shop.api}
    await selling.start()
    answer = await selling.http.get(f"/in/shop/{TOKEN}?{SHIPPED}")
    await selling.until(answer.json()["id"], "delivered")
    assert [(asked["customerId"], asked["page"]) for asked in shop.asked] == [("2211", "1"), ("2211", "2")]
    calls = [(record.body["status"], record.body["orderId"]) for record in selling.standin.accepted]
    assert calls == [("placed", "F5A8000D6F"), ("fulfilled", "F5A8000D6F")]
    assert selling.standin.accepted[1].body["customer"]["email"] == "buyer.one@example.com"


async def test_each_relay_is_asked_about_once(selling: House, shop: Platform, fetch_back: FetchBack) -> None:
    shop.trouble = [(200, file("03-order_query-none"))]
    relay = await thin(selling)
    await fetch_back.look("shop")
    await fetch_back.look("shop")
    assert len(shop.asked) == 1
    assert (await selling.until(relay, "held")).relay.attempts == 0


async def test_nothing_is_completed_from_what_a_person_bought_before_they_were_forgotten(
    selling: House, shop: Platform, fetch_back: FetchBack
) -> None:
    await forget(selling.journal(), "buyer.one@example.com", by="a test")
    relay = await thin(selling)
    await fetch_back.look("shop")
    assert shop.asked
    detail = await selling.until(relay, "held")
    assert (detail.original, "buyer.one" in str(detail)) == (None, False)


async def test_a_platform_that_refuses_is_left_alone_for_a_while(
    selling: House, shop: Platform, fetch_back: FetchBack
) -> None:
    shop.trouble = [(200, file("04-error-ip"))]
    await thin(selling)
    await fetch_back.look("shop")
    await fetch_back.look("shop")
    assert len(shop.asked) == 1


async def test_what_the_platform_does_not_know_keeps_nothing_else_from_being_asked_about(
    selling: House, shop: Platform, fetch_back: FetchBack
) -> None:
    unknown = [await thin(selling, order=str(order)) for order in range(6000, 6060)]
    shop.trouble = [(200, file("03-order_query-none"))] * len(unknown)
    known = await thin(selling)
    await fetch_back.look("shop")
    await selling.until(known, "delivered")


async def test_an_order_that_the_platform_breaks_on_is_asked_about_after_the_others(
    selling: House, shop: Platform, fetch_back: FetchBack
) -> None:
    await thin(selling, order="6000", customer="6000")
    known = await thin(selling)
    shop.trouble = [(403, "oops")]
    await fetch_back.look("shop")
    fetch_back._rests.clear()
    await fetch_back.look("shop")
    assert [asked["customerId"] for asked in shop.asked[:2]] == ["6000", "2211"]
    await selling.until(known, "delivered")


async def test_a_platform_that_gives_no_answer_keeps_no_other_sources_relays_waiting(
    selling: House, shop: Platform
) -> None:
    async with silent() as url:
        selling.raw["sources"]["mute"] = {
            **selling.raw["sources"]["shop"],
            "api": {**shop.api, "url": url},
        }
        selling.raw["sources"]["shop"] |= {"api": shop.api}
        await selling.serve()
        await selling.http.get(f"/in/mute/{TOKEN}?{SHIPPED}")
        known = (await selling.http.get(f"/in/shop/{TOKEN}?{SHIPPED}")).json()["id"]
        await selling.work()
        await selling.until(known, "delivered")


def test_what_happened_stays_what_the_postback_said() -> None:
    event = OrderFulfilled(order_id="5311", names=("number:5311",))
    whole = completed(event, [PLACED])
    assert isinstance(whole, OrderFulfilled)
    assert (whole.order_id, whole.total_minor, whole.currency) == ("F5A8000D6F", 30795, "JPY")
    assert set(whole.names) == {"number:5311", "client:F5A8000D6F"}


def test_what_the_postback_says_itself_stands() -> None:
    event = OrderRefunded(
        order_id="5311",
        names=("number:5311",),
        customer=Customer(email="new@example.com"),
        currency="USD",
        total_minor=100,
        refund=Refund(basis="full"),
    )
    whole = completed(event, [PLACED])
    assert whole is not None
    assert (whole.total_minor, whole.currency) == (100, "USD")
    assert whole.customer == Customer(email="new@example.com", first_name="Buyer")


def test_an_order_of_another_name_completes_nothing() -> None:
    assert completed(OrderFulfilled(order_id="5312", names=("number:5312",)), [PLACED]) is None

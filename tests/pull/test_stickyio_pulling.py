"""What Sticky.io's API says of orders and products, and how it is sent once and only when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from adapters.stickyio.pulling import MOST_IDS, StickyioApi, StickyioPuller
from relay import wiring
from relay.errors import PullLater, PullRefused
from relay.normalise.contract import SourceContext
from relay.normalise.events import load
from relay.normalise.pulling import Pull
from relay.pull.compare import Compared, State
from relay.pull.fetch import Fetcher
from relay.pull.run import Pulling, Report
from tests.pull.sticky import Sticky, file, sticky
from tests.support import House, checkout, thin

DAY = date(2025, 11, 25)
QUICK = (timedelta(milliseconds=1),)


@pytest.fixture
async def shop() -> AsyncIterator[Sticky]:
    async with sticky() as made:
        yield made


@pytest.fixture
def selling(house: House) -> House:
    """A relay whose source is an account of that platform."""
    house.raw["sources"]["shop"] |= {"adapter": "stickyio", "currency": "USD"}
    return house


def puller(shop: Sticky, **api: Any) -> StickyioPuller:
    return StickyioPuller(SourceContext("shop", "USD"), StickyioApi.model_validate({**shop.api, **api}))


async def pulled(
    house: House, asker: StickyioPuller, pull: Pull, **how: bool
) -> tuple[list[Compared], Report]:
    source = wiring.sources(house.config)[0]
    pulling = Pulling(house.journal(), source, wiring.policy(house.config.sources["shop"]), **how)
    found: list[Compared] = []
    async with Fetcher(asker, pauses=QUICK) as fetcher:
        fetcher._between = 0  # the pace has its own tests
        report = await pulling.run(fetcher, pull, found.append)
    return found, report


async def orders(
    house: House, shop: Sticky, *, days: int = 1, api: dict[str, Any] | None = None, **how: bool
) -> tuple[list[Compared], Report]:
    asker = puller(shop, **(api or {}))
    return await pulled(house, asker, asker.orders(DAY, DAY + timedelta(days=days - 1)), **how)


async def test_a_look_says_what_is_missing_and_records_nothing(selling: House, shop: Sticky) -> None:
    found, report = await orders(selling, shop)
    assert {compared.order: (compared.state, compared.lacking) for compared in found if compared.order} == {
        "104233": (State.MISSING, ("placed", "fulfilled", "refunded")),
        "104377": (State.MISSING, ("cancelled",)),
    }
    assert [compared.why for compared in found if compared.state is State.IGNORED] == ["declined"]
    assert report.recorded == 0


async def test_what_is_missing_is_sent_with_the_platforms_own_figures_and_once(
    selling: House, shop: Sticky
) -> None:
    await selling.work()
    await orders(selling, shop, send=True, stale=True)
    await selling.standin.wait_for(lambda standin: standin.accepted_total >= 4, timeout=20)
    told = {(r.body["orderId"], r.body["status"]): r.body for r in selling.standin.accepted}
    assert sorted(told) == [
        ("104233", "fulfilled"),
        ("104233", "placed"),
        ("104233", "refunded"),
        ("104377", "cancelled"),
    ]
    placed = told["104233", "placed"]
    assert (placed["totalCents"], placed["orderedAt"]) == (9041, "2025-11-23T19:05:09.000Z")
    assert placed["customer"]["externalId"] == "58211"
    assert [(i["productId"], i["quantity"], i["priceCents"]) for i in placed["items"]] == [
        ("211", 1, 3995),
        ("305", 2, 750),
        ("118", 1, 2400),
    ]
    assert told["104233", "refunded"]["refundAmountCents"] == 2400
    assert told["104233", "fulfilled"]["properties"]["trackingNumber"] == "1Z999AA10123456784"
    _, again = await orders(selling, shop, send=True, stale=True)
    assert (again.recorded, again.states[State.COMPLETE]) == (0, 2)


async def test_orders_made_and_orders_changed_are_asked_for_day_by_day(selling: House, shop: Sticky) -> None:
    await orders(selling, shop, days=2)
    spans = [
        (a["method"], a["start_date"], a["start_time"], a["end_date"], a["end_time"])
        for a in shop.asked
        if a["method"] != "order_view"
    ]
    whole = ("00:00:00", "11/25/2025", "23:59:59")
    assert spans[:2] == [
        ("order_find", "11/25/2025", *whole),
        ("order_find_updated", "11/25/2025", *whole),
    ]
    assert [span[1] for span in spans] == ["11/25/2025", "11/25/2025", "11/26/2025", "11/26/2025"]
    assert shop.asked_of("order_find_updated")[0]["group_keys"] == [
        "chargeback",
        "refund",
        "reprocess",
        "void",
    ]


async def test_an_answer_that_was_cut_is_asked_for_in_halves(selling: House, shop: Sticky) -> None:
    shop.most = MOST_IDS
    found, _ = await orders(selling, shop)
    assert {compared.order for compared in found if compared.order} == {"104233", "104377"}
    ends = {(asked["start_time"], asked["end_time"]) for asked in shop.asked_of("order_find")}
    assert ends == {("00:00:00", "23:59:59"), ("00:00:00", "11:59:59"), ("12:00:00", "23:59:59")}
    assert len(shop.asked_of("order_view")) == 1


async def test_one_order_is_asked_for_by_its_number(selling: House, shop: Sticky) -> None:
    asker = puller(shop)
    (shipped,) = load([thin("order.fulfilled", "104377") | {"names": ["order:104377"]}])
    (prospect,) = load([checkout("880417") | {"names": ["prospect:880417"]}])
    pull = asker.order(shipped)  # type: ignore[arg-type]
    assert pull is not None
    found, _ = await pulled(selling, asker, pull)
    assert [compared.order for compared in found] == ["104377"]
    assert shop.asked == [{"method": "order_view", "order_id": ["104377"]}]
    assert asker.order(prospect) is None  # type: ignore[arg-type]


async def test_a_shipment_by_number_alone_is_completed_by_the_platform(selling: House, shop: Sticky) -> None:
    selling.raw["sources"]["shop"] |= {"api": shop.api, "thin_wait": "4m"}
    await selling.start()
    answer = await selling.http.get(
        "/in/shop/a-token-of-the-tests?event=shipped&order_id=104233&trackingnumber=1Z"
    )
    await selling.until(answer.json()["id"], "delivered")
    body = selling.standin.accepted[-1].body
    assert (body["status"], body["totalCents"], body["customer"]["email"]) == (
        "fulfilled",
        9041,
        "marta.lind@example.com",
    )


async def test_an_order_that_is_not_there_is_passed_over(selling: House, shop: Sticky) -> None:
    asker = puller(shop)
    for ids in (["999999"], ["999999", "104377"]):
        found, _ = await pulled(selling, asker, asker._views(ids))
        assert [compared.order for compared in found] == ids[1:]


async def test_a_campaign_may_have_a_currency_of_its_own(selling: House, shop: Sticky) -> None:
    found, _ = await orders(selling, shop, api={"currencies": {"31": "JPY"}})
    reading: Any = found[0].found.outcome
    assert (reading.events[0].currency, reading.events[0].total_minor) == ("JPY", 90)
    assert not reading.events[0].currency_assumed
    found, _ = await orders(selling, shop)
    reading = found[0].found.outcome
    assert (reading.events[0].currency, reading.events[0].currency_assumed) == ("USD", True)


async def test_products_go_to_the_catalog(selling: House, shop: Sticky) -> None:
    await selling.work()
    asker = puller(shop)
    _, report = await pulled(selling, asker, asker.products(), send=True)
    assert report.recorded == 1
    await selling.standin.wait_for(lambda standin: standin.accepted_total >= 1, timeout=20)
    assert selling.standin.accepted[0].body == {
        "products": [
            {
                "productId": "211",
                "title": "Night Cream 50ml",
                "inStock": True,
                "description": "Rich night cream",
                "priceCents": 3995,
                "currency": "USD",
            },
            {
                "productId": "402",
                "title": "Starter Kit",
                "inStock": True,
                "priceCents": 8000,
                "currency": "USD",
            },
        ]
    }


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((200, file("05-error-in-http-200")), PullRefused, "668: Unauthorized IP Address"),
        ((200, '{"response_code": 10666}'), PullRefused, "666"),
        ((200, file("06-error-rate-limit")), PullLater, "per_minute"),
        ((200, "<html>"), PullLater, "no JSON"),
        ((200, '{"a": 1}'), PullRefused, "response_code"),
        ((200, "[]"), PullRefused, "response_code"),
        ((401, ""), PullRefused, "401"),
        ((429, ""), PullLater, "429"),
    ],
)
async def test_what_does_not_pass_ends_with_advice(
    selling: House, shop: Sticky, answer: tuple[int, str], error: type[Exception], said: str
) -> None:
    shop.trouble = [answer, answer]
    with pytest.raises(error, match=said):
        await orders(selling, shop)


async def test_what_passes_is_asked_again(selling: House, shop: Sticky) -> None:
    shop.trouble = [(500, "oops")]
    found, _ = await orders(selling, shop)
    assert len(found) == 3


async def test_of_two_codes_that_contradict_each_other_the_good_one_was_right(
    selling: House, shop: Sticky
) -> None:
    shop.trouble = [(200, '{"response_code": 10666, "responseCode": "100"}')]
    found, _ = await orders(selling, shop)
    assert found == []


@pytest.mark.parametrize(
    "api",
    [
        {"url": "acme"},
        {"per_minute": 500},
        {"currencies": {"31": "yen"}},
        {"login": "x"},
    ],
)
def test_a_wrong_setting_is_refused(api: dict[str, Any]) -> None:
    given = {"url": "https://acme.sticky.io", "user": "relay", "password": "p", **api}
    with pytest.raises(ValueError, match=next(iter(api))):
        StickyioApi.model_validate(given)

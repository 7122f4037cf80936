"""The pull side: what the platform has and we do not, and how it is sent once and only when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from relay import wiring
from relay.errors import PullLater, PullRefused
from relay.journal.forget import forget, is_forgotten
from relay.normalise import registry
from relay.normalise.contract import SourceContext
from relay.pull.compare import Compared, State
from relay.pull.fetch import Fetcher
from relay.pull.run import Pulling, Report
from relay.testing.standin import Standin
from tests.pull.platform import PASSWORD, Platform, file, platform
from tests.shell import Shell
from tests.support import KEY, House, RedisProcess

DAY = date(2026, 8, 12)
DAY_LONG = timedelta(days=1)
QUICK = (timedelta(milliseconds=1),)


@pytest.fixture
async def shop() -> AsyncIterator[Platform]:
    async with platform() as made:
        yield made


@pytest.fixture
def selling(house: House, shop: Platform) -> House:
    """A relay whose source is an account of that platform."""
    house.raw["sources"]["shop"] |= {"adapter": "checkoutchamp", "currency": "USD"}
    return house


async def pull(
    house: House, shop: Platform, *, products: bool = False, days: int = 1, **how: bool
) -> tuple[list[Compared], Report]:
    kind = registry.installed()["checkoutchamp"]
    build: Any = kind.build
    api = build.Puller.Api.model_validate(shop.api)
    puller = build.Puller(SourceContext("shop", "USD"), api)
    source = wiring.sources(house.config)[0]
    pulling = Pulling(house.journal(), source, wiring.policy(house.config.sources["shop"]), **how)
    found: list[Compared] = []
    wanted = puller.products() if products else puller.orders(DAY, DAY + timedelta(days=days - 1))
    async with Fetcher(puller, pauses=QUICK) as fetcher:
        report = await pulling.run(fetcher, wanted, found.append)
    return found, report


async def until_settled(house: House, count: int) -> None:
    await house.standin.wait_for(lambda standin: standin.accepted_total >= count, timeout=20)


async def test_a_look_says_what_is_missing_and_records_nothing(selling: House, shop: Platform) -> None:
    found, report = await pull(selling, shop)
    assert {compared.order: (compared.state, compared.lacking) for compared in found if compared.order} == {
        "F5A8000D6F": (State.MISSING, ("placed", "fulfilled")),
        "0AB1000C22": (State.COMPLETE, ()),  # a checkout of long ago mails nobody
        "77C2000B10": (State.MISSING, ("refunded",)),  # what is refunded is told as no sale
        "5E1107BB3C": (State.MISSING, ("placed", "refunded")),
    }
    assert [compared.why for compared in found if compared.state is State.IGNORED] == [
        "declined",
        "test order",
    ]
    assert report.recorded == 0
    assert (await selling.queries().stats()).received == 0


async def test_what_is_old_is_sent_only_with_a_second_word(selling: House, shop: Platform) -> None:
    _, careful = await pull(selling, shop, send=True)
    assert (careful.recorded, careful.old) == (0, 3)
    _, told = await pull(selling, shop, send=True, stale=True)
    assert (told.recorded, told.old) == (3, 0)


async def test_what_is_missing_is_sent_with_the_platforms_own_figures(selling: House, shop: Platform) -> None:
    await selling.work()
    await pull(selling, shop, send=True, stale=True)
    await until_settled(selling, 5)
    told = {
        (record.body["orderId"], record.body["status"]): record.body for record in selling.standin.accepted
    }
    assert sorted(told) == [
        ("5E1107BB3C", "placed"),
        ("5E1107BB3C", "refunded"),
        ("77C2000B10", "refunded"),
        ("F5A8000D6F", "fulfilled"),
        ("F5A8000D6F", "placed"),
    ]
    placed = told["F5A8000D6F", "placed"]
    assert (placed["totalCents"], placed["orderedAt"]) == (30795, "2026-08-11T19:31:17.000Z")
    assert [(i["productId"], i["quantity"], i["priceCents"]) for i in placed["items"]] == [
        ("293", 6, 4700),
        ("297", 1, 1200),
    ]
    assert told["77C2000B10", "refunded"]["orderedAt"] == "2026-08-09T07:00:12.000Z"
    assert told["5E1107BB3C", "refunded"]["refundAmountCents"] == 4000


async def test_a_second_run_finds_all_of_it_there(selling: House, shop: Platform) -> None:
    await pull(selling, shop, send=True, stale=True)
    found, waiting = await pull(selling, shop, send=True, stale=True)
    assert waiting.recorded == 0
    assert {compared.state for compared in found if compared.lacking} == {State.ON_ITS_WAY}
    await selling.work()
    await until_settled(selling, 5)
    found, done = await pull(selling, shop, send=True, stale=True)
    assert (done.recorded, done.missing, done.states[State.COMPLETE]) == (0, 0, 4)
    assert len(selling.standin.accepted) == 5


async def test_what_a_person_bought_before_they_were_forgotten_is_not_fetched_again(
    selling: House, shop: Platform
) -> None:
    await pull(selling, shop, send=True, stale=True)
    done = await forget(selling.journal(), "Buyer.One@example.com", by="a test")
    assert done.relays
    found, report = await pull(selling, shop, send=True, stale=True)
    assert report.recorded == 0
    assert "of a person who was forgotten since" in {compared.why for compared in found}


async def test_what_a_person_buys_after_they_were_forgotten_is_theirs_again(house: House) -> None:
    journal, email = house.journal(), "jo@example.com"
    await forget(journal, email, by="a test")
    now = datetime.now(UTC)
    told = [
        (email, now - DAY_LONG),
        (email, None),
        (email, now + DAY_LONG),
        ("kim@example.com", None),
        (None, None),
    ]
    assert [await is_forgotten(journal, *each) for each in told] == [True, True, False, False, False]


async def test_days_are_asked_for_one_by_one_and_pages_to_the_last(selling: House, shop: Platform) -> None:
    await pull(selling, shop, days=2)
    assert [(asked["startDate"], asked["endDate"], asked["page"]) for asked in shop.asked] == [
        ("2026-08-12", "2026-08-12", "1"),
        ("2026-08-12", "2026-08-12", "2"),
        ("2026-08-13", "2026-08-13", "1"),
    ]
    assert {asked["dateRangeType"] for asked in shop.asked} == {"dateUpdated"}


async def test_products_go_to_the_catalog(selling: House, shop: Platform) -> None:
    await selling.work()
    _, report = await pull(selling, shop, products=True, send=True)
    assert report.recorded == 1
    await until_settled(selling, 1)
    assert selling.standin.accepted[0].body == {
        "products": [
            {
                "productId": "293",
                "title": "Nerve Balm - 6 Jars",
                "inStock": True,
                "priceCents": 28200,
                "currency": "USD",
            },
            {
                "productId": "301",
                "title": "Monthly Refill",
                "inStock": True,
                "priceCents": 4900,
                "currency": "USD",
            },
            {"productId": "350", "title": "Ebook Übungen", "inStock": True},
        ]
    }


async def test_half_a_character_in_one_order_keeps_no_other_from_being_read(
    selling: House, shop: Platform
) -> None:
    """As of a platform that cuts a text within an emoji."""
    cut = file("01-order_query-page1").replace('"firstName": "', '"firstName": "\\ud83d', 1)
    shop.trouble = [(200, cut)]
    found, _ = await pull(selling, shop)
    assert len(found) == 6


async def test_what_passes_is_asked_again(selling: House, shop: Platform) -> None:
    shop.trouble = [(500, "oops")]
    found, _ = await pull(selling, shop)
    assert len(found) == 6


async def test_what_does_not_pass_ends_with_advice(selling: House, shop: Platform) -> None:
    shop.trouble = [(429, ""), (429, "")]
    with pytest.raises(PullLater, match="429"):
        await pull(selling, shop)
    shop.trouble = [(200, file("04-error-ip"))]
    with pytest.raises(PullRefused, match="white list"):
        await pull(selling, shop)
    assert [asked["page"] for asked in shop.asked] == ["1", "1", "1"]


async def test_the_command_tells_a_merchant_what_never_arrived(
    redis: Redis, redis_process: RedisProcess, tmp_path: Path, shop: Platform, standin: Standin
) -> None:
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": redis_process.url, "THE_KEY": KEY, "CC_PASSWORD": PASSWORD})
    api = f'api = {{login_id = "relay", password = "env:CC_PASSWORD", url = "{shop.url}", per_minute = 600}}'
    shell.configure(standin.url, source=api)
    ran = await shell.relay("reconcile", "shop", "--since", "2026-08-12", "--until", "2026-08-12")
    assert ran.code == 0, ran.err
    assert "F5A8000D6F               missing: placed, fulfilled (older than 72 h)" in ran.out
    assert "looked at 6: 1 complete, 3 missing, 2 ignored" in ran.out
    assert PASSWORD not in ran.out
    shop.trouble = [(200, file("04-error-ip"))]
    refused = await shell.relay("catalog", "shop")
    assert refused.code == 1
    assert refused.err.startswith("relay: CheckoutChamp refuses: IP must be whitelisted")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "sources.shop.api is missing"),
        ('api = {login_id = "relay"}', "sources.shop.api.password is missing"),
        (
            'api = {login_id = "relay", password = 17}',
            "sources.shop.api.password is a number; expected text in quotes",
        ),
    ],
)
async def test_a_source_that_cannot_be_asked_is_told_why(
    redis: Redis, redis_process: RedisProcess, tmp_path: Path, standin: Standin, source: str, said: str
) -> None:
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": redis_process.url, "THE_KEY": KEY})
    shell.configure(standin.url, source=source)
    ran = await shell.relay("backfill", "shop", "--since", "2026-08-12")
    assert ran.code == 1
    assert ran.err.startswith(f"relay: {said}")
    assert "17" not in ran.err

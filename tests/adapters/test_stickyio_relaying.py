"""Sticky.io's postbacks through a whole relay: what the Commerce API is told in the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay import httpfile
from relay.httpfile import RawRequest
from tests.adapters.stickyio_support import FIXTURES
from tests.support import Answered, House

TOTAL = 9041


@pytest.fixture
async def selling(house: House) -> House:
    house.raw["sources"]["shop"] |= {"adapter": "stickyio", "currency": "USD"}
    await house.start()
    return house


def request(name: str, **parameters: str) -> RawRequest:
    """A fixture's request with the values of some parameters changed."""
    found = httpfile.read(FIXTURES / f"{name}.http")
    pairs = [pair.split("=", 1) for pair in found.query.split("&")]
    said = {**dict(pairs), **parameters}
    return replace(found, query="&".join(f"{name}={value}" for name, value in said.items()))


async def settled(house: House, sent: RawRequest) -> tuple[Answered, str]:
    answer = await house.send(sent)
    detail = await house.until(answer.id, "delivered", "ignored", "dead")
    return answer, detail.relay.reason or detail.relay.status


async def given_back(house: House, amount: str) -> tuple[Answered, str]:
    """A refund's postback with `amount` as the sum so far."""
    return await settled(house, request("order_refunded__partial", void_refund_amount=amount))


def steps(house: House) -> list[int]:
    return house.standin.orders["104233"].statuses["refunded"]


async def test_refunds_in_order_go_out_as_steps_that_sum_to_the_latest_sum(selling: House) -> None:
    await settled(selling, request("order_placed__multi_product"))
    for amount, sent in (("24.00", [2400]), ("50.00", [2400, 2600]), ("90.41", [2400, 2600, 4041])):
        assert (await given_back(selling, amount))[1] == "delivered"
        assert steps(selling) == sent
        assert sum(steps(selling)) == int(amount.replace(".", ""))
    assert selling.standin.violations == []


async def test_a_doubled_refund_goes_out_once(selling: House) -> None:
    await settled(selling, request("order_placed__multi_product"))
    first, _ = await given_back(selling, "24.00")
    again, _ = await given_back(selling, "24.00")
    assert (again.id, again.duplicate) == (first.id, True)
    other = request("order_refunded__partial", void_refund_amount="24.00", utm_source="again")
    answer, why = await settled(selling, other)
    assert (answer.duplicate, why) == (False, "refunded already sent")
    await given_back(selling, "50.00")
    assert steps(selling) == [2400, 2600]
    assert selling.standin.violations == []


async def test_a_refund_that_the_next_one_overtook_is_ignored(selling: House) -> None:
    await settled(selling, request("order_placed__multi_product"))
    await given_back(selling, "24.00")
    await given_back(selling, "90.41")
    assert (await given_back(selling, "50.00"))[1] == "a later refund was already sent"
    assert steps(selling) == [2400, 6641]
    assert sum(steps(selling)) == TOTAL
    assert selling.standin.violations == []


async def test_refunds_that_come_at_once_sum_to_the_largest(selling: House) -> None:
    await settled(selling, request("order_placed__multi_product"))
    answers = [
        await selling.send(request("order_refunded__partial", void_refund_amount=amount))
        for amount in ("50.00", "24.00", "90.41", "24.00")
    ]
    for answer in answers:
        await selling.until(answer.id, "delivered", "ignored")
    assert sum(steps(selling)) == TOTAL
    assert selling.standin.violations == []


async def test_a_declined_order_is_placed_once_it_is_approved(selling: House) -> None:
    declined = httpfile.read(FIXTURES / "story__declined_then_approved.step1.http")
    approved = httpfile.read(FIXTURES / "story__declined_then_approved.step2.http")
    answer = await selling.send(declined)
    assert (answer.status, answer.reason) == ("ignored", "declined")
    assert (await settled(selling, approved))[1] == "delivered"
    assert [(r.body["orderId"], r.body["status"]) for r in selling.standin.accepted] == [("104301", "placed")]


async def test_a_prospect_who_bought_gets_no_checkout_behind_the_order(selling: House) -> None:
    buys = request("order_placed__multi_product", email="owen.hale@example.com")
    await settled(selling, buys)
    _, why = await settled(selling, request("checkout_started__prospect"))
    assert why == "an order of the same customer is known"
    assert [record.path for record in selling.standin.accepted] == ["/api/v1/orders"]


async def test_a_stopped_subscription_tells_nobody_of_a_sale_or_a_cancel(selling: House) -> None:
    await settled(selling, request("order_placed__rebill"))
    answer = await selling.send(request("ignored__subscription_cancelled"))
    assert (answer.status, answer.reason) == ("ignored", "subscription cancelled")
    assert selling.standin.orders["109870"].counts == {"placed": 1}


@pytest.mark.parametrize(
    "name", ["error__webhook_encrypted_cbc", "error__no_word", "error__unknown_word", "ignored__ping"]
)
async def test_what_cannot_be_told_is_kept_and_answered_with_200(selling: House, name: str) -> None:
    answer = await selling.send(httpfile.read(FIXTURES / f"{name}.http"))
    assert (answer.status_code, answer.status) == (200, "ignored" if "ping" in name else "dead")
    assert answer.reason
    assert selling.standin.received_total == 0


async def test_a_secret_parameter_is_not_kept(selling: House) -> None:
    answer = await selling.send(httpfile.read(FIXTURES / "order_placed__renamed_parameters.http"))
    detail = (await selling.api("GET", f"/relays/{answer.id}")).text
    assert "s3cr3t-in-url" not in detail
    assert "lou.park" in detail

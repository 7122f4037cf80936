"""What a relay must never do, which the stand-in takes and notes; and its rate limit."""

import asyncio
from typing import Any

import httpx
import pytest

from relay.testing.standin import Fault, Order, Standin, Violation
from tests.testing.standin.support import ABSENT, KEY, PRODUCT, Clock, changed, client_of, order, rules


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

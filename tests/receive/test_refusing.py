"""Senders that can correct themselves are told every fault, and leave no dead letter behind (promise 8)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from relay.embedded import EmbeddedRedis
from tests.support import TOKEN, House, placed

ORDER = {"clientOrderId": "AB90201000", "emailAddress": "noel@example.com", "totalPrice": "25.00"}


@pytest.fixture
async def shop(own_redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[House]:
    async with House.built(own_redis.url, tmp_path) as house:
        yield house


def correctable(house: House, **source: Any) -> None:
    house.raw["sources"]["shop"].update({"correctable": True, **source})


async def send(house: House, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await house.http.post(
        f"/in/shop/{TOKEN}", content=content, headers={"content-type": "application/json", **headers}
    )


async def counts(house: House) -> dict[str, int]:
    stats = (await house.api("GET", "/stats")).json()
    assert stats["balanced"]
    told = {**stats["counts"], "received": stats["received"], "copies": stats["duplicates"]}
    return {name: number for name, number in told.items() if number}


async def test_a_fault_is_answered_422_and_the_corrected_resend_leaves_no_alarm(house: House) -> None:
    correctable(house)
    await house.start()
    refused = await send(house, {"error": "unmappable", "field": "emailAddress"})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["errors"] == [{"pointer": "#/emailAddress", "detail": "is missing"}]
    relay = (await house.api("GET", f"/relays/{problem['id']}")).json()
    assert relay["status"] == "ignored"
    assert relay["reason"] == "refused to sender: emailAddress: is missing"
    mended = await send(house, {"events": [placed()]})
    await house.until(mended.json()["id"], "delivered")
    assert await counts(house) == {"received": 2, "ignored": 1, "delivered": 1}


async def test_unreadable_bytes_are_refused_too_and_kept(house: House) -> None:
    correctable(house)
    await house.serve()
    refused = await send(house, b'{"events": [')
    assert refused.status_code == 422
    assert "the body is not JSON" in refused.json()["errors"][0]["detail"]
    detail = await house.queries().detail(refused.json()["id"])
    assert detail is not None
    assert detail.postback is not None


async def test_the_same_fault_again_is_refused_again_and_counted_as_a_copy(house: House) -> None:
    correctable(house)
    await house.serve()
    first = await send(house, {"error": "unmappable", "field": "emailAddress"})
    second = await send(house, {"error": "unmappable", "field": "emailAddress"})
    assert (second.status_code, second.json()["id"]) == (422, first.json()["id"])
    assert await counts(house) == {"received": 1, "ignored": 1, "copies": 1}


async def test_a_corrected_resend_under_the_same_delivery_id_takes_the_place_of_the_refused(
    house: House,
) -> None:
    correctable(house, adapter="checkoutchamp", currency="USD")
    await house.start()
    refused = await send(house, ORDER, **{"idempotency-key": "try-1"})
    assert refused.status_code == 422
    mended = await send(house, {**ORDER, "event": "sale"}, **{"idempotency-key": "try-1"})
    assert mended.status_code == 200
    await house.until(mended.json()["id"], "delivered")
    assert house.standin.orders["AB90201000"].statuses == {"placed": [2500]}


async def test_what_was_refused_is_taken_once_the_source_is_mended(house: House) -> None:
    correctable(house, adapter="checkoutchamp", currency="USD")
    await house.start()
    refused = await send(house, ORDER)
    assert refused.status_code == 422
    await house.stop()
    house.raw["sources"]["shop"]["options"] = {"default_event": "sale"}
    await house.start()
    again = await send(house, ORDER)
    assert (again.status_code, again.json()["id"]) == (200, refused.json()["id"])
    await house.until(refused.json()["id"], "delivered")
    assert await counts(house) == {"received": 1, "delivered": 1, "copies": 1}


async def test_a_person_can_run_what_was_refused_again_too(house: House) -> None:
    correctable(house, adapter="checkoutchamp", currency="USD")
    await house.start()
    refused = (await send(house, ORDER)).json()["id"]
    await house.stop()
    house.raw["sources"]["shop"]["options"] = {"default_event": "sale"}
    await house.start()
    assert (await house.api("POST", f"/relays/{refused}/retry")).status_code == 200
    await house.until(refused, "delivered")


async def test_a_fault_of_the_adapter_is_not_the_sender_s_to_mend(house: House) -> None:
    correctable(house)
    await house.serve()
    answer = await send(house, {"error": "fault"})
    assert (answer.status_code, answer.json()["status"]) == (200, "dead")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({}, 200),
        ({"signature": {"scheme": "hmac", "header": "X-S", "secrets": ["a-secret"]}}, 422),
        (
            {"signature": {"scheme": "hmac", "header": "X-S", "secrets": ["a-secret"]}, "correctable": False},
            200,
        ),
    ],
    ids=["unsigned", "signed", "signed by a platform"],
)
async def test_who_signs_is_held_able_to_correct_unless_the_source_says_no(
    house: House, source: dict[str, Any], code: int
) -> None:
    house.raw["sources"]["shop"].update(source)
    await house.serve()
    body = b'{"error": "unmappable", "field": "emailAddress"}'
    seal = hmac.new(b"a-secret", body, hashlib.sha256).hexdigest()
    assert (await send(house, body, **{"x-s": seal})).status_code == code


async def test_with_redis_down_faults_are_refused_and_a_mended_source_reads_what_waits(
    shop: House, own_redis: EmbeddedRedis
) -> None:
    correctable(shop, adapter="checkoutchamp", currency="USD")
    await shop.start()
    await own_redis.kill()
    refused = await send(shop, ORDER)
    assert refused.status_code == 422
    await shop.stop()
    shop.raw["sources"]["shop"]["options"] = {"default_event": "sale"}
    await shop.serve()
    again = await send(shop, ORDER)
    assert (again.status_code, again.json()["id"]) == (200, refused.json()["id"])
    await own_redis.start()
    await shop.work()
    await shop.until(refused.json()["id"], "delivered")
    assert await counts(shop) == {"received": 1, "delivered": 1, "copies": 1}

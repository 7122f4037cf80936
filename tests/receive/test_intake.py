"""The front door: who may send, what is refused, and that nothing recorded is lost (promises 1, 4 and 8)."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from relay.receive.intake import MAX_BODY
from tests.support import TOKEN, House, placed

JSON = {"content-type": "application/json"}


async def _stats(house: House) -> dict[str, Any]:
    stats: dict[str, Any] = (await house.api("GET", "/stats")).json()
    return stats


async def test_a_wrong_token_and_an_unknown_source_are_answered_alike_and_store_nothing(house: House) -> None:
    await house.serve()
    wrong = await house.http.post("/in/shop/nope", content=b"{}")
    unknown = await house.http.post("/in/nowhere/nope", content=b"{}")
    none = await house.http.post("/in/shop", content=b"{}")
    assert wrong.status_code == unknown.status_code == none.status_code == 404
    assert wrong.content == unknown.content == none.content
    assert (await _stats(house))["received"] == 0


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {TOKEN}", "Basic " + base64.b64encode(f"anyone:{TOKEN}".encode()).decode()],
    ids=["bearer", "basic"],
)
async def test_the_token_may_come_in_the_authorization_header(house: House, authorization: str) -> None:
    await house.serve()
    body = json.dumps({"events": [placed()]})
    answer = await house.http.post("/in/shop", content=body, headers={**JSON, "authorization": authorization})
    assert answer.json()["status"] == "queued"


async def test_both_tokens_work_while_one_is_rotated_and_make_no_second_postback(house: House) -> None:
    house.raw["sources"]["shop"]["tokens"] = [TOKEN, "the-next-token-of-the-tests"]
    await house.serve()
    first = await house.post(placed(), token=TOKEN)
    second = await house.post_bytes(
        json.dumps({"events": [placed()], "token": "the-next-token-of-the-tests"}).encode(),
        token="the-next-token-of-the-tests",
    )
    assert second.status_code == 200
    assert (second.id, second.duplicate) == (first.id, True)


async def test_a_token_of_one_digit_makes_no_copy_of_another_order(house: House) -> None:
    house.raw["sources"]["shop"]["tokens"] = ["7"]
    await house.serve()
    bodies = [json.dumps({"events": [placed(order)]}).encode() for order in ("17", "1")]
    answers = [await house.post_bytes(body, token="7") for body in bodies]
    assert [(answer.status_code, answer.duplicate) for answer in answers] == [(200, False), (200, False)]


async def test_a_trailing_slash_and_head_are_borne(house: House) -> None:
    await house.serve()
    assert (await house.http.head(f"/in/shop/{TOKEN}")).status_code == 200
    assert (await _stats(house))["received"] == 0
    body = json.dumps({"events": [placed()]})
    assert (await house.http.post(f"/in/shop/{TOKEN}/", content=body, headers=JSON)).status_code == 200


BAD_BODIES = {
    "not UTF-8": (b'{"a": "\xff"}', "the body is not UTF-8"),
    "cut JSON": (b'{"events": [{"kind": "order.pl', "the body is not JSON"),
    "a JSON array": (b"[1, 2]", "the body is a JSON array, not an object"),
    "deep nesting": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested"),
    "NaN": (b'{"a": NaN}', "NaN, which is no number"),
    "a number of a million digits": (b'{"a": ' + b"9" * 1_000_000 + b"}", "a number of 1000000 digits"),
    "a huge exponent": (b'{"a": 1e999999999}', "too large or too small"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_what_cannot_be_read_is_recorded_dead_and_answered_200_with_the_reason(
    house: House, name: str
) -> None:
    await house.serve()
    body, reason = BAD_BODIES[name]
    answer = await house.post_bytes(body)
    assert (answer.status_code, answer.status) == (200, "dead")
    assert reason in answer.reason
    detail = await house.queries().detail(answer.id)
    assert detail is not None
    assert detail.postback is not None
    stats = await _stats(house)
    assert (stats["received"], stats["counts"]["dead"], stats["balanced"]) == (1, 1, True)


async def test_json_that_is_called_a_form_is_read_all_the_same(house: House) -> None:
    await house.serve()
    body = json.dumps({"events": [placed()]})
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await house.http.post(f"/in/shop/{TOKEN}", content=body, headers=form)).json()[
        "status"
    ] == "queued"


async def test_a_missing_field_is_named(house: House) -> None:
    await house.serve()
    answer = await house.post(error="unmappable", field="emailAddress")
    assert answer.status == "dead"
    assert answer.reason == "emailAddress: is missing"


async def test_an_adapter_that_breaks_its_contract_loses_nothing_and_tells_nobody_s_name(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.serve()
    answer = await house.post(error="fault")
    assert answer.status == "dead"
    assert "jo@example.com" not in answer.reason
    assert "jo@example.com" not in "".join(capsys.readouterr())


NEVER_WRITTEN_DOWN = {
    "a reason that is no text": b'{"ignored": "\\ud800"}',
    "a field that is no text": b'{"error": "unmappable", "field": "\\ud800"}',
    "a delivery id that is no text": json.dumps({"events": [placed()], "delivery": "\ud800"}).encode(),
    "events without an event": b'{"events": []}',
}


@pytest.mark.parametrize("name", NEVER_WRITTEN_DOWN)
async def test_a_reading_that_cannot_be_written_down_costs_nobody_the_record(house: House, name: str) -> None:
    await house.serve()
    answer = await house.post_bytes(NEVER_WRITTEN_DOWN[name])
    assert (answer.status_code, answer.status) == (200, "dead")
    assert "report it, then retry" in answer.reason
    assert (await _stats(house))["balanced"]


async def test_a_body_over_the_limit_is_413_whether_announced_or_streamed(house: House) -> None:
    await house.serve()
    big = b"x" * (MAX_BODY + 1)

    async def streamed() -> Any:
        for start in range(0, len(big), 65536):
            yield big[start : start + 65536]

    assert (await house.http.post(f"/in/shop/{TOKEN}", content=big)).status_code == 413
    assert (await house.http.post(f"/in/shop/{TOKEN}", content=streamed())).status_code == 413
    assert (await house.http.post("/in/shop/nope", content=big)).status_code == 404
    assert (await _stats(house))["received"] == 0


async def test_a_flood_of_headers_is_431(house: House) -> None:
    await house.serve()
    flood = {f"x-{n}": "y" * 1000 for n in range(40)}
    answer = await house.http.post(f"/in/shop/{TOKEN}", content=b"{}", headers=flood)
    assert answer.status_code == 431


async def test_half_a_body_is_no_postback(house: House) -> None:
    origin = await house.serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(origin.rpartition(":")[2]))
    writer.write(f"POST /in/shop/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    assert (await _stats(house))["received"] == 0


async def test_every_refusal_is_counted(house: House) -> None:
    await house.serve()
    await house.http.post("/in/shop/nope", content=b"{}")
    await house.http.post(f"/in/shop/{TOKEN}", content=b"x" * (MAX_BODY + 1))
    await house.post_bytes(b"[]")
    await house.post(placed())
    await house.post(placed())
    metrics = (await house.http.get("/metrics")).text
    for outcome in ("refused", "too_large", "dead", "queued", "copy"):
        assert f'relay_intake_requests_total{{outcome="{outcome}"}} 1.0' in metrics
    assert 'relay_source_relays{source="shop",status="dead"} 1.0' in metrics
    assert "relay_balanced 1.0" in metrics


async def test_secrets_and_card_values_are_dropped_before_anything_is_stored(house: House) -> None:
    await house.serve()
    body = json.dumps({"cardNumber": "4111111111111111", "events": [placed()], "note": TOKEN})
    answer = await house.http.post(
        f"/in/shop/{TOKEN}?cardNumber=4111111111111111",
        content=body,
        headers={**JSON, "x-relay-secret": "hush", "cookie": "hush"},
    )
    detail = await house.queries().detail(answer.json()["id"])
    assert detail is not None
    stored = json.dumps(detail.postback)
    assert "4111" not in stored
    assert TOKEN not in stored
    assert "hush" not in stored
    assert '\\"cardNumber\\": \\"[dropped]\\"' in stored


async def test_a_card_number_in_an_unreadable_body_is_dropped_too(house: House) -> None:
    await house.serve()
    answer = await house.post_bytes(b'{"number": "4111 1111 1111 1111", "order": "1234567890123", ')
    detail = await house.queries().detail(answer.id)
    assert detail is not None
    assert detail.postback is not None
    assert detail.postback["body"] == '{"number": "[dropped]", "order": "1234567890123", '


async def test_a_copy_of_a_dead_relay_maps_and_tries_it_again(house: House) -> None:
    await house.start()
    house.standin.faults.status(400, times=1)
    first = await house.post(placed())
    await house.until(first.id, "dead")
    again = await house.post(placed())
    assert (again.id, again.duplicate) == (first.id, True)
    await house.until(first.id, "delivered")
    assert (await _stats(house))["balanced"]


async def test_the_sender_s_own_delivery_id_tells_a_copy_whatever_its_bytes(house: House) -> None:
    await house.serve()
    first = await house.post(placed(), delivery="d-1")
    second = await house.post(placed(), delivery="d-1", note="another try")
    assert (second.id, second.duplicate) == (first.id, True)


async def test_with_redis_and_the_disk_away_the_sender_is_asked_to_come_again(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    away = {"redis_url": SecretStr("unix:///nowhere/redis.sock"), "data_dir": tmp_path / "file" / "folder"}
    house.env = house.env.model_copy(update=away)
    await house.serve()
    answer = await house.http.post(f"/in/shop/{TOKEN}", content=b"{}", headers=JSON)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (await house.http.get("/healthz")).status_code == 200
    assert (await house.http.get("/readyz")).status_code == 503
    stats = await _stats(house)
    assert stats["received"] is None
    assert set(stats["counts"].values()) == {None}

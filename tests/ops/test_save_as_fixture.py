"""A recorded postback, saved as a fixture's request from its page."""

from __future__ import annotations

import json

from relay import httpfile
from relay.normalise import registry, times
from relay.normalise.contract import Events
from relay.testing import fixtures
from tests.support import TOKEN, House

PERSON = {"email": "jo@shop.example", "firstName": "José", "lastName": "Oyelaran-Ferreira"}
ORDER = {"orderId": "O-77120", "totalCents": 4990, "currency": "USD", "customer": PERSON, "status": "placed"}
HEADERS = {"content-type": "application/json", "x-real-ip": "203.0.113.7"}


async def recorded(house: House, body: bytes) -> str:
    house.raw["sources"]["shop"] |= {"adapter": "generic", "correctable": False}
    await house.serve()
    answer = await house.http.post(
        "/in/shop/a-token-of-the-tests?event=placed", content=body, headers=HEADERS
    )
    return str(answer.json()["id"])


async def test_it_reads_as_the_postback_does_and_nobody_is_in_it(house: House) -> None:
    relay = await recorded(house, json.dumps(ORDER, ensure_ascii=True).encode())
    answer = await house.http.get(f"/ops/relays/{relay}/fixture")
    assert answer.headers["content-disposition"].startswith('attachment; filename="order_placed__')
    for gone in ("jo@", "Jos", "Oyelaran", "203.0.113.7", TOKEN):
        assert gone not in answer.text
    request = httpfile.parse(answer.content)
    adapter = fixtures.adapter(registry.installed()["generic"], {})
    reading = adapter.read(request.postback(times.from_ms(times.now_ms())))
    assert isinstance(reading, Events)
    [event] = reading.events
    assert (event.kind, getattr(event, "total_minor", None)) == ("order.placed", 4990)


async def test_a_body_that_cannot_be_read_keeps_its_keys_and_no_words(house: House) -> None:
    relay = await recorded(house, b'{"email": "jo@shop.example", "firstName": "Jos')
    answer = await house.http.get(f"/ops/relays/{relay}/fixture")
    assert '"firstName":' in answer.text
    assert "jo@" not in answer.text
    assert "Jos" not in answer.text


async def test_a_large_one_is_left_to_the_command(house: House) -> None:
    relay = await recorded(house, json.dumps({**ORDER, "properties": {"note": "gift " * 9000}}).encode())
    answer = await house.http.get(f"/ops/relays/{relay}/fixture", follow_redirects=True)
    assert f"relay capture shop --relay {relay}" in answer.text

"""What the pages show of people before anybody reveals it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from relay.normalise.contract import Postback
from relay.ops.pages.masking import Veil, mask, unmasked

EVENT = {
    "kind": "order.placed",
    "order_id": "A-1",
    "currency": "USD",
    "total_minor": 4990,
    "customer": {
        "email": "jo.miller@shop.example",
        "first_name": "Josephine",
        "attributes": {"plan": "gold", "vip": True},
    },
    "items": [{"product_id": "601", "title": "Glow Serum for Josephine", "name": "Serum"}],
    "properties": {"billing_city": "Springfield", "shop_name": "Glow", "note": "ring twice"},
    "url": "https://shop.example/cart/secret",
}


def test_names_and_addresses_are_masked_and_things_are_not() -> None:
    shown = Veil.of(EVENT).value(EVENT)
    assert shown["customer"] == {
        "email": "j•••@s•••",
        "first_name": "J•••",
        "attributes": {"plan": "g•••", "vip": True},
    }
    assert shown["items"] == [{"product_id": "601", "title": "Glow Serum for J•••", "name": "Serum"}]
    assert shown["properties"] == {"billing_city": "S•••", "shop_name": "Glow", "note": "r•••"}
    assert shown["url"] == "•••"
    assert (shown["order_id"], shown["total_minor"]) == ("A-1", 4990)


def test_other_peoples_words_are_searched_for_what_the_event_says() -> None:
    veil = Veil.of(EVENT)
    assert (
        veil.text("400: no subscriber josephine <jo.miller@shop.example>")
        == "400: no subscriber j••• <j•••@s•••>"
    )
    assert Veil().text("ask help@api.example") == "ask h•••@a•••"


@pytest.mark.parametrize("value", [None, "", True, False])
def test_of_nothing_there_is_nothing_to_mask(value: object) -> None:
    assert mask(value) is value


def test_what_was_not_touched_in_an_edit_is_not_lost_to_its_mask() -> None:
    veil = Veil.of(EVENT)
    edited = veil.value(EVENT) | {"currency": "EUR"}
    edited["customer"] = edited["customer"] | {"first_name": "Jo"}
    assert unmasked(edited, EVENT) == EVENT | {
        "currency": "EUR",
        "customer": EVENT["customer"] | {"first_name": "Jo"},  # type: ignore[operator]
    }


def postback(body: bytes, kind: str = "application/json", query: str = "") -> Postback:
    headers = {"content-type": kind, "x-forwarded-for": "203.0.113.7", "user-agent": "shop/1"}
    return Postback("POST", query, headers, body, datetime(2026, 11, 1, tzinfo=UTC))

"""Webhook Services in clear, and what is said to the encrypted ones."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from relay import httpfile
from relay.errors import Malformed, Unmappable
from relay.normalise.contract import Events, Ignored, Reading
from relay.normalise.events import ProductsUpserted
from tests.adapters.readings import only, placed
from tests.adapters.stickyio_support import FIXTURES, adapter, post

MUG: dict[str, Any] = {"id": 49, "name": "Travel Mug", "sku": "TM-350", "price": "24.50"}


def webhook(kind: str, given: dict[str, Any] | None = None, **options: Any) -> Reading:
    envelope = {"type": kind, "data": {"id": "e-1", "object": {**MUG, **(given or {})}}}
    return adapter(**options).read(post(json.dumps(envelope).encode()))


def product(reading: Reading) -> dict[str, Any]:
    event = only(reading)
    assert isinstance(event, ProductsUpserted)
    return event.products[0].model_dump()


@pytest.mark.parametrize("kind", ["product.created", "product.updated"])
def test_a_product_is_upserted_without_a_price_and_in_stock(kind: str) -> None:
    assert product(webhook(kind)) == {"productId": "49", "title": "Travel Mug", "inStock": True}


def test_stock_and_price_are_a_choice() -> None:
    sent = product(webhook("product.updated", product_in_stock=False, product_price=True, currency="EUR"))
    assert sent == {
        "productId": "49",
        "title": "Travel Mug",
        "inStock": False,
        "priceCents": 2450,
        "currency": "EUR",
    }


@pytest.mark.parametrize("price", [None, "", "free", "-1", {"amount": 5}])
def test_a_price_that_is_none_is_left_out(price: object) -> None:
    assert "priceCents" not in product(webhook("product.updated", {"price": price}, product_price=True))


def test_a_price_without_a_currency_is_left_out() -> None:
    assert "priceCents" not in product(webhook("product.updated", product_price=True, currency=None))


def test_the_product_id_is_the_choice_made_for_orders() -> None:
    assert product(webhook("product.updated", product_id="sku"))["productId"] == "TM-350"
    assert product(webhook("product.updated", {"sku": ""}, product_id="sku"))["productId"] == "49"


@pytest.mark.parametrize(
    ("images", "url"),
    [
        ([{"path": "https://a/1"}, {"path": "https://a/2", "is_default": 1}], "https://a/2"),
        ([{"path": "https://a/1"}, {"path": "https://a/2", "is_default": 0}], "https://a/1"),
        ([{"path": "/relative"}, {"path": "https://a/2"}], "https://a/2"),
        ([{"path": None}, "https://a/1", None], None),
        ({"path": "https://a/1"}, None),
    ],
)
def test_the_default_image_is_sent_else_the_first_that_has_an_address(images: Any, url: str | None) -> None:
    assert product(webhook("product.created", {"images": images})).get("imageUrl") == url


def test_a_deleted_product_is_out_of_stock_or_ignored() -> None:
    assert product(webhook("product.deleted")) == {"productId": "49", "title": "Travel Mug", "inStock": False}
    ignored = webhook("product.deleted", deleted_products="ignore")
    assert ignored == Ignored('webhook "product.deleted": nothing to send', "e-1")


@pytest.mark.parametrize("missing", ["id", "name"])
def test_a_product_without_id_or_title_names_the_field(missing: str) -> None:
    with pytest.raises(Unmappable) as caught:
        webhook("product.updated", {missing: None})
    assert caught.value.field == f"data.object.{missing}"


@pytest.mark.parametrize(
    "kind",
    [
        "variant.updated",
        "bulk.variant.created",
        "campaign.created",
        "payment.profile.updated",
        "recovery.started",
        "order.created",
        "product.exploded",
        "",
    ],
)
def test_every_other_type_is_acknowledged_and_ignored(kind: str) -> None:
    reading = webhook(kind)
    assert isinstance(reading, Ignored)
    assert reading.reason.endswith("nothing to send")


def test_a_type_that_is_no_word_is_not_repeated() -> None:
    reading = webhook("someone@example.com")
    assert isinstance(reading, Ignored)
    assert "someone" not in reading.reason


def test_the_events_own_id_tells_copies() -> None:
    reading = webhook("product.updated")
    assert isinstance(reading, Events)
    assert reading.delivery_id == "e-1"


def test_a_webhook_may_come_as_a_json_string_or_behind_a_mark() -> None:
    envelope = json.dumps({"type": "product.created", "data": {"object": MUG}})
    for body in (json.dumps(envelope).encode(), b"\xef\xbb\xbf" + envelope.encode()):
        assert product(adapter().read(post(body)))["productId"] == "49"


def test_the_test_event_is_acknowledged() -> None:
    body = json.dumps({"message": "hi", "reference": "r", "URL": "https://a"}).encode()
    assert adapter().read(post(body)) == Ignored("test event of a webhook: nothing to send")


CIPHER = base64.b64encode(bytes(range(64))).decode()


@pytest.mark.parametrize(
    "body",
    [
        *(httpfile.read(file).body for file in sorted(FIXTURES.glob("error__webhook_*.http"))),
        CIPHER.encode(),
        f"\r\n{CIPHER[:44]}\r\n{CIPHER[44:]}\r\n".encode(),
        json.dumps(CIPHER).encode(),
        json.dumps({"payload": CIPHER}).encode(),
    ],
)
@pytest.mark.parametrize("query", ["", "event=approved"])
def test_an_encrypted_webhook_is_refused_with_what_to_do(body: bytes, query: str) -> None:
    with pytest.raises(Malformed, match=r"encrypted.*clear.*polling"):
        adapter().read(post(body, query))


@pytest.mark.parametrize("body", [b"A" * 63, b"not base64 at all, but rather long: " * 3, b'"text"', b'"'])
def test_what_cannot_be_read_is_not_called_encrypted(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        adapter().read(post(body))
    assert "encrypted" not in str(caught.value)


def test_a_form_that_ends_like_base64_is_a_form() -> None:
    body = b"event=approved&order_id=1&order_total=1.00&email=a%40example.com&trackingnumber="
    assert placed(adapter().read(post(body)))

"""A line that a shop's plugin makes odd costs nobody the order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.shopify import Shopify, ShopifyOptions
from adapters.woocommerce import WooCommerce, WooCommerceOptions
from relay.normalise import times
from relay.normalise.contract import Adapter, Postback, Reading, SourceContext
from relay.normalise.events import Item
from tests.adapters.readings import placed, warnings
from tests.adapters.shops import body_of

SOURCE = SourceContext("shop", "USD")
SHOPS: list[tuple[Adapter, str, str]] = [
    (WooCommerce(SOURCE, WooCommerceOptions()), "woocommerce", "order_placed__processing"),
    (Shopify(SOURCE, ShopifyOptions()), "shopify", "order_placed__created_and_paid"),
]


def told(shop: tuple[Adapter, str, str], line: dict[str, Any]) -> Reading:
    """The shop's order with `line` over its first line, told when it was paid."""
    adapter, name, fixture = shop
    body = body_of(name, fixture)
    body["line_items"][0].update(line)
    paid = body.get("date_paid_gmt") or body["processed_at"]
    headers = {"x-wc-webhook-topic": "order.updated", "x-shopify-topic": "orders/updated"}
    at = times.parse(paid, SOURCE.timezone)
    return adapter.read(Postback("POST", "", headers, json.dumps(body).encode(), at))


def first(reading: Reading) -> Item:
    return (placed(reading).items or ())[0]


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop[1])
@pytest.mark.parametrize("quantity", [1.5, -1, "a few"])
def test_a_quantity_that_is_no_count_is_one_with_a_warning(shop: Any, quantity: Any) -> None:
    reading = told(shop, {"quantity": quantity})
    assert first(reading).quantity == 1
    assert "line_items[0].quantity" in warnings(reading)


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop[1])
@pytest.mark.parametrize("amount", ["-5.00", "free"])
def test_a_price_that_is_no_amount_is_left_out_with_a_warning(shop: Any, amount: str) -> None:
    reading = told(shop, {"total": amount, "price": amount, "price_set": None})
    assert first(reading).price_minor is None
    assert "a price was left out" in warnings(reading)


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop[1])
def test_a_line_of_none_is_no_line_and_an_endless_sku_no_sku(shop: Any) -> None:
    assert len(placed(told(shop, {"quantity": 0})).items or ()) == 1
    assert first(told(shop, {"sku": "x" * 300})).sku is None

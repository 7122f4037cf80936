"""The guide's own examples do what it says."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from relay import settings, wiring
from relay.normalise.contract import Events
from relay.normalise.events import OrderPlaced
from tests.adapters.generic_support import FIXTURES, adapter, only, post

GUIDE = (FIXTURES.parent / "README.md").read_text()
POSTED = [json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", GUIDE, re.DOTALL)]


def block(kind: str, having: str) -> str:
    blocks: list[str] = re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)
    return next(text for text in blocks if having in text)


@pytest.mark.parametrize("body", POSTED, ids=lambda body: next(iter(body)))
def test_what_it_posts_is_taken(body: dict[str, Any]) -> None:
    assert isinstance(adapter().read(post(body)), Events)


def test_it_posts_every_kind() -> None:
    read = [only(adapter().read(post(body))).kind for body in POSTED]
    assert read == [
        "order.placed",
        "order.refunded",
        "checkout.started",
        "stock.requested",
        "products.upserted",
        "customer.event",
    ]


def test_its_mapping_reads_its_shop_s_order() -> None:
    raw = tomllib.loads(block("toml", "options.mapping"))
    raw["destinations"] = {"main": {"api_key": "k"}}
    (source,) = wiring.sources(settings.parse(raw, {"MY_SHOP_TOKEN": "t"}))
    reading = source.adapter.read(post(json.loads(block("json", '"order.created"'))))
    event = only(reading)
    assert isinstance(event, OrderPlaced)
    assert event.model_dump(mode="json", exclude_defaults=True) == {
        "order_id": "1001",
        "names": ["order:1001"],
        "customer": {"email": "lena@example.org", "external_id": "55", "first_name": "Lena"},
        "currency": "USD",
        "total_minor": 5497,
        "ordered_at": "2026-03-04T09:30:00.000Z",
        "items": [
            {"product_id": "tea-250", "title": "Tea 250 g", "quantity": 2, "price_minor": 1999},
            {"product_id": "cup-1", "title": "Cup", "price_minor": 1499},
        ],
    }
    assert reading.delivery_id == "d-8812"

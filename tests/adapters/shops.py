"""A WooCommerce and a Shopify source in a house, and requests signed as those platforms sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.support import TOKEN, House

SECRET = "the-secret-of-the-shop-in-the-tests"
FOLDER = Path(__file__).parents[2] / "adapters"


def sells(house: House, adapter: str, **options: Any) -> House:
    """The house's source is one of `adapter`, signed with SECRET."""
    house.raw["sources"]["shop"].update(
        adapter=adapter, currency="USD", signature={"secrets": [SECRET]}, options=options
    )
    return house


def body_of(adapter: str, fixture: str) -> dict[str, Any]:
    text = (FOLDER / adapter / "fixtures" / f"{fixture}.http").read_text()
    body: dict[str, Any] = json.loads(text.partition("\n\n")[2])
    return body


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%S")


def seal(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


async def woo(
    house: House, body: Any, topic: str = "order.updated", *, secret: str = SECRET, delivery: str = "d-1"
) -> httpx.Response:
    content = json.dumps(body).encode()
    headers = {
        "content-type": "application/json",
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-signature": seal(content, secret),
        "x-wc-webhook-delivery-id": delivery,
    }
    return await house.http.post(f"/in/shop/{TOKEN}", content=content, headers=headers)


async def shopify(
    house: House, body: Any, topic: str = "orders/updated", *, secret: str = SECRET, webhook: str = ""
) -> httpx.Response:
    content = json.dumps(body).encode()
    headers = {
        "content-type": "application/json",
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": seal(content, secret),
        **({"x-shopify-webhook-id": webhook} if webhook else {}),
    }
    return await house.http.post(f"/in/shop/{TOKEN}", content=content, headers=headers)

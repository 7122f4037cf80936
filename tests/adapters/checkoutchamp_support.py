"""One order of CheckoutChamp, and how the tests read it with something changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from adapters.checkoutchamp import CheckoutChamp, CheckoutChampOptions
from relay.errors import Unmappable
from relay.normalise.contract import Postback, Reading, SourceContext
from relay.normalise.events import (
    Refund,
)

FIXTURES = Path(__file__).parents[2] / "adapters" / "checkoutchamp" / "fixtures"
MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)
FULL = Refund(basis="full")

ORDER: dict[str, Any] = {
    "clientOrderId": "AB90201000",
    "orderId": 90201,
    "emailAddress": "noel@example.com",
    "totalPrice": "25.00",
    "currencyCode": "USD",
}
COMPLETE = {"orderStatus": "COMPLETE", "responseType": "SUCCESS"}
BY_AGENT = {"orderStatus": "DECLINED", "responseType": "SUCCESS", "fulfillmentStatus": "CANCELLED"}


def adapter(*, currency: str | None = "USD", zone: str = "America/New_York", **options: Any) -> CheckoutChamp:
    context = SourceContext(name="shop", currency=currency, timezone=ZoneInfo(zone))
    return CheckoutChamp(context, CheckoutChampOptions.model_validate(options))


def post(
    body: Mapping[str, Any] | bytes, query: str = "", headers: Mapping[str, str] | None = None
) -> Postback:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Postback("POST", query, headers or {"content-type": "application/json"}, content, MOMENT)


def get(**fields: str) -> Postback:
    return Postback("GET", urlencode(fields), {}, b"", MOMENT)


def read(given: Mapping[str, Any] | None = None, query: str = "", **options: Any) -> Reading:
    """ORDER with `given` over it; None takes a field away."""
    body = {key: value for key, value in {**ORDER, **(given or {})}.items() if value is not None}
    return adapter(**options).read(post(body, query))


def said(event: str, given: Mapping[str, Any] | None = None, **options: Any) -> Reading:
    return read(given, f"event={event}", **options)


def troubled_field(
    fields: Mapping[str, Any] | None = None, event: str = "sale", **options: Any
) -> str | None:
    with pytest.raises(Unmappable) as caught:
        said(event, fields, **options)
    return caught.value.field

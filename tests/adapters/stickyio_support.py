"""One order of Sticky.io, and how the tests read its postback with something changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from adapters.stickyio import Stickyio, StickyioOptions
from relay.errors import Unmappable, Unsupported
from relay.normalise.contract import Postback, Reading, SourceContext

FIXTURES = Path(__file__).parents[2] / "adapters" / "stickyio" / "fixtures"
MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)

ORDER: dict[str, str] = {
    "order_id": "104901",
    "customer_id": "58777",
    "email": "noel@example.com",
    "order_status": "1",
    "order_total": "25.00",
    "currency_code": "USD",
}
PROSPECT: dict[str, str] = {"prospect_id": "880500", "email": "noel@example.com"}


def adapter(*, currency: str | None = "USD", zone: str = "America/New_York", **options: Any) -> Stickyio:
    context = SourceContext(name="shop", currency=currency, timezone=ZoneInfo(zone))
    return Stickyio(context, StickyioOptions.model_validate(options))


def get(fields: Mapping[str, str]) -> Postback:
    return Postback("GET", urlencode(fields), {}, b"", MOMENT)


def post(body: bytes, query: str = "", headers: Mapping[str, str] | None = None) -> Postback:
    return Postback("POST", query, headers or {}, body, MOMENT)


def read(given: Mapping[str, str | None] | None = None, **options: Any) -> Reading:
    """ORDER with `given` over it; None takes a parameter away."""
    fields = {key: value for key, value in {**ORDER, **(given or {})}.items() if value is not None}
    return adapter(**options).read(get(fields))


def said(event: str, given: Mapping[str, str | None] | None = None, **options: Any) -> Reading:
    return read({"event": event, **(given or {})}, **options)


def troubled_field(
    given: Mapping[str, str | None] | None = None, event: str = "approved", **options: Any
) -> str | None:
    with pytest.raises(Unmappable) as caught:
        said(event, given, **options)
    return caught.value.field


def unsupported(given: Mapping[str, str | None] | None = None, **options: Any) -> Unsupported:
    with pytest.raises(Unsupported) as caught:
        read(given, **options)
    return caught.value

"""One order of one's own backend, and how the tests read it with something changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.generic import Generic, GenericOptions
from relay.errors import PostbackError
from relay.normalise.contract import Events, Postback, Reading, SourceContext
from relay.normalise.events import Event

FIXTURES = Path(__file__).parents[2] / "adapters" / "generic" / "fixtures"
MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)

ORDER: dict[str, Any] = {
    "orderId": "1001",
    "totalCents": 4990,
    "currency": "EUR",
    "customer": {"email": "jo@example.org"},
}


def adapter(*, currency: str | None = "USD", zone: str = "UTC", **options: Any) -> Generic:
    context = SourceContext(name="shop", currency=currency, timezone=ZoneInfo(zone))
    return Generic(context, GenericOptions.model_validate(options))


def post(
    body: Mapping[str, Any] | bytes, query: str = "", headers: Mapping[str, str] | None = None
) -> Postback:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Postback("POST", query, headers or {"content-type": "application/json"}, content, MOMENT)


def mapped(
    table: str, fields: Mapping[str, Any], body: Mapping[str, Any], *, event: str, **source: Any
) -> Reading:
    """`body` read by one table of a mapping."""
    return adapter(mapping={table: fields}, **source).read(post(body, f"event={event}"))


def only(reading: Reading) -> Event:
    assert isinstance(reading, Events), reading
    assert len(reading.events) == 1
    return reading.events[0]


def faults(read: Any) -> dict[str, str]:
    """What is wrong, by field, as `read` says."""
    with pytest.raises(PostbackError) as caught:
        read()
    return {fault.field: fault.reason for fault in caught.value.faults}

"""Whatever comes is read or refused, always alike, and dropped values decide nothing."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.stickyio import Stickyio
from adapters.stickyio.names import TOKENS
from relay import httpfile
from relay.normalise.contract import Events, Postback
from relay.normalise.scrub import scrub
from tests.adapters.nonsense import VALUES, outcome
from tests.adapters.stickyio_support import FIXTURES, MOMENT, ORDER, adapter, get, post

REQUESTS = [httpfile.read(file).postback(MOMENT) for file in sorted(FIXTURES.glob("*.http"))]
QUERIES = [request.query for request in REQUESTS if "&" in request.query]
ADAPTERS = [
    adapter(),
    adapter(default_event="approved", customer_events=["declined"], currency=None, product_id="sku"),
    adapter(test_orders=True, encoding="windows-1252", price="line", product_price=True),
]
NOT_A_SALE = ("declined", "refund", "void", "chargeback", "cancel", "hold", "shipped", "prospect")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_comes_is_read_or_refused_and_always_alike(data: st.DataObject) -> None:
    fields = dict(parse_qsl(data.draw(st.sampled_from(QUERIES)), keep_blank_values=True))
    for key in data.draw(st.lists(st.sampled_from(sorted(TOKENS)), max_size=5)):
        fields[key] = data.draw(VALUES)
    form = urlencode({k: str(v).encode("utf-8", "replace") for k, v in fields.items()})
    for mutated in (post(json.dumps(fields).encode()), Postback("GET", form, {}, b"", MOMENT)):
        for reader in ADAPTERS:
            assert outcome(reader, mutated) == outcome(reader, mutated)


@settings(max_examples=200, deadline=None)
@given(inner=VALUES, kind=st.sampled_from(["product.created", "product.updated", "product.deleted", "x"]))
def test_whatever_a_webhook_holds_is_read_or_refused(inner: object, kind: str) -> None:
    image = {"path": inner, "is_default": inner}
    for held in (
        inner,
        {"id": 1, "name": "Mug", "images": inner},
        {"id": inner, "name": inner, "images": [image]},
    ):
        body = json.dumps({"type": kind, "data": {"id": inner, "object": held, "price": inner}}).encode()
        for reader in ADAPTERS:
            outcome(reader, post(body))


@settings(max_examples=300, deadline=None)
@given(request=st.sampled_from(REQUESTS), data=st.data())
def test_cut_and_scrambled_bytes_are_read_or_refused(request: Postback, data: st.DataObject) -> None:
    body = bytearray(request.body[: data.draw(st.integers(0, len(request.body)))])
    query = bytearray(request.query[: data.draw(st.integers(0, len(request.query)))].encode("latin-1"))
    for part in (body, query):
        for at in data.draw(st.lists(st.integers(0, len(part) - 1), max_size=5)) if part else ():
            part[at] = data.draw(st.integers(0, 255))
    mutated = Postback(request.method, query.decode("latin-1"), request.headers, bytes(body), MOMENT)
    for reader in ADAPTERS:
        outcome(reader, mutated)


@settings(max_examples=300, deadline=None)
@given(word=st.sampled_from(NOT_A_SALE), data=st.data())
def test_no_values_make_a_sale_of_another_word(word: str, data: st.DataObject) -> None:
    fields = {**ORDER, "event": word, "prospect_id": "880500"}
    for key in data.draw(st.lists(st.sampled_from(sorted(TOKENS)), max_size=6)):
        fields[key] = data.draw(st.sampled_from(["", "0", "1", "2", "5.00", "25.00", "approved", "x"]))
    for reader in ADAPTERS:
        reading = outcome(reader, get(fields))
        if isinstance(reading, Events):
            assert "order.placed" not in {event.kind for event in reading.events}


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_is_dropped_before_storing_changes_no_outcome(request_: Postback) -> None:
    stored = scrub(request_, Stickyio.dropped)
    for reader in ADAPTERS:
        assert outcome(reader, stored) == outcome(reader, request_)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_dropped_field_never_decides(data: st.DataObject) -> None:
    extra = {data.draw(st.sampled_from(sorted(Stickyio.dropped))): data.draw(VALUES) for _ in range(3)}
    base = data.draw(st.sampled_from([{}, {**ORDER, "event": "approved"}, ORDER]))
    for reader in ADAPTERS:
        assert outcome(reader, post(json.dumps({**base, **extra}).encode())) == outcome(
            reader, post(json.dumps(base).encode())
        )

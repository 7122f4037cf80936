"""Whatever comes is read or refused, always alike, and dropped values decide nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.checkoutchamp import CheckoutChamp
from relay import httpfile
from relay.normalise.contract import Postback
from relay.normalise.scrub import scrub
from tests.adapters.checkoutchamp_support import COMPLETE, FIXTURES, MOMENT, ORDER, adapter, post
from tests.adapters.nonsense import VALUES, outcome

REQUESTS = [httpfile.read(file).postback(MOMENT) for file in sorted(FIXTURES.glob("*.http"))]
ADAPTERS = [adapter(), adapter(default_event="sale", customer_events=["declined"], currency=None)]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_comes_is_read_or_refused_and_always_alike(data: st.DataObject) -> None:
    request = data.draw(st.sampled_from([r for r in REQUESTS if r.body[:1] == b"{"]))
    fields = json.loads(request.body)
    for key in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[key] = data.draw(VALUES)
    mutated = post(json.dumps(fields).encode(), request.query)
    for reader in ADAPTERS:
        assert outcome(reader, mutated) == outcome(reader, mutated)


@settings(max_examples=300, deadline=None)
@given(request=st.sampled_from(REQUESTS), data=st.data())
def test_cut_and_scrambled_bytes_are_read_or_refused(request: Postback, data: st.DataObject) -> None:
    body = bytearray(request.body[: data.draw(st.integers(0, len(request.body)))])
    query = request.query[: data.draw(st.integers(0, len(request.query)))]
    if body:
        for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=5)):
            body[at] = data.draw(st.integers(0, 255))
    mutated = Postback(request.method, query, request.headers, bytes(body), MOMENT)
    for reader in ADAPTERS:
        outcome(reader, mutated)


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_is_dropped_before_storing_changes_no_outcome(request_: Postback) -> None:
    stored = scrub(request_, CheckoutChamp.dropped)
    for reader in ADAPTERS:
        assert outcome(reader, stored) == outcome(reader, request_)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_dropped_field_never_decides(data: st.DataObject) -> None:
    names = sorted(CheckoutChamp.dropped - {"cardlast4", "last4"})
    extra = {data.draw(st.sampled_from(names)): data.draw(VALUES) for _ in range(3)}
    base = data.draw(st.sampled_from([{}, {**ORDER, "event": "sale"}, {**ORDER, **COMPLETE}]))
    for reader in ADAPTERS:
        assert outcome(reader, post({**base, **extra})) == outcome(reader, post(base))

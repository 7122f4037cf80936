"""Whatever a WooCommerce or Shopify shop sends is read or refused, always alike."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.normalise import registry
from relay.normalise.contract import Adapter, Postback
from relay.normalise.scrub import scrub
from relay.testing import fixtures
from tests.adapters.nonsense import VALUES, outcome
from tests.adapters.test_generic_nonsense import places, put


def _cases() -> list[tuple[Adapter, Postback]]:
    found = []
    for name in ("woocommerce", "shopify"):
        kind = registry.installed()[name]
        folder = Path(str(import_module(f"adapters.{name}").__file__)).parent / "fixtures"
        for fixture in fixtures.load(folder):
            reader = fixtures.adapter(kind, fixture.source)
            found += [(reader, step.postback(number)) for number, step in enumerate(fixture.steps, 1)]
    return found


CASES = _cases()
WHOLE = [case for case in CASES if case[1].body[:1] == b"{" and case[1].body.rstrip()[-1:] == b"}"]


@settings(max_examples=400, deadline=None)
@given(case=st.sampled_from(WHOLE), data=st.data())
def test_whatever_stands_anywhere_is_read_or_refused_and_always_alike(
    case: tuple[Adapter, Postback], data: st.DataObject
) -> None:
    reader, request = case
    body: Any = json.loads(request.body)
    for _ in range(data.draw(st.integers(1, 3))):
        put(body, data.draw(st.sampled_from(places(body))), data.draw(VALUES))
    mutated = replace(request, body=json.dumps(body).encode())
    assert outcome(reader, mutated) == outcome(reader, mutated)


@settings(max_examples=200, deadline=None)
@given(case=st.sampled_from(CASES), topic=st.text(max_size=30), data=st.data())
def test_cut_and_scrambled_bytes_under_any_topic_are_read_or_refused(
    case: tuple[Adapter, Postback], topic: str, data: st.DataObject
) -> None:
    reader, request = case
    body = bytearray(request.body[: data.draw(st.integers(0, len(request.body)))])
    if body:
        for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=5)):
            body[at] = data.draw(st.integers(0, 255))
    topics = {"x-wc-webhook-topic": topic, "x-shopify-topic": topic}
    headers = {**request.headers, **(topics if data.draw(st.booleans()) else {})}
    outcome(reader, replace(request, headers=headers, body=bytes(body)))


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_what_is_dropped_before_storing_changes_no_outcome(case: tuple[Adapter, Postback]) -> None:
    reader, request = case
    assert outcome(reader, scrub(request, reader.dropped)) == outcome(reader, request)

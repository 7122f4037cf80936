"""Whatever comes is read or refused, always alike, and dropped values decide nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.generic import Generic
from relay.normalise import registry
from relay.normalise.contract import Postback
from relay.normalise.scrub import scrub
from relay.testing import fixtures
from tests.adapters.generic_support import FIXTURES, MOMENT, adapter, post
from tests.adapters.nonsense import VALUES, outcome

CASES = [
    (fixtures.adapter(registry.installed()["generic"], fixture.source), step.postback(number))
    for fixture in fixtures.load(FIXTURES)
    for number, step in enumerate(fixture.steps, 1)
]
JSON_CASES = [(reader, request) for reader, request in CASES if request.body[:1] == b"{"]


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found: list[tuple[Any, ...]] = [path] if path else []
    for step, inner in pairs:
        found += places(inner, (*path, step))
    return found


def put(node: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_whatever_stands_anywhere_is_read_or_refused_and_always_alike(data: st.DataObject) -> None:
    reader, request = data.draw(st.sampled_from(JSON_CASES))
    try:
        body = json.loads(request.body)
    except ValueError:
        return
    for _ in range(data.draw(st.integers(1, 3))):
        put(body, data.draw(st.sampled_from(places(body))), data.draw(VALUES))
    mutated = post(json.dumps(body).encode(), request.query)
    assert outcome(reader, mutated) == outcome(reader, mutated)


@settings(max_examples=300, deadline=None)
@given(case=st.sampled_from(CASES), data=st.data())
def test_cut_and_scrambled_bytes_are_read_or_refused(case: tuple[Any, Postback], data: st.DataObject) -> None:
    reader, request = case
    body = bytearray(request.body[: data.draw(st.integers(0, len(request.body)))])
    query = request.query[: data.draw(st.integers(0, len(request.query)))]
    if body:
        for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=5)):
            body[at] = data.draw(st.integers(0, 255))
    outcome(reader, Postback(request.method, query, request.headers, bytes(body), MOMENT))


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_what_is_dropped_before_storing_changes_no_outcome(case: tuple[Any, Postback]) -> None:
    reader, request = case
    assert outcome(reader, scrub(request, Generic.dropped)) == outcome(reader, request)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(Generic.dropped)), first=VALUES, second=VALUES)
def test_a_dropped_field_never_decides(name: str, first: Any, second: Any) -> None:
    event = {"event": "quiz.finished", "email": "jo@example.org"}
    mapping = {"customer_event": {"event": "event", "email": "email", "properties": {"all": "@"}}}
    for reader in (adapter(), adapter(mapping=mapping)):
        one, two = (
            outcome(reader, post({**event, "properties": {name: value}}, "event=customer.event"))
            for value in (first, second)
        )
        assert one == two

"""Every fixture of every installed adapter becomes exactly what the file beside it says."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from relay.normalise import registry
from relay.testing import fixtures
from relay.testing.fixtures import Fixture


def _all() -> list[tuple[str, Fixture]]:
    found = []
    for entry in entry_points(group=registry.GROUP):
        folder = Path(str(import_module(entry.module).__file__)).parent / "fixtures"
        found += [(entry.name, fixture) for fixture in fixtures.load(folder)]
    return found


FIXTURES = _all()


@pytest.mark.parametrize(("adapter", "fixture"), FIXTURES, ids=[f"{a}-{f.name}" for a, f in FIXTURES])
def test_becomes_what_stands_beside_it(adapter: str, fixture: Fixture) -> None:
    outcomes = fixtures.outcomes(registry.installed()[adapter], fixture)
    for number, (step, outcome) in enumerate(zip(fixture.steps, outcomes, strict=True), 1):
        assert not fixtures.differences(step.expected, outcome), f"step {number}"


def test_an_adapter_has_fixtures() -> None:
    assert {adapter for adapter, _ in FIXTURES} == set(registry.installed())

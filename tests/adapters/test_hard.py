"""Every installed adapter, found by its entry point, passes the hard tests."""

from __future__ import annotations

from relay.normalise import registry
from relay.testing.hard import every_adapter

globals().update(every_adapter())


def test_no_installed_adapter_is_left_out() -> None:
    assert {test.adapter for test in every_adapter().values()} == set(registry.installed())

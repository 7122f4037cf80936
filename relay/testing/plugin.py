"""The pytest plug-in for adapter authors: `pytest -p relay.testing.plugin`.

Not registered by itself, so that an installed relay changes nobody's other tests.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("relay", "hard tests of the relay's adapters")
    group.addoption("--mutations", type=int, help="how many mutated fixtures to read for each adapter")

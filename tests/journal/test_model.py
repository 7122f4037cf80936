"""The journal's promises, whatever happens in whatever order: a machine drives it beside a plain model.

`make test` looks at some hundred stories; RELAY_STORIES=5000 looks longer.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from relay.journal import journal as module
from tests.journal.machine import Machine
from tests.journal.rig import BREAKER
from tests.support import RedisProcess


def test_whatever_happens_nothing_is_lost_nothing_overtakes_and_nothing_is_sent_twice(
    redis_process: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BREAKER_LANES", BREAKER)
    stories = int(os.environ.get("RELAY_STORIES", "100"))
    run_state_machine_as_test(
        type("Machine", (Machine,), {"url": redis_process.url}),
        settings=settings(
            max_examples=stories,
            stateful_step_count=40,
            deadline=None,
            derandomize="RELAY_STORIES" not in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )

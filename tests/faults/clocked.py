"""`python -m tests.faults.clocked serve` (or `work`): that process, with clocks a fault can set.

The host's is ahead by the seconds in the file RELAY_FAULTS_CLOCK, Redis's by what `step_clock` said.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import arq.worker

from relay import app, cli, wiring
from relay.journal.journal import Journal
from relay.receive.intake import Intake
from tests.support import STEPPED_CLOCK

_FILE = Path(os.environ["RELAY_FAULTS_CLOCK"])


def _ahead() -> timedelta:
    return timedelta(seconds=float(_FILE.read_text()))


class _Datetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + _ahead()


def main() -> None:
    vars(app)["Intake"] = functools.partial(Intake, clock=lambda: _Datetime.now(UTC))
    vars(wiring)["Journal"] = functools.partial(Journal, clock=STEPPED_CLOCK)
    vars(arq.worker)["datetime"] = _Datetime
    vars(arq.worker)["timestamp_ms"] = lambda: round(_Datetime.now(UTC).timestamp() * 1000)
    cli.main()


if __name__ == "__main__":
    main()

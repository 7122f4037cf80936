"""`python -m tests.faults.clocked serve` (or `work`): that process, with clocks a fault can set.

The host's is ahead by the seconds in the file RELAY_FAULTS_CLOCK, Redis's by what `step_clock` said.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from relay import app, cli, wiring
from relay.journal.journal import Journal
from relay.receive.intake import Intake
from tests.support import STEPPED_CLOCK

_FILE = Path(os.environ["RELAY_FAULTS_CLOCK"])


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(_FILE.read_text()))


def main() -> None:
    vars(app)["Intake"] = functools.partial(Intake, clock=now)
    vars(wiring)["Journal"] = functools.partial(Journal, clock=STEPPED_CLOCK)
    cli.main()


if __name__ == "__main__":
    main()

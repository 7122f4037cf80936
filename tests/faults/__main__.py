"""`python -m tests.faults`: postbacks under kill -9 and worse, and whether each arrived once and in order."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import structlog

from relay import log
from tests.faults.plan import FAULTS
from tests.faults.run import Plan, run


def main() -> None:
    arguments = _arguments()
    log.configure("error", "console")
    folder = Path(tempfile.mkdtemp(prefix="relay-faults-"))
    verdict = asyncio.run(run(_plan(arguments), folder))
    for fault in verdict.faults:
        sys.stderr.write(f"{fault}\n")
    sys.stdout.write(f"{verdict}\n")
    if not verdict.good or arguments.keep:
        sys.stderr.write(f"Data and logs are in {folder}\n")
    else:
        shutil.rmtree(folder)
    structlog.reset_defaults()
    sys.exit(not verdict.good)


def _arguments() -> argparse.Namespace:
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--postbacks", type=int, default=usual.postbacks, metavar="N")
    parser.add_argument("--minutes", type=float, help="as many postbacks as that long takes, instead")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--fault", nargs="+", choices=FAULTS, default=list(FAULTS), help="these only")
    parser.add_argument("--rate", type=float, default=usual.rate, help="postbacks a second")
    parser.add_argument("--every", type=float, default=usual.every, help="seconds between faults")
    parser.add_argument("--webs", type=int, default=usual.webs)
    parser.add_argument("--workers", type=int, default=usual.workers)
    parser.add_argument("--per-second", type=int, default=usual.per_second, help="the destination's rate")
    parser.add_argument("--within", type=float, default=usual.within, help="seconds to settle all in the end")
    parser.add_argument("--keep", action="store_true", help="keep data and logs of a good run, too")
    return parser.parse_args()


def _plan(said: argparse.Namespace) -> Plan:
    return Plan(
        postbacks=round(said.minutes * 60 * said.rate) if said.minutes else said.postbacks,
        seed=said.seed,
        faults=said.fault,
        rate=said.rate,
        every=said.every,
        webs=said.webs,
        workers=said.workers,
        per_second=said.per_second,
        within=said.within,
    )


if __name__ == "__main__":
    main()

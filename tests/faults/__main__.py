"""`python -m tests.faults`: postbacks under kill -9 and worse, and whether each arrived once and in order."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from relay import log
from tests.faults.plan import FAULTS, MIXED
from tests.faults.plant import Size
from tests.faults.run import Plan, run
from tests.faults.verdict import Verdict


def main() -> None:
    said = _arguments()
    log.configure("error", "console")
    if said.each:
        good = _each(said.fault or list(FAULTS), _plan(said), keep=said.keep)
    else:
        verdict = _judged(_plan(said), keep=said.keep)
        sys.stdout.write(f"{verdict}\n")
        sys.stderr.write(f"refused {verdict.refused}, slowest answer {verdict.slowest:.2f} s\n")
        good = verdict.good
    structlog.reset_defaults()
    sys.exit(not good)


_HEAD = ("fault", "accepted", "kills", "lost", "twice", "after kill", "disorder", "over", "balanced", "refused", "slowest")  # fmt: skip  # noqa: E501


def _each(names: list[str], plan: Plan, *, keep: bool) -> bool:
    """One run for every fault, and a table."""
    _row(*_HEAD)
    good = True
    for name in names:
        verdict = _judged(_alone(name, plan), keep=keep)
        good &= verdict.good
        _row(
            *(name, verdict.accepted, verdict.kills, verdict.lost, verdict.twice, verdict.after_kill),
            *(verdict.out_of_order, verdict.over_budget, "yes" if verdict.balanced else "no"),
            *(verdict.refused, f"{verdict.slowest:.2f} s{'' if verdict.good else '  NOT GOOD'}"),
        )
    return good


def _row(first: object, *cells: object) -> None:
    sys.stdout.write(f"{first!s:<18}{''.join(f'{cell!s:>11}' for cell in cells)}\n")
    sys.stdout.flush()


def _alone(name: str, plan: Plan) -> Plan:
    """A long one is to be over before the postbacks end, so these come as slowly as that takes."""
    lasts = FAULTS[name].lasts
    rate = min(plan.rate, plan.postbacks / (1.1 * lasts + 10)) if lasts else plan.rate
    return replace(plan, faults=[name], rate=rate)


def _judged(plan: Plan, *, keep: bool) -> Verdict:
    with _folder() as folder:
        verdict = asyncio.run(run(plan, folder))
        for fault in verdict.faults:
            sys.stderr.write(f"{fault}\n")
        if verdict.good and not keep:
            shutil.rmtree(folder)
        else:
            sys.stderr.write(f"Data and logs are in {folder}\n")
    return verdict


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="relay-faults-"))
    try:
        yield folder
    except BaseException:
        sys.stderr.write(f"Data and logs are in {folder}\n")
        raise


def _arguments() -> argparse.Namespace:
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--postbacks", type=int, default=usual.postbacks, metavar="N")
    parser.add_argument("--minutes", type=float, help="as many postbacks as that long takes, instead")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--fault", nargs="+", choices=FAULTS, help="these only")
    parser.add_argument("--each", action="store_true", help="every fault alone, one after the other")
    parser.add_argument("--rate", type=float, default=usual.rate, help="postbacks a second")
    parser.add_argument("--every", type=float, default=usual.every, help="seconds between faults")
    parser.add_argument("--kills", type=int, default=0, help="at least so many; slows down to reach them")
    parser.add_argument("--webs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--per-minute", type=int, default=6000, help="the destination's rate; 0 for none")
    parser.add_argument("--per-second", type=int, default=120, help="the destination's rate; 0 for none")
    parser.add_argument("--within", type=float, default=usual.within, help="seconds to settle all in the end")
    parser.add_argument("--keep", action="store_true", help="keep data and logs of a good run, too")
    return parser.parse_args()


_FOR_A_KILL = 1.8
"""Seconds that a kill takes at the most, with its restart and the other faults between."""


def _plan(said: argparse.Namespace) -> Plan:
    postbacks = round(said.minutes * 60 * said.rate) if said.minutes else said.postbacks
    rate = min(said.rate, postbacks / (said.kills * _FOR_A_KILL)) if said.kills else said.rate
    return Plan(
        postbacks=postbacks,
        seed=said.seed,
        faults=said.fault or MIXED,
        rate=rate,
        every=said.every,
        kills=said.kills,
        within=said.within,
        size=Size(said.webs, said.workers, said.per_minute, said.per_second),
    )


if __name__ == "__main__":
    main()

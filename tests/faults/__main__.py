"""`python -m tests.faults`: postbacks under kill -9 and worse, and whether each arrived once and in order."""

from __future__ import annotations

import argparse
import asyncio
import gc
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from relay import log
from tests.faults.plan import FAULTS, MIXED
from tests.faults.plant import Size
from tests.faults.run import Plan, run
from tests.faults.scenarios import SCENARIOS
from tests.faults.verdict import Verdict

_HEAD: Final = (
    *("fault", "accepted", "kills", "lost", "twice", "after kill", "disorder", "over", "balanced"),
    *("refused", "slowest"),
)
_FOR_A_KILL: Final = 1.8
"""Seconds that a kill takes at the most, with its restart and the other faults between."""


def main() -> None:
    said = _arguments()
    log.configure("error", "console")
    gc.set_threshold(100_000, 50, 1_000_000)  # a look at all that a long run keeps would hold the stand-in up
    if said.scenario:
        good = min([_played(name, said) for name in said.scenario])
    elif said.each:
        good = _each(said.fault or list(FAULTS), _plan(said), keep=said.keep)
    else:
        good = _mixed(_plan(said), keep=said.keep)
    structlog.reset_defaults()
    sys.exit(not good)


def _mixed(plan: Plan, *, keep: bool) -> bool:
    verdict = _judged(plan, keep=keep)
    sys.stdout.write(f"{verdict}\n")
    excused = f"{verdict.excused} of 429 excused" if verdict.excused else "no 429 excused"
    sys.stderr.write(f"refused {verdict.refused}, slowest answer {verdict.slowest:.2f} s, {excused}\n")
    return verdict.good


def _each(names: Sequence[str], plan: Plan, *, keep: bool) -> bool:
    """One run for every fault, and a table."""
    _row(*_HEAD)
    good = True
    for name in names:
        verdict = _judged(_alone(name, plan), keep=keep)
        good &= verdict.good
        _row(
            *(name, verdict.accepted, verdict.kills, verdict.lost, verdict.twice, verdict.after_kill),
            *(verdict.out_of_order, verdict.over_budget, "yes" if verdict.balanced else "no"),
            *(verdict.refused, f"{verdict.slowest:.2f} s", "" if verdict.good else "NOT GOOD"),
        )
    return good


def _row(first: object, *cells: object) -> None:
    line = f"{first!s:<19}" + "".join(f"{cell!s:>11}" for cell in cells)
    sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.flush()


def _alone(name: str, plan: Plan) -> Plan:
    """A long one is to be over before the postbacks end, so these come as slowly as that takes."""
    lasts = FAULTS[name].lasts
    rate = min(plan.rate, plan.postbacks / (1.1 * lasts + 10)) if lasts else plan.rate
    return replace(plan, faults=[name], rate=rate)


def _played(name: str, said: argparse.Namespace) -> bool:
    scenario = SCENARIOS[name]
    relays = said.postbacks or scenario.relays
    size = _size(said, scenario.size)
    with _folder() as folder:
        result = asyncio.run(scenario.play(folder, size, relays=relays, seed=said.seed))
        shutil.rmtree(folder)
    sys.stdout.write(f"{result}\n")
    sys.stdout.flush()
    return result.good


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
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--each", action="store_true", help="every fault alone, one after the other")
    which.add_argument("--scenario", nargs="+", choices=SCENARIOS, help="these, instead of faults")
    parser.add_argument("--fault", nargs="+", choices=FAULTS, metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--postbacks", type=int, metavar="N", help=f"{usual.postbacks}, if none are said")
    parser.add_argument("--minutes", type=float, help="as many postbacks as that long takes, instead")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--rate", type=float, default=usual.rate, help="postbacks a second")
    parser.add_argument("--every", type=float, default=usual.every, help="seconds between faults")
    parser.add_argument("--kills", type=int, default=0, help="at least so many; slows down to reach them")
    parser.add_argument("--webs", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--per-minute", type=int, help="the destination's rate, which it enforces; 0: none")
    parser.add_argument("--per-second", type=int, help="the same")
    parser.add_argument("--within", type=float, default=usual.within, help="seconds to settle all in the end")
    parser.add_argument("--keep", action="store_true", help="keep data and logs of a good run, too")
    return parser.parse_args()


def _plan(said: argparse.Namespace) -> Plan:
    usual = Plan()
    postbacks = round(said.minutes * 60 * said.rate) if said.minutes else said.postbacks or usual.postbacks
    rate = min(said.rate, postbacks / (said.kills * _FOR_A_KILL)) if said.kills else said.rate
    return Plan(
        postbacks=postbacks,
        seed=said.seed,
        faults=said.fault or MIXED,
        rate=rate,
        every=said.every,
        kills=said.kills,
        within=said.within,
        size=_size(said, usual.size),
    )


def _size(said: argparse.Namespace, usual: Size) -> Size:
    words = ("webs", "workers", "per_minute", "per_second")
    return replace(usual, **{word: vars(said)[word] for word in words if vars(said)[word] is not None})


if __name__ == "__main__":
    main()

"""Mutated fixtures by the thousand: whatever comes is read or refused, and no call is one to be refused.

As a process: `python -m relay.testing.fuzz 100000 --adapter acme --seed 3`.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from relay.errors import SettingsError
from relay.testing import subjects
from relay.testing.message import Message, opened
from relay.testing.mutations import Mutation, mutated, seeds
from relay.testing.subjects import Subject
from relay.testing.trial import Breach, Scene, Told, scenes

_LONGEST: Final = 1500


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    requests: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    calls: int = 0

    def count(self, told: Told) -> None:
        word = str(told).partition(" (")[0]
        self.requests += 1
        self.outcomes[word] = self.outcomes.get(word, 0) + 1
        self.calls += len(told.calls)

    def line(self) -> str:
        counts = ", ".join(
            f"{n} {word}" for word, n in sorted(self.outcomes.items(), key=lambda one: -one[1])
        )
        return f"{self.requests} requests, {self.calls} calls, nothing broken; {counts}"


def run(subject: Subject, count: int, seed: int = 0) -> Tally:
    """`count` mutated fixtures, the same for a seed. Raises Breach with the smallest trouble it finds."""
    tally = Tally()
    stages = [scene for fixture in subject.fixtures for scene in scenes(subject, fixture)]
    others = [opened(scene.request) for scene in stages]
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")  # noqa: S311 - a seed is the point
        scene = rng.choice(stages)
        tally.count(_told(scene, seeds(rng), others, where=f"seed {seed}, case {number}"))
    return tally


def _told(scene: Scene, made_by: Sequence[int], others: Sequence[Message], *, where: str) -> Told:
    mutation = mutated(scene.request, made_by, others)
    try:
        return scene.tell(mutation.request, mutation.said, through=True)
    except Breach as breach:
        smallest, trouble = _smaller(scene, mutation, others, breach)
    raise Breach(
        f"{scene.fixture.name}: {trouble.what}",
        f"{trouble.advice}\n  The request ({where}): {_excerpt(smallest)}",
    ) from trouble


def _smaller(
    scene: Scene, mutation: Mutation, others: Sequence[Message], breach: Breach
) -> tuple[Mutation, Breach]:
    """The same trouble with fewer changes, where one can be left out."""
    for seed in mutation.seeds:
        fewer = mutated(scene.request, [s for s in mutation.seeds if s != seed], others)
        try:
            scene.tell(fewer.request, fewer.said, through=True)
        except Breach as smaller:
            return _smaller(scene, fewer, others, smaller)
    return mutation, breach


def _excerpt(mutation: Mutation) -> str:
    request = mutation.request
    text = f"{request.method} ?{request.query} {request.body!r}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def main() -> int:
    """One line for each adapter; 1 and the smallest trouble where a rule was broken."""
    parser = argparse.ArgumentParser(prog="fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "count", type=int, nargs="?", default=100_000, help="mutated fixtures of each adapter"
    )
    parser.add_argument("--adapter", action="append", help="only this one; all that are installed")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other mutations")
    said = parser.parse_args()
    broken = 0
    for name in said.adapter or subjects.names():
        try:
            line = run(subjects.subject(name), said.count, said.seed).line()
        except Breach as breach:
            broken, line = 1, str(breach)
        except SettingsError as error:
            parser.error(str(error))
        sys.stdout.write(f"{name}: {line}\n")
        sys.stdout.flush()
    return broken


if __name__ == "__main__":
    sys.exit(main())

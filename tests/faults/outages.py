"""When what was out of order, so that the verdict can tell what had a cause."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

What: TypeAlias = Literal["web", "worker", "redis", "disk", "clock", "destination", "stand-in"]


@dataclass(frozen=True, slots=True)
class Outage:
    """From the blow until the process answered again; seconds since 1970. A stand-in that nobody struck stood
    still because the machine had other work: what came meanwhile it took for what came together, and late.
    """

    what: What
    began: float
    ended: float


@dataclass(slots=True)
class Outages:
    list: list[Outage] = field(default_factory=list)

    @contextmanager
    def of(self, what: What) -> Iterator[None]:
        began = time.time()
        try:
            yield
        finally:
            self.add(what, began)

    def add(self, what: What, began: float) -> None:
        """It ends now."""
        self.list.append(Outage(what, began, time.time()))

    def share(self, began: float, ended: float, what: What) -> float:
        """For how many seconds between the two `what` was out of order."""
        spans = (min(ended, o.ended) - max(began, o.began) for o in self.list if o.what == what)
        return sum(max(0.0, span) for span in spans)

    def cover(self, began: float, ended: float, *what: What, before: float, after: float) -> bool:
        """Whether one of `what` was out of order at some moment between, with a margin on either side."""
        return any(
            o.what in what and o.began - before <= ended and began <= o.ended + after for o in self.list
        )

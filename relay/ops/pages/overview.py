"""The first page: is anything wrong, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from relay.errors import JournalAway
from relay.ops.desk import Desk
from relay.ops.figures import HourView
from relay.ops.pages.charts import Bar, bars, steps
from relay.ops.pages.doors import Door, look
from relay.ops.pages.saying import clock, counted
from relay.ops.pages.shell import Shell, Visit
from relay.ops.pages.telling import Now, told


class OverviewPage:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        return [look("/ops/", self._show)]

    async def _show(self, visit: Visit) -> Response:
        overview = self._desk.overview
        now = Now(
            stats=await overview.stats(),
            sources=await overview.sources(),
            destinations=await overview.destinations(),
            workers=await overview.workers(),
            issues=await self._issues(),
        )
        return self._shell.page(
            visit,
            "overview.html",
            nav="Overview",
            words=told(now),
            now=now,
            day=day(now.stats.hours),
            store=await overview.store(),
        )

    async def _issues(self) -> int | None:
        try:
            return (await self._desk.queries.issues.page(limit=1)).total
        except JournalAway:
            return None


@dataclass(frozen=True, slots=True)
class Day:
    """The chart of 24 hours: delivered stands up, dead hangs down, received is the line."""

    delivered: tuple[Bar, ...]
    dead: tuple[Bar, ...]
    received: str
    most: int
    said: str
    hours: Sequence[HourView]


def day(hours: Sequence[HourView] | None) -> Day | None:
    if hours is None:
        return None
    received, delivered, dead = ([getattr(h, w) for h in hours] for w in ("received", "delivered", "dead"))
    most = max(*received, *delivered, 0)
    sums = f"{sum(received):,} received, {sum(delivered):,} delivered, {sum(dead):,} dead"
    peak = max(hours, key=lambda hour: hour.received)
    at = f"; the most, {counted(peak.received, 'postback')}, in the hour from {clock(peak.at)} UTC"
    return Day(
        delivered=bars(delivered, most),
        dead=bars(dead, most, height=40),
        received=steps(received, most),
        most=most,
        said=f"The last 24 hours: {sums}{at if peak.received else ''}.",
        hours=hours,
    )

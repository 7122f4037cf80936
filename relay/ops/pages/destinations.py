"""Destinations: how much of the budget is used, what holds them, and the switch."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from relay.ops.core import Refused
from relay.ops.desk import Desk
from relay.ops.figures import DestinationView
from relay.ops.pages.doors import Door, act, look
from relay.ops.pages.shell import Shell, Visit
from relay.ops.pages.telling import Word, paused

_LIST: Final = "/ops/destinations"


class DestinationPages:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        one = f"{_LIST}/{{destination}}"
        return [
            look(_LIST, self._list),
            act(f"{one}/pause", self._pause),
            act(f"{one}/resume", self._resume),
        ]

    async def _list(self, visit: Visit) -> Response:
        found = await self._desk.overview.destinations()
        shown = [(destination, _words(destination), _minutes(destination)) for destination in found]
        return self._shell.page(visit, "destinations.html", nav="Destinations", destinations=shown)

    async def _pause(self, visit: Visit) -> Response:
        name = visit.path("destination")
        done = await self._desk.acts.pause(name, by=visit.by, reason=visit.form.get("reason").strip()[:200])
        return self._back(visit, done, f"{name} is paused: nothing is sent until somebody resumes it.")

    async def _resume(self, visit: Visit) -> Response:
        name, endpoint = visit.path("destination"), visit.form.get("endpoint") or "all"
        done = await self._desk.acts.resume(name, by=visit.by, endpoint=endpoint)
        return self._back(visit, done, f"{name} goes on: what waited leaves in order.")

    def _back(self, visit: Visit, done: object, note: str) -> Response:
        to = f"{_LIST}#{visit.path('destination')}"
        if isinstance(done, Refused):
            return self._shell.back(visit, to, f"Not done: {done.advice}.", tone="wait")
        return self._shell.back(visit, to, note)


def _words(destination: DestinationView) -> tuple[Word, ...]:
    return tuple(paused(destination, pause) for pause in destination.pauses or ())


def _minutes(destination: DestinationView) -> float | None:
    """How long what waits takes at the budget, in seconds; None where there is no telling."""
    traffic = destination.traffic
    if traffic is None or not traffic.minute.limit:
        return None
    waiting = traffic.queued + traffic.retrying + traffic.held
    return 60 * waiting / traffic.minute.limit if waiting else None

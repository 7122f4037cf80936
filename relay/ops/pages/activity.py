"""Who did what, and when."""

from __future__ import annotations

from starlette.responses import Response

from relay.journal import ids
from relay.ops.desk import Desk
from relay.ops.models import ActView
from relay.ops.pages.doors import Door, look
from relay.ops.pages.shell import Shell, Visit

_PER_PAGE = 50


class ActivityPage:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        return [look("/ops/activity", self._show)]

    async def _show(self, visit: Visit) -> Response:
        page = await self._desk.activity.page(limit=_PER_PAGE, cursor=visit.asked("cursor") or None)
        acts = [(ActView.of(act), _leads_to(act.what, act.on)) for act in page.acts]
        return self._shell.page(visit, "activity.html", nav="Activity", acts=acts, older=page.next)


def _leads_to(what: str, on: str) -> str:
    """The page of what was acted on, "" where it has none."""
    if ids.is_id(on):
        return f"/ops/replays/{on}" if "replay" in what else f"/ops/relays/{on}"
    if "muted" in what:
        return f"/ops/issues/{on}"
    if what in ("paused", "resumed"):
        return f"/ops/destinations#{on.partition(' ')[0]}"
    return ""

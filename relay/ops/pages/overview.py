"""The first page: is anything wrong, and where to look."""

from __future__ import annotations

from starlette.responses import Response

from relay.errors import JournalAway
from relay.ops.desk import Desk
from relay.ops.pages.doors import Door, look
from relay.ops.pages.shell import Shell, Visit
from relay.ops.pages.telling import told


class OverviewPage:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        return [look("/ops/", self._show)]

    async def _show(self, visit: Visit) -> Response:
        stats = await self._desk.overview.stats()
        try:
            pauses = await self._desk.queries.pauses()
        except JournalAway:
            pauses = {}
        words = told(stats.model_dump(), pauses)
        return self._shell.page(visit, "overview.html", nav="Overview", words=words, stats=stats)

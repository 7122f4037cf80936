"""The first page: is anything wrong, and where to look."""

from __future__ import annotations

from starlette.responses import Response

from relay.errors import JournalAway
from relay.journal.queries import Queries
from relay.ops.core import Operations
from relay.ops.pages.doors import Door, look
from relay.ops.pages.shell import Shell, Visit
from relay.ops.pages.telling import told


class OverviewPage:
    def __init__(self, shell: Shell, operations: Operations, queries: Queries) -> None:
        self._shell = shell
        self._operations = operations
        self._queries = queries

    def doors(self) -> list[Door]:
        return [look("/ops/", self._show)]

    async def _show(self, visit: Visit) -> Response:
        stats = await self._operations.stats()
        try:
            pauses = await self._queries.pauses()
        except JournalAway:
            pauses = {}
        words = told(stats, pauses)
        return self._shell.page(visit, "overview.html", nav="Overview", words=words, stats=stats)

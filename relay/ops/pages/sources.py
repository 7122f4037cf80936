"""Sources: the URL to paste, what came of it, and a test that reaches nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from relay.compose.policy import Policy
from relay.errors import SpoolFull
from relay.ops.access import Access, Role
from relay.ops.desk import Desk
from relay.ops.pages.becoming import becomes
from relay.ops.pages.doors import Door, Missing, act, look
from relay.ops.pages.shell import Shell, Visit
from relay.receive.intake import Recorder
from relay.receive.sources import Source
from relay.receive.trial import send_trial

_LIST: Final = "/ops/sources"


class SourcePages:
    def __init__(
        self,
        shell: Shell,
        access: Access,
        desk: Desk,
        sources: Mapping[str, Source],
        policies: Mapping[str, Policy],
        recorder: Recorder,
    ) -> None:
        self._shell = shell
        self._access = access
        self._desk = desk
        self._sources = sources
        self._policies = policies
        self._recorder = recorder

    def doors(self) -> list[Door]:
        one = f"{_LIST}/{{source}}"
        return [
            look(_LIST, self._list),
            look(f"{one}/reveal", self._mask),
            act(f"{one}/reveal", self._reveal, Role.ADMIN),
            act(f"{one}/test", self._test),
        ]

    async def _list(self, visit: Visit) -> Response:
        return await self._page(visit)

    async def _reveal(self, visit: Visit) -> Response:
        source = self._source(visit)
        await self._desk.activity.note(visit.by, "revealed the URL", source.name)
        return await self._page(visit, source.name)

    async def _mask(self, visit: Visit) -> Response:
        """For whoever comes back to where it was revealed: by the address alone it is not."""
        return RedirectResponse(f"{_LIST}#{visit.path('source')}", 303)

    async def _test(self, visit: Visit) -> Response:
        source = self._source(visit)
        try:
            receipt = await send_trial(self._recorder, source, visit.by)
        except SpoolFull:
            return self._shell.back(
                visit,
                f"{_LIST}#{source.name}",
                "Not recorded: neither Redis nor the disk takes it.",
                tone="bad",
            )
        note = "The test was recorded. Nothing was sent to anyone."
        return self._shell.back(visit, f"/ops/relays/{receipt.id}", note)

    async def _page(self, visit: Visit, revealed: str = "") -> Response:
        origin = self._access.origin(visit.request)
        tokens = {name: quote(source.tokens[0], safe="") for name, source in self._sources.items()}
        urls = {
            name: f"{origin}/in/{name}/{token if name == revealed else '•••'}"
            for name, token in tokens.items()
        }
        return self._shell.page(
            visit,
            "sources.html",
            nav="Sources",
            sources=await self._desk.overview.sources(),
            urls=urls,
            revealed=revealed,
            local=origin.startswith(("http://localhost", "http://127.")),
            may_reveal=visit.visitor.may(Role.ADMIN),
            becomes={
                name: becomes(source.adapter, self._policies[name]) for name, source in self._sources.items()
            },
        )

    def _source(self, visit: Visit) -> Source:
        found = self._sources.get(visit.path("source"))
        if found is None:
            raise Missing("such source")
        return found

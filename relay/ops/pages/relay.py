"""One relay: what happened to it, all that is known of it, and what can be done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.responses import RedirectResponse, Response

from relay.journal import codec
from relay.journal.records import RelayDetail, Status
from relay.normalise.contract import Postback
from relay.ops.access import Role
from relay.ops.core import Done, Refused
from relay.ops.desk import Desk
from relay.ops.figures import DestinationView
from relay.ops.pages.doors import Door, Missing, act, look
from relay.ops.pages.relays import LIST
from relay.ops.pages.seen import seen
from relay.ops.pages.shell import HEADERS, Shell, Visit
from relay.ops.pages.telling import holds

_WORDS: Final = ("force", "stale", "drop_edit")
_LARGE: Final = 16_384
"""Bytes of a postback: finding stand-ins takes the longer the more is in it, and others wait meanwhile."""

Capture = Callable[[str, Postback], tuple[str, bytes] | None]
"""A source's postback as a fixture's request, its name and the people in it invented; None for no source."""


class RelayPage:
    def __init__(self, shell: Shell, desk: Desk, capture: Capture) -> None:
        self._shell = shell
        self._desk = desk
        self._capture = capture

    def doors(self) -> list[Door]:
        one = f"{LIST}/{{relay}}"
        return [
            look(one, self._show),
            look(f"{one}/fixture", self._fixture, Role.OPERATOR),
            look(f"{one}/reveal", self._mask),
            act(f"{one}/reveal", self._reveal),
            act(f"{one}/retry", self._retry),
            act(f"{one}/discard", self._discard),
            act(f"{one}/restore", self._restore),
        ]

    async def _show(self, visit: Visit) -> Response:
        return await self._page(visit, await self._found(visit))

    async def _reveal(self, visit: Visit) -> Response:
        detail = await self._desk.acts.reveal(visit.path("relay"), by=visit.by)
        if detail is None:
            raise Missing(f"relay {visit.path('relay')}")
        return await self._page(visit, detail, revealed=True)

    async def _mask(self, visit: Visit) -> Response:
        """For whoever comes back to where it was revealed: by the address alone it is not."""
        return RedirectResponse(f"{LIST}/{visit.path('relay')}", 303)

    async def _page(self, visit: Visit, detail: RelayDetail, *, revealed: bool = False) -> Response:
        relay = detail.relay
        to = await self._destination(relay.destination)
        return self._shell.page(
            visit,
            "relay.html",
            nav="Relays",
            seen=seen(detail, to.url if to else "https://api.example.com", revealed=revealed),
            issue=await self._desk.queries.issues.one(relay.issue) if relay.issue else None,
            paused=relay.status is Status.HELD and to is not None and bool(holds(to, relay.endpoint)),
            say=visit.asked("say"),
            stage=visit.asked("stage"),
        )

    async def _destination(self, name: str) -> DestinationView | None:
        found = await self._desk.overview.destinations()
        return next((destination for destination in found if destination.name == name), None)

    async def _found(self, visit: Visit) -> RelayDetail:
        detail = await self._desk.finder.detail(visit.path("relay"))
        if detail is None:
            raise Missing(f"relay {visit.path('relay')}")
        return detail

    async def _fixture(self, visit: Visit) -> Response:
        detail = await self._found(visit)
        if detail.postback is None:
            raise Missing("postback kept of it any more")
        postback, relay = codec.postback_from_plain(detail.postback), detail.relay
        if len(postback.body) + len(postback.query) > _LARGE:
            command = f"relay capture {relay.source} --relay {relay.id}"
            return self._shell.back(visit, f"{LIST}/{relay.id}", f"It is large: run {command}.", tone="wait")
        captured = await asyncio.to_thread(self._capture, relay.source, postback)
        if captured is None:
            raise Missing(f"source {relay.source} any more, so nobody reads its postbacks")
        name, request = captured
        headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}"'}
        return Response(request, headers=headers, media_type="text/plain")

    async def _retry(self, visit: Visit) -> Response:
        stage = visit.form.get("stage")
        done = await self._desk.acts.retry(
            visit.path("relay"),
            by=visit.by,
            stage="normalise" if stage == "normalise" else "deliver" if stage == "deliver" else None,
            **{word: visit.form.has(word) for word in _WORDS},
        )
        return self._back(visit, done, "It is on its way again.", stage=stage)

    async def _discard(self, visit: Visit) -> Response:
        relay = visit.path("relay")
        done = await self._desk.acts.discard(relay, by=visit.by)
        undo = {"action": f"{LIST}/{relay}/restore", "label": "Undo"}
        return self._back(visit, done, "Discarded: it will not be sent.", undo=undo)

    async def _restore(self, visit: Visit) -> Response:
        done = await self._desk.acts.restore(visit.path("relay"), by=visit.by)
        return self._back(visit, done, "Restored: it waits for you again, and can be retried.")

    def _back(
        self,
        visit: Visit,
        done: Done | Refused,
        note: str,
        *,
        undo: dict[str, str] | None = None,
        stage: str = "",
    ) -> Response:
        to = f"{LIST}/{visit.path('relay')}"
        if not isinstance(done, Refused):
            return self._shell.back(visit, to, note, undo=undo)
        if done.word:  # it can be done with a second word: the page asks for it
            to += f"?say={done.word}&stage={stage}#again"
        return self._shell.back(visit, to, f"Not done: {done.advice}.", tone="wait")

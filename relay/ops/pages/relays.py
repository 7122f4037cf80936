"""The list of relays, and one relay."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from relay.journal.queries import Page
from relay.journal.records import RelayDetail, Status
from relay.ops import filters
from relay.ops.core import Done, Refused
from relay.ops.desk import Desk
from relay.ops.filters import FilterError
from relay.ops.models import RelaySummary, RelayView
from relay.ops.pages.doors import Door, Missing, act, look
from relay.ops.pages.masking import Veil
from relay.ops.pages.shell import Shell, Visit

_PER_PAGE: Final = 50
_LIST: Final = "/ops/relays"
_QUICK: Final = (("all", ""), *((str(status), f"status:{status}") for status in Status))


class RelayPages:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        one = f"{_LIST}/{{relay}}"
        return [
            look(_LIST, self._list),
            look(one, self._one),
            act(f"{one}/retry", self._retry),
            act(f"{one}/discard", self._discard),
            act(f"{one}/restore", self._restore),
        ]

    # The list -----------------------------------------------------------------------------------------

    async def _list(self, visit: Visit) -> Response:
        line = visit.asked("filter").strip()
        cursor = visit.asked("cursor") or None
        hint, found = "", Page((), None, None, 0)
        try:
            found = await self._desk.queries.find(filters.parse(line), limit=_PER_PAGE, cursor=cursor)
        except FilterError as error:
            hint = str(error)
        older = urlencode({"filter": line, "cursor": found.next}) if found.next else ""
        return self._shell.page(
            visit,
            "relays.html",
            400 if hint else 200,
            nav="Relays",
            line=line,
            hint=hint,
            relays=[RelaySummary.of(relay) for relay in found.relays],
            total=found.total,
            searched=found.searched,
            cut=found.next is not None and len(found.relays) < _PER_PAGE,
            older=older,
            first=cursor is None,
            quick=_QUICK,
        )

    # One ----------------------------------------------------------------------------------------------

    async def _one(self, visit: Visit) -> Response:
        detail = await self._desk.queries.detail(visit.path("relay"))
        if detail is None:
            raise Missing(f"relay {visit.path('relay')}")
        return self._shell.page(visit, "relay.html", nav="Relays", **_shown(detail))

    async def _retry(self, visit: Visit) -> Response:
        form, relay = visit.form, visit.path("relay")
        done = await self._desk.acts.retry(
            relay,
            by=visit.by,
            stage="normalise" if form.get("stage") == "normalise" else None,
            force=form.has("force"),
            stale=form.has("stale"),
        )
        return self._back(visit, done, "It is on its way again.")

    async def _discard(self, visit: Visit) -> Response:
        relay = visit.path("relay")
        done = await self._desk.acts.discard(relay, by=visit.by)
        undo = {"action": f"{_LIST}/{relay}/restore", "label": "Restore it"}
        return self._back(visit, done, "Discarded: it will not be sent.", undo)

    async def _restore(self, visit: Visit) -> Response:
        done = await self._desk.acts.restore(visit.path("relay"), by=visit.by)
        return self._back(visit, done, "Restored: it is dead again, and can be retried.")

    def _back(
        self, visit: Visit, done: Done | Refused, note: str, undo: dict[str, str] | None = None
    ) -> Response:
        to = f"{_LIST}/{visit.path('relay')}"
        if isinstance(done, Refused):
            return self._shell.back(visit, to, f"Not done: {done.advice}.", tone="wait")
        return self._shell.back(visit, to, note, undo=undo)


def _shown(detail: RelayDetail) -> dict[str, Any]:
    relay = RelayView.of(detail)
    veil = Veil.of(relay.events)
    events = [_json(veil.value(event)) for event in relay.events]
    calls = [{**tried.model_dump(), "body": _json(veil.value(tried.body))} for tried in relay.attempts]
    return {"relay": relay, "events": events, "calls": calls, "veil": veil.text}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)

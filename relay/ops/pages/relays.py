"""The list of relays: one filter line, and what can be done to all that fit it."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from relay.journal.queries import Page
from relay.journal.records import Status
from relay.ops import filters
from relay.ops.core import Refused
from relay.ops.desk import Desk
from relay.ops.filters import FilterError
from relay.ops.pages.doors import Door, act, look
from relay.ops.pages.saying import counted
from relay.ops.pages.shell import Shell, Visit

LIST: Final = "/ops/relays"
PER_PAGE: Final = 50
_QUICK: Final = (("all", ""), *((str(status), f"status:{status}") for status in Status))
_NOTHING: Final = Page((), None, None, 0)


class RelayList:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        return [look(LIST, self._list), act(LIST, self._act)]

    async def _list(self, visit: Visit) -> Response:
        line, cursor = visit.asked("filter").strip(), visit.asked("cursor") or None
        hint, found = "", _NOTHING
        try:
            wanted = filters.parse(line)
            if wanted.relay:
                return RedirectResponse(f"{LIST}/{wanted.relay}", 303)
            found = await self._desk.queries.find(wanted, limit=PER_PAGE, cursor=cursor)
        except FilterError as error:
            hint = str(error)
        return self._shell.page(
            visit,
            "relays.html",
            400 if hint else 200,
            nav="Relays",
            line=line,
            hint=hint,
            relays=found.relays,
            total=found.total,
            searched=found.searched,
            cut=found.next is not None and len(found.relays) < PER_PAGE,
            older=urlencode({"filter": line, "cursor": found.next}) if found.next else "",
            quick=_QUICK,
        )

    async def _act(self, visit: Visit) -> Response:
        """On those ticked, one by one: they are at most a page."""
        verb: Literal["retry", "discard"] = "discard" if visit.form.get("act") == "discard" else "retry"
        line, acts = visit.form.get("filter"), self._desk.acts
        done, refused = 0, dict[str, int]()
        for relay in visit.form.all("relay")[:PER_PAGE]:
            answer = await getattr(acts, verb)(relay, by=visit.by)
            if isinstance(answer, Refused):
                refused[answer.advice] = refused.get(answer.advice, 0) + 1
            else:
                done += 1
        said = f"{counted(done, 'relay')} {'discarded' if verb == 'discard' else 'on the way again'}."
        said += "".join(f" {n} left alone: {why}." for why, n in refused.items())
        to = f"{LIST}?{urlencode({'filter': line})}" if line else LIST
        return self._shell.back(visit, to, said, tone="wait" if refused else "good")

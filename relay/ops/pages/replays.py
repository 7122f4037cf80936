"""Many relays in one go: what would happen, the word to start, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from relay.journal.filter import Filter
from relay.journal.replays import Act
from relay.ops import filters
from relay.ops.core import Done, Refused
from relay.ops.desk import Desk
from relay.ops.filters import FilterError
from relay.ops.pages.doors import Door, Missing, act, look
from relay.ops.pages.shell import Shell, Visit
from relay.ops.pages.telling import Word, holds, shut

_LIST: Final = "/ops/replays"
_EVERYTHING: Final = "An empty filter is every relay there is. Say which are meant, such as status:dead."
_UNDER_WAY: Final = "on the way already"
_WHY: Final = {
    "delivered": "delivered already",
    "queued": _UNDER_WAY,
    "retrying": _UNDER_WAY,
    "held": "held until the destination is open again; they leave by themselves",
    "ignored": "ignored on purpose; only dead letters are acted on",
    "discarded": "discarded; only dead letters are acted on",
    "overtaken": "overtaken: something newer was told about the order, and this would undo it",
    "edited by a person": "edited by a person; mapping it again would drop that, so decide on its page",
    "nothing was read out of it": "nothing was read out of it that could be sent",
}


class ReplayPages:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        one = f"{_LIST}/{{replay}}"
        return [
            look(_LIST, self._list),
            act(_LIST, self._start),
            look(f"{_LIST}/new", self._plan),
            look(one, self._one),
            act(f"{one}/pause", self._pause),
            act(f"{one}/resume", self._resume),
            act(f"{one}/cancel", self._cancel),
        ]

    async def _list(self, visit: Visit) -> Response:
        return self._shell.page(
            visit, "replays.html", nav="Replays", replays=await self._desk.replays.newest()
        )

    async def _plan(self, visit: Visit) -> Response:
        line, what = visit.asked("filter").strip(), _act(visit.asked("act"))
        stale = bool(visit.asked("stale"))
        try:
            wanted = _wanted(line)
        except FilterError as error:
            return self._not_understood(visit, line, error)
        plan = await self._desk.replays.plan(wanted, act=what, stale=stale)
        otherwise = {"filter": line, "act": what, **({} if stale else {"stale": "on"})}
        return self._shell.page(
            visit,
            "plan.html",
            nav="Replays",
            line=line,
            plan=plan,
            skipped=_reasons(plan.skipped),
            stale=stale,
            otherwise=urlencode(otherwise),
            shut=await self._shut(plan.destinations),
            back=_back(wanted, line),
        )

    async def _start(self, visit: Visit) -> Response:
        line = visit.form.get("filter").strip()
        try:
            wanted = _wanted(line)
        except FilterError as error:
            return self._not_understood(visit, line, error)
        begun = await self._desk.replays.start(
            wanted,
            by=visit.by,
            line=line,
            act=_act(visit.form.get("act")),
            stale=visit.form.has("stale"),
        )
        return self._shell.back(visit, f"{_LIST}/{begun.id}", "It runs. You may leave this page.")

    async def _one(self, visit: Visit) -> Response:
        replay = await self._desk.replays.one(visit.path("replay"))
        if replay is None:
            raise Missing("such replay")
        return self._shell.page(
            visit,
            "replay.html",
            nav="Replays",
            replay=replay,
            done=replay.retried + replay.discarded,
            skipped=_reasons(replay.skipped),
            stats=await self._desk.overview.stats(),
            shut=() if replay.act == "discard" else await self._shut(),
        )

    async def _shut(self, only: Collection[str] | None = None) -> tuple[Word, ...]:
        """What holds relays that are sent again."""
        return tuple(
            shut(destination, pause)
            for destination in await self._desk.overview.destinations()
            if only is None or destination.name in only
            for pause in holds(destination)
        )

    async def _pause(self, visit: Visit) -> Response:
        answer = await self._desk.replays.pause(visit.path("replay"), by=visit.by)
        return self._changed(visit, answer, "Paused: nothing more is taken up until you let it go on.")

    async def _resume(self, visit: Visit) -> Response:
        answer = await self._desk.replays.resume(visit.path("replay"), by=visit.by)
        return self._changed(visit, answer, "It goes on where it was.")

    async def _cancel(self, visit: Visit) -> Response:
        answer = await self._desk.replays.cancel(visit.path("replay"), by=visit.by)
        return self._changed(visit, answer, "Cancelled: the others stay as they are.")

    def _changed(self, visit: Visit, answer: Done | Refused, note: str) -> Response:
        if isinstance(answer, Refused):
            if answer.missing:
                raise Missing("such replay")
            note = f"Not done: {answer.advice}."
        tone = "wait" if isinstance(answer, Refused) else "good"
        return self._shell.back(visit, f"{_LIST}/{visit.path('replay')}", note, tone=tone)

    def _not_understood(self, visit: Visit, line: str, error: FilterError) -> Response:
        return self._shell.page(visit, "unplanned.html", 400, nav="Replays", line=line, hint=str(error))


def _act(word: str) -> Act:
    return "discard" if word == "discard" else "retry"


def _wanted(line: str) -> Filter:
    """Raises FilterError, also where nothing is asked for: nobody means everything by nothing."""
    wanted = filters.parse(line)
    if not wanted.said:
        raise FilterError(_EVERYTHING)
    return wanted


def _back(wanted: Filter, line: str) -> str:
    """Where the plan was asked for."""
    if wanted.issue and wanted.said == {"issue"}:
        return f"/ops/issues/{wanted.issue}"
    return f"/ops/relays?{urlencode({'filter': line})}"


def _reasons(skipped: Mapping[str, int]) -> dict[str, int]:
    """In words for people, the most first."""
    told: dict[str, int] = {}
    for reason, count in skipped.items():
        words = _WHY.get(reason, reason)
        told[words] = told.get(words, 0) + count
    return dict(sorted(told.items(), key=lambda item: -item[1]))

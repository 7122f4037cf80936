"""Dead letters by what they have in common: try one, then the others."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from relay.journal.records import RelayDetail, Status
from relay.ops.core import Done, Refused
from relay.ops.desk import Desk
from relay.ops.models import IssueView
from relay.ops.pages.doors import Door, Missing, act, look
from relay.ops.pages.saying import counted
from relay.ops.pages.shell import Shell, Visit
from relay.ops.pages.telling import Word

_LIST: Final = "/ops/issues"
_PER_PAGE: Final = 30
_ON_THE_WAY: Final = (Status.QUEUED, Status.RETRYING, Status.HELD)


class IssuePages:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        one = f"{_LIST}/{{issue}}"
        return [
            look(_LIST, self._list),
            look(one, self._one),
            act(f"{one}/try", self._try),
            act(f"{one}/mute", self._mute),
            act(f"{one}/unmute", self._unmute),
        ]

    async def _list(self, visit: Visit) -> Response:
        try:
            page = await self._desk.queries.issues.page(limit=_PER_PAGE, cursor=visit.asked("cursor") or None)
        except ValueError as error:
            raise Missing("such page of issues") from error
        issues = [IssueView.of(issue) for issue in page.issues]
        return self._shell.page(
            visit, "issues.html", nav="Issues", issues=issues, total=page.total, older=page.next
        )

    async def _one(self, visit: Visit) -> Response:
        found = await self._desk.queries.issues.one(visit.path("issue"))
        if found is None:
            raise Missing("such issue; its dead letters may all have been delivered or discarded")
        issue = IssueView.of(found)
        trial = await self._desk.queries.detail(issue.trial) if issue.trial else None
        newest = await self._desk.queries.detail(issue.newest) if issue.newest else None
        return self._shell.page(
            visit,
            "issue.html",
            nav="Issues",
            issue=issue,
            trial=trial.relay if trial else None,
            newest=newest.relay if newest else None,
            word=advised(issue, trial),
            stale=visit.asked("say") == "stale",
        )

    async def _try(self, visit: Visit) -> Response:
        issue = visit.path("issue")
        done = await self._desk.acts.try_one(issue, by=visit.by, stale=visit.form.has("stale"))
        if isinstance(done, Refused):
            say = f"?say={done.word}" if done.word else ""
            return self._shell.back(visit, f"{_LIST}/{issue}{say}", f"Not done: {done.advice}.", tone="wait")
        return self._shell.back(visit, f"{_LIST}/{issue}", "One is on its way as a trial. The others wait.")

    async def _mute(self, visit: Visit) -> Response:
        done = await self._desk.acts.mute(visit.path("issue"), by=visit.by)
        return self._back(visit, done, "Muted: it raises no alert. Nothing else changes.")

    async def _unmute(self, visit: Visit) -> Response:
        done = await self._desk.acts.unmute(visit.path("issue"), by=visit.by)
        return self._back(visit, done, "It raises alerts again.")

    def _back(self, visit: Visit, done: Done | Refused, note: str) -> Response:
        if isinstance(done, Refused):
            return self._shell.back(visit, _LIST, f"Not done: {done.advice}.", tone="wait")
        return self._shell.back(visit, f"{_LIST}/{visit.path('issue')}", note)


def advised(issue: IssueView, trial: RelayDetail | None) -> Word:
    """Where one stands with an issue, and what to do next."""
    others = counted(issue.count, "relay")
    if not issue.count and (trial is None or trial.relay.status not in _ON_THE_WAY):
        more = "Its relays were sent again or discarded. What is refused once more comes back here."
        return Word("good", "None of it is dead any more", more)
    if trial is None:
        more = "Once its cause is mended, send one of them to see whether it goes. The others wait meanwhile."
        return Word("bad", f"{others} wait{'s' if issue.count == 1 else ''} for a person", more)
    match trial.relay.status:
        case Status.DELIVERED:
            return Word("good", f"The trial was delivered; {others} can follow", "")
        case Status.IGNORED:
            more = "It was ended on purpose, with nothing sent. The others may end likewise."
            return Word("wait", "The trial was ignored", more)
        case Status.DEAD:
            more = "The cause is not mended yet. Nothing else was sent."
            return Word("bad", "The trial was refused again", more)
        case Status.DISCARDED:
            return Word("bad", f"The trial was discarded; {others} still wait", "")
        case _:
            wait = " The others wait." if issue.count else ""
            return Word("wait", "The trial is on its way", f"This page tells what comes of it.{wait}")

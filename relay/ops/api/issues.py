"""The endpoints of issues."""

from __future__ import annotations

from relay.ops.api import asked
from relay.ops.api.endpoint import ACTOR, Call, Endpoint, acted
from relay.ops.api.problems import Declined
from relay.ops.desk import Desk
from relay.ops.models import Acted, IssueList, IssueView


class IssueEndpoints:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def endpoints(self) -> tuple[Endpoint, ...]:
        one = "/issues/{issue}"
        return (
            Endpoint(
                "GET", "/issues", "Dead letters by cause", self._list_issues, IssueList, query=asked.Paged
            ),
            Endpoint("GET", one, "One cause of dead letters", self._issue, IssueView),
            Endpoint(
                "POST",
                f"{one}/try",
                "Retries the newest dead letter of an issue",
                self._try,
                Acted,
                body=asked.TrialOrder,
                problems=(409,),
            ),
            Endpoint("POST", f"{one}/mute", "Raises no alert for it", self._mute, Acted),
            Endpoint("POST", f"{one}/unmute", "Raises alerts for it again", self._unmute, Acted),
        )

    async def _list_issues(self, call: Call) -> IssueList:
        try:
            page = await self._desk.queries.issues.page(limit=call.query.limit, cursor=call.query.cursor)
        except ValueError as error:
            raise Declined(400, str(error)) from None
        return IssueList(issues=[IssueView.of(i) for i in page.issues], next=page.next, total=page.total)

    async def _issue(self, call: Call) -> IssueView:
        issue = await self._desk.queries.issues.one(call.path["issue"])
        if issue is None:
            raise Declined(404, f"there is no issue {call.path['issue']}")
        return IssueView.of(issue)

    async def _try(self, call: Call) -> Acted:
        return acted(await self._desk.acts.try_one(call.path["issue"], by=ACTOR, stale=call.body.stale))

    async def _mute(self, call: Call) -> Acted:
        return acted(await self._desk.acts.mute(call.path["issue"], by=ACTOR), call.path["issue"])

    async def _unmute(self, call: Call) -> Acted:
        return acted(await self._desk.acts.unmute(call.path["issue"], by=ACTOR), call.path["issue"])

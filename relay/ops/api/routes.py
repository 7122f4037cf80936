"""Every endpoint of the JSON API, and what stands behind it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from relay.errors import JournalAway
from relay.ops.api import asked
from relay.ops.api.endpoint import Call, Endpoint
from relay.ops.api.openapi import description
from relay.ops.api.problems import Declined, FaultView, answer, problem
from relay.ops.core import Done, Invalid, Refused
from relay.ops.desk import Desk
from relay.ops.figures import DestinationList, SourceList, StatsView, StoreView, WorkerList
from relay.ops.filters import FilterError, from_words
from relay.ops.models import (
    Acted,
    ActList,
    ActView,
    IssueList,
    IssueView,
    RelayList,
    RelaySummary,
    RelayView,
)

PREFIX: Final = "/api/v1"
_ACTOR: Final = "api"
_CONFLICT: Final = (404, 409)


class Api:
    """`token` None closes it."""

    def __init__(self, desk: Desk, token: str | None) -> None:
        self._desk = desk
        self._token = token
        self._endpoints = (*self._relays(), *self._issues(), *self._figures())
        self._description = json.dumps(description(self._endpoints, PREFIX)).encode()

    def routes(self) -> list[Route]:
        described = Route(f"{PREFIX}/openapi.json", self._guarded(self._described), methods=["GET"])
        return [described, *(self._route(endpoint) for endpoint in self._endpoints)]

    def _route(self, endpoint: Endpoint) -> Route:
        return Route(f"{PREFIX}{endpoint.path}", self._guarded(endpoint), methods=[endpoint.method])

    def _guarded(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            refusal = self._refusal(request)
            if refusal:
                return problem(401, refusal, {"www-authenticate": "Bearer"})
            try:
                return await handler(request)
            except Declined as declined:
                return answer(declined.problem)
            except JournalAway:
                return problem(503, "Redis cannot answer now", {"retry-after": "5"})

        return guarded

    def _refusal(self, request: Request) -> str | None:
        if self._token is None:
            return "the API is closed: set RELAY_API_TOKEN"
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.encode(), self._token.encode()):
            return "send Authorization: Bearer RELAY_API_TOKEN"
        return None

    async def _described(self, _: Request) -> Response:
        return Response(self._description, media_type="application/json")

    # Relays ------------------------------------------------------------------------------------------

    def _relays(self) -> tuple[Endpoint, ...]:
        one = "/relays/{relay}"
        return (
            Endpoint(
                "GET", "/relays", "Relays, newest first", self._list, RelayList, query=asked.RelaysAsked
            ),
            Endpoint("GET", one, "All of a relay", self._show, RelayView),
            Endpoint(
                "POST",
                f"{one}/retry",
                "Runs a relay again",
                self._retry,
                Acted,
                body=asked.RetryOrder,
                problems=_CONFLICT,
            ),
            Endpoint(
                "POST", f"{one}/discard", "Ends a relay unsent", self._discard, Acted, problems=_CONFLICT
            ),
            Endpoint(
                "POST", f"{one}/restore", "Takes a discard back", self._restore, Acted, problems=_CONFLICT
            ),
            Endpoint(
                "PUT",
                f"{one}/event",
                "Replaces an event by one that was written by hand, and delivers it",
                self._edit,
                Acted,
                body=asked.EditOrder,
                problems=_CONFLICT,
            ),
        )

    async def _list(self, call: Call) -> RelayList:
        query: asked.RelaysAsked = call.query
        try:
            wanted = from_words(query.words())
        except FilterError as error:
            raise Declined(400, str(error)) from None
        page = await self._desk.queries.find(wanted, limit=query.limit, cursor=query.cursor)
        relays = [RelaySummary.of(relay) for relay in page.relays]
        return RelayList(relays=relays, next=page.next, total=page.total, searched=page.searched)

    async def _show(self, call: Call) -> RelayView:
        relay = call.path["relay"]
        detail = await self._desk.queries.detail(relay)
        if detail is None:
            raise Declined(404, f"there is no relay {relay}")
        return RelayView.of(detail)

    async def _retry(self, call: Call) -> Acted:
        order: asked.RetryOrder = call.body
        return _acted(
            await self._desk.acts.retry(call.path["relay"], by=_ACTOR, **order.model_dump()),
            call.path["relay"],
        )

    async def _discard(self, call: Call) -> Acted:
        return _acted(await self._desk.acts.discard(call.path["relay"], by=_ACTOR))

    async def _restore(self, call: Call) -> Acted:
        return _acted(await self._desk.acts.restore(call.path["relay"], by=_ACTOR))

    async def _edit(self, call: Call) -> Acted:
        order: asked.EditOrder = call.body
        done = await self._desk.acts.edit(call.path["relay"], by=_ACTOR, **order.model_dump())
        if isinstance(done, Invalid):
            faults = [FaultView(field=fault.field, message=fault.message) for fault in done.faults]
            raise Declined(422, "that is no event; see faults", faults=faults)
        return _acted(done)

    # Issues ------------------------------------------------------------------------------------------

    def _issues(self) -> tuple[Endpoint, ...]:
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
                problems=_CONFLICT,
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
        return _acted(await self._desk.acts.try_one(call.path["issue"], by=_ACTOR, stale=call.body.stale))

    async def _mute(self, call: Call) -> Acted:
        return _acted(await self._desk.acts.mute(call.path["issue"], by=_ACTOR), call.path["issue"])

    async def _unmute(self, call: Call) -> Acted:
        return _acted(await self._desk.acts.unmute(call.path["issue"], by=_ACTOR), call.path["issue"])

    # Figures -----------------------------------------------------------------------------------------

    def _figures(self) -> tuple[Endpoint, ...]:
        one = "/destinations/{destination}"
        return (
            Endpoint("GET", "/stats", "The sum, and what each hour brought", self._stats, StatsView),
            Endpoint("GET", "/sources", "Who sends", self._sources, SourceList),
            Endpoint("GET", "/destinations", "Where it goes", self._destinations, DestinationList),
            Endpoint(
                "POST",
                f"{one}/pause",
                "Sends nothing there until a person resumes it",
                self._pause,
                Acted,
                body=asked.PauseOrder,
                problems=_CONFLICT,
            ),
            Endpoint(
                "POST",
                f"{one}/resume",
                "Ends a pause",
                self._resume,
                Acted,
                body=asked.ResumeOrder,
                problems=_CONFLICT,
            ),
            Endpoint("GET", "/workers", "Workers that are alive", self._workers, WorkerList),
            Endpoint("GET", "/store", "How Redis and the spool are", self._store, StoreView),
            Endpoint(
                "GET", "/activity", "Who did what, newest first", self._activity, ActList, query=asked.Paged
            ),
        )

    async def _stats(self, _: Call) -> StatsView:
        return await self._desk.overview.stats()

    async def _sources(self, _: Call) -> SourceList:
        return SourceList(sources=await self._desk.overview.sources())

    async def _destinations(self, _: Call) -> DestinationList:
        return DestinationList(destinations=await self._desk.overview.destinations())

    async def _pause(self, call: Call) -> Acted:
        name, order = call.path["destination"], call.body
        done = await self._desk.acts.pause(name, by=_ACTOR, endpoint=order.endpoint, reason=order.reason)
        return _acted(done, name)

    async def _resume(self, call: Call) -> Acted:
        name = call.path["destination"]
        return _acted(await self._desk.acts.resume(name, by=_ACTOR, endpoint=call.body.endpoint), name)

    async def _workers(self, _: Call) -> WorkerList:
        return WorkerList(workers=await self._desk.overview.workers())

    async def _store(self, _: Call) -> StoreView:
        return await self._desk.overview.store()

    async def _activity(self, call: Call) -> ActList:
        page = await self._desk.activity.page(limit=call.query.limit, cursor=call.query.cursor)
        return ActList(acts=[ActView.of(act) for act in page.acts], next=page.next)


def _acted(done: Done | Refused, on: str = "") -> Acted:
    if isinstance(done, Refused):
        raise Declined(404 if done.missing else 409, done.advice, say=done.word)
    return Acted(id=on or done.relay, status=done.status)

"""Who may ask, and what is answered where something goes wrong."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from relay.errors import JournalAway
from relay.ops.api.endpoint import Endpoint
from relay.ops.api.figures import FigureEndpoints
from relay.ops.api.issues import IssueEndpoints
from relay.ops.api.openapi import description
from relay.ops.api.problems import Declined, answer, problem
from relay.ops.api.relays import RelayEndpoints
from relay.ops.api.replays import ReplayEndpoints
from relay.ops.desk import Desk

PREFIX: Final = "/api/v1"
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""People's data is nothing to keep on the way, and nothing to be taken for a page."""


class Api:
    """`token` None closes it."""

    def __init__(self, desk: Desk, token: str | None) -> None:
        self._token = token
        parts = (RelayEndpoints(desk), ReplayEndpoints(desk), IssueEndpoints(desk), FigureEndpoints(desk))
        self._endpoints = tuple(endpoint for part in parts for endpoint in part.endpoints())
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
            response = await answered(request)
            response.headers.update(_HEADERS)
            return response

        async def answered(request: Request) -> Response:
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

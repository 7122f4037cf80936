"""The JSON API, version 1. Errors are RFC 9457 problem details."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from relay.errors import JournalAway
from relay.journal.queries import Queries
from relay.ops.core import Done, Operations, Refused, Stage, detail_to_plain, relay_to_plain
from relay.ops.filters import from_words

PREFIX: Final = "/api/v1"
_MOST: Final = 500
_ACTOR: Final = "api"

Handler = Callable[[Request], Awaitable[Response]]


class RetryOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    stage: Stage | None = None
    force: bool = False
    stale: bool = False


class Api:
    """`token` None closes it."""

    def __init__(self, operations: Operations, queries: Queries, token: str | None) -> None:
        self._operations = operations
        self._queries = queries
        self._token = token

    def routes(self) -> list[Route]:
        return [
            Route(f"{PREFIX}/relays", self._guarded(self._relays), methods=["GET"]),
            Route(f"{PREFIX}/relays/{{relay}}", self._guarded(self._relay), methods=["GET"]),
            Route(f"{PREFIX}/relays/{{relay}}/retry", self._guarded(self._retry), methods=["POST"]),
            Route(f"{PREFIX}/relays/{{relay}}/discard", self._guarded(self._discard), methods=["POST"]),
            Route(f"{PREFIX}/relays/{{relay}}/restore", self._guarded(self._restore), methods=["POST"]),
            Route(f"{PREFIX}/stats", self._guarded(self._stats), methods=["GET"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if self._token is None:
                return problem(401, "the API is closed: set RELAY_API_TOKEN")
            scheme, _, shown = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(shown.encode(), self._token.encode()):
                return problem(401, "send Authorization: Bearer RELAY_API_TOKEN")
            try:
                return await handler(request)
            except JournalAway:
                return problem(503, "Redis cannot answer now", {"retry-after": "5"})

        return guarded

    async def _relays(self, request: Request) -> Response:
        try:
            params = {k: v for k, v in request.query_params.items() if k not in ("limit", "cursor")}
            wanted = from_words(params)
            limit = _limit(request.query_params.get("limit", "50"))
        except ValueError as error:
            return problem(400, str(error))
        page = await self._queries.find(wanted, limit=limit, cursor=request.query_params.get("cursor"))
        relays = [relay_to_plain(relay) for relay in page.relays]
        return JSONResponse({"relays": relays, "next": page.next, "total": page.total})

    async def _relay(self, request: Request) -> Response:
        detail = await self._queries.detail(request.path_params["relay"])
        if detail is None:
            return problem(404, f"there is no relay {request.path_params['relay']}")
        return JSONResponse(detail_to_plain(detail))

    async def _retry(self, request: Request) -> Response:
        try:
            order = RetryOrder.model_validate_json(await request.body() or b"{}")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return problem(400, f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}")
        relay = request.path_params["relay"]
        done = await self._operations.retry(
            relay, by=_ACTOR, stage=order.stage, force=order.force, stale=order.stale
        )
        return _acted(relay, done)

    async def _discard(self, request: Request) -> Response:
        relay = request.path_params["relay"]
        return _acted(relay, await self._operations.discard(relay, by=_ACTOR))

    async def _restore(self, request: Request) -> Response:
        relay = request.path_params["relay"]
        return _acted(relay, await self._operations.restore(relay, by=_ACTOR))

    async def _stats(self, _: Request) -> Response:
        return JSONResponse(await self._operations.stats())


def _acted(relay: str, done: Done | Refused) -> Response:
    if isinstance(done, Refused):
        return problem(404 if done.missing else 409, done.advice)
    return JSONResponse({"id": relay, "status": done.status})


def _limit(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text[:6]) <= _MOST:
        raise ValueError(f"limit is {text[:12]!r}; expected 1 to {_MOST}")
    return int(text)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """RFC 9457."""
    content = json.dumps({"type": "about:blank", "status": status, "detail": detail})
    return Response(content, status, headers, media_type="application/problem+json")


async def http_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return problem(500, "an error of ours; see the log")
    return problem(error.status_code, error.detail, dict(error.headers or {}))

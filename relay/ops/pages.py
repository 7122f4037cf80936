"""The pages of /ops/: plain HTML, no script, nothing from elsewhere. Data of people are masked."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from relay.errors import JournalAway
from relay.journal.queries import Queries
from relay.journal.records import Status
from relay.ops.access import may_look
from relay.ops.core import Operations, detail_to_plain, relay_to_plain
from relay.ops.filters import FilterError, from_words

_HERE: Final = Path(__file__).parent
_PER_PAGE: Final = 50
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_PERSONAL: Final = frozenset(
    {"email", "first_name", "last_name", "firstName", "lastName", "external_id", "externalId"}
)


class Pages:
    def __init__(self, operations: Operations, queries: Queries, password: str | None) -> None:
        self._operations = operations
        self._queries = queries
        self._password = password
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(default=True),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self) -> list[Route]:
        return [
            Route("/", self._home, methods=["GET"]),
            Route("/ops", self._home, methods=["GET"]),
            Route("/ops/", self._guarded(self._relays), methods=["GET"]),
            Route("/ops/relays/{relay}", self._guarded(self._relay), methods=["GET"]),
            Route("/ops/static/ops.css", self._style, methods=["GET"]),
        ]

    async def _home(self, _: Request) -> Response:
        return RedirectResponse("/ops/")

    async def _style(self, _: Request) -> Response:
        return FileResponse(_HERE / "static" / "ops.css", headers={"cache-control": "max-age=300"})

    def _guarded(
        self, page: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if not may_look(request, self._password):
                return self._closed()
            try:
                return await page(request)
            except JournalAway:
                return self._page("away.html", 503)

        return guarded

    def _closed(self) -> Response:
        if self._password is None:
            return self._page("closed.html", 403)
        response = self._page("closed.html", 401)
        response.headers["www-authenticate"] = 'Basic realm="relay", charset="UTF-8"'
        return response

    async def _relays(self, request: Request) -> Response:
        params = {key: value for key, value in request.query_params.items() if value}
        hint = ""
        try:
            wanted = from_words({key: value for key, value in params.items() if key != "cursor"})
        except FilterError as error:
            hint, wanted = str(error), from_words({})
        found = await self._queries.find(wanted, limit=_PER_PAGE, cursor=params.get("cursor"))
        return self._page(
            "relays.html",
            relays=[relay_to_plain(relay) for relay in found.relays],
            next=found.next,
            total=found.total,
            searched=found.searched,
            stats=await self._operations.stats(),
            pauses=await self._queries.pauses(),
            statuses=list(Status),
            params=params,
            hint=hint,
        )

    async def _relay(self, request: Request) -> Response:
        detail = await self._queries.detail(request.path_params["relay"])
        if detail is None:
            return self._page("missing.html", 404, relay=request.path_params["relay"])
        plain = detail_to_plain(detail)
        events = json.dumps(masked(plain["normalised"]), indent=2, ensure_ascii=False)
        calls = [
            {**a, "body": json.dumps(masked(a["body"]), indent=2, ensure_ascii=False)} for a in plain["tries"]
        ]
        return self._page("relay.html", relay=plain, events=events, calls=calls)

    def _page(self, name: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        html = self._templates.get_template(name).render(**values)
        return HTMLResponse(html, status, _HEADERS)


def masked(value: Any) -> Any:
    """`value` with what tells who a person is reduced to its first letter."""
    if isinstance(value, Mapping):
        return {key: _mask(v) if key in _PERSONAL else masked(v) for key, v in value.items()}
    if isinstance(value, list):
        return [masked(child) for child in value]
    return value


def _mask(value: Any) -> str:
    text = str(value)
    name, at, domain = text.partition("@")
    return f"{name[:1]}•••@{domain[:1]}•••" if at else f"{text[:1]}•••"

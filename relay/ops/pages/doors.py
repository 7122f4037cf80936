"""Every page and every act has a door, and every door asks the same questions in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from relay.errors import JournalAway
from relay.journal.activity import without_addresses
from relay.log import broken
from relay.ops.access import Access, Role
from relay.ops.pages import forms
from relay.ops.pages.shell import Shell, Visit

log: Final = structlog.get_logger()
Handler = Callable[[Visit], Awaitable[Response]]
SIGN_IN: Final = "/ops/sign-in"
PATIENCE: Final = 10.0
"""Seconds until Redis counts as away for a page: where it hangs, each question waits for all before it."""


@dataclass(frozen=True, slots=True)
class Door:
    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    role: Role


def look(path: str, handler: Handler, role: Role = Role.VIEWER) -> Door:
    return Door("GET", path, handler, role)


def act(path: str, handler: Handler, role: Role = Role.OPERATOR) -> Door:
    return Door("POST", path, handler, role)


class Missing(Exception):
    """There is no such thing; the message says what was looked for."""


def tell_broken(path: str, error: Exception) -> None:
    log.error("pages.broken", path=path, **broken(error))


class Guard:
    def __init__(self, access: Access, shell: Shell, patience: float = PATIENCE) -> None:
        self._access = access
        self._patience = patience
        self._shell = shell

    def route(self, door: Door) -> Route:
        async def guarded(request: Request) -> Response:
            return await self._through(door, request)

        return Route(door.path, guarded, methods=[door.method])

    async def _through(self, door: Door, request: Request) -> Response:
        visitor = await self._access.visitor(request)
        if visitor is None:
            return self._stranger(request)
        visit = Visit(request, visitor)
        if door.method == "POST":
            try:
                visit = Visit(request, visitor, await forms.read(request))
            except forms.NoForm:
                return self._refused(visit, "This form could not be read.", 400)
            shown = visit.form.get("token")
            if not (self._access.same_origin(request) and self._access.token_fits(visitor, shown)):
                log.warning("pages.foreign_form", path=door.path, by=without_addresses(visitor.name))
                return self._refused(
                    visit,
                    "This form was not sent from these pages, so nothing was done. Open the page again.",
                )
        if not visitor.may(door.role):
            return self._refused(visit, f"Your role is {visitor.role}; this takes {door.role}.")
        response = await self._handled(door, visit)
        if door.method == "GET":  # an act may have ended the session
            self._access.renew(request, response, visitor)
        return response

    async def _handled(self, door: Door, visit: Visit) -> Response:
        try:
            async with asyncio.timeout(self._patience):
                return await door.handler(visit)
        except (JournalAway, TimeoutError):
            return self._shell.page(visit, "away.html", 503, nav="", acted=door.method == "POST")
        except Missing as missing:
            return self._shell.page(visit, "missing.html", 404, nav="", what=str(missing))
        except Exception as error:  # noqa: BLE001 - its message and frames may hold a person's data
            tell_broken(door.path, error)
            return self._shell.page(visit, "broken.html", 500, nav="")

    def _refused(self, visit: Visit, why: str, status: int = 403) -> Response:
        return self._shell.page(visit, "refused.html", status, nav="", why=why)

    def _stranger(self, request: Request) -> Response:
        if not self._access.signs_in:
            return self._shell.bare("closed.html", 403)
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        wanted = f"?next={quote(asked)}" if request.method == "GET" and asked != "/ops/" else ""
        return RedirectResponse(f"{SIGN_IN}{wanted}", 303)

"""Signing in and out."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from relay.errors import JournalAway
from relay.journal.activity import without_addresses
from relay.ops.access import Access, Closed, Role, Visitor
from relay.ops.access.people import THE_ADMIN
from relay.ops.desk import Desk
from relay.ops.pages import forms
from relay.ops.pages.doors import SIGN_IN, Door, act
from relay.ops.pages.shell import Shell, Visit

log: Final = structlog.get_logger()
_HOME: Final = "/ops/"
_NOBODY: Final = Visitor("", Role.VIEWER, "nobody yet")


class SignIn:
    def __init__(self, shell: Shell, access: Access, desk: Desk) -> None:
        self._shell = shell
        self._access = access
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route(SIGN_IN, self._show, methods=["GET"]),
            Route(SIGN_IN, self._sign_in, methods=["POST"]),
        ]

    def doors(self) -> list[Door]:
        return [act("/ops/sign-out", self._sign_out, Role.VIEWER)]

    async def _show(self, request: Request) -> Response:
        wanted = _ours(request.query_params.get("next", ""))
        if not self._access.signs_in or await self._access.visitor(request):
            return RedirectResponse(wanted, 303)
        return self._form(wanted)

    async def _sign_in(self, request: Request) -> Response:
        try:
            form = await forms.read(request)
        except forms.NoForm:
            return self._form(_HOME, "This form could not be read.", 400)
        wanted = _ours(form.get("next"))
        if not self._access.signs_in:
            return RedirectResponse(_HOME, 303)
        ours = self._access.same_origin(request) and self._access.token_fits(_NOBODY, form.get("token"))
        if not ours:
            return self._form(wanted, "This form was not sent from this page. Try again.", 403)
        name = form.get("name").strip() if self._access.people.by_name else THE_ADMIN
        try:
            person = await self._access.sign_in(request, name[:64], form.get("password")[:1000])
        except Closed as closed:
            minutes = math.ceil(closed.wait / 60)
            if not closed.told:  # anybody can go on trying, and the activity is not endless
                await self._note(name, "was kept from signing in", "too many wrong passwords")
            said = f"Too many wrong passwords. Try again in {minutes} min."
            response = self._form(wanted, said, 429, name)
            response.headers["retry-after"] = str(math.ceil(closed.wait))
            return response
        if person is None:
            await self._note(name, "failed to sign in")
            wrong = "name or password" if self._access.people.by_name else "password"
            return self._form(wanted, f"The {wrong} is wrong.", 401, name)
        response = RedirectResponse(wanted, 303)
        self._access.open_session(request, response, person)
        await self._note(person.name, "signed in")
        return response

    async def _sign_out(self, visit: Visit) -> Response:
        await self._note(visit.by, "signed out")
        response = RedirectResponse(SIGN_IN, 303)
        await self._access.close_session(response, visit.visitor)
        return response

    async def _note(self, name: str, what: str, detail: str = "") -> None:
        """Who comes and goes while Redis is away is in the log alone.

        A name that nobody has is not written down: people type passwords there.
        """
        by = name if self._access.people.find(name) else "a stranger"
        log.info("pages.sign_in", by=without_addresses(by), what=what)
        with suppress(JournalAway):
            await self._desk.activity.note(by, what, detail=detail)

    def _form(self, wanted: str, wrong: str = "", status: int = 200, name: str = "") -> Response:
        return self._shell.bare(
            "signin.html",
            status,
            wanted=wanted,
            wrong=wrong,
            name=name,
            by_name=self._access.people.by_name,
            token=self._access.form_token(_NOBODY),
        )


def _ours(path: str) -> str:
    """A page of these, and nowhere else: `next` is anybody's to write."""
    fits = path.startswith("/ops/") and path.isprintable() and "\\" not in path and ".." not in path
    return path if fits else _HOME

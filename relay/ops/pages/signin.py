"""Signing in with a password, and signing out."""

from __future__ import annotations

import math
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from relay.ops.access import Closed, Role
from relay.ops.access.oidc import ProviderAway, ProviderRefused
from relay.ops.access.people import THE_ADMIN
from relay.ops.pages import forms
from relay.ops.pages.doors import SIGN_IN, Door, act
from relay.ops.pages.gate import HOME, NOBODY, STRANGER, Gate, ours
from relay.ops.pages.shell import Visit


class SignIn:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._access = gate.access

    def routes(self) -> list[Route]:
        return [
            Route(SIGN_IN, self._show, methods=["GET"]),
            Route(SIGN_IN, self._sign_in, methods=["POST"]),
        ]

    def doors(self) -> list[Door]:
        return [act("/ops/sign-out", self._sign_out, Role.VIEWER)]

    async def _show(self, request: Request) -> Response:
        wanted = ours(request.query_params.get("next", ""))
        if not self._access.signs_in or await self._access.visitor(request):
            return RedirectResponse(wanted, 303)
        leave = await self._leave() if "left" in request.query_params else ""
        return self._gate.page(wanted, leave=leave)

    async def _leave(self) -> str:
        """Where one signs out of the provider, as far as that can be told now."""
        with suppress(ProviderAway, ProviderRefused):
            return (self._access.flow and await self._access.flow.provider.leave()) or ""
        return ""

    async def _sign_in(self, request: Request) -> Response:
        try:
            form = await forms.read(request)
        except forms.NoForm:
            return self._gate.page(HOME, "This form could not be read.", 400)
        wanted = ours(form.get("next"))
        if not self._access.people.any:
            return RedirectResponse(HOME, 303)
        if not (self._access.same_origin(request) and self._access.token_fits(NOBODY, form.get("token"))):
            return self._gate.page(wanted, "This form was not sent from this page. Try again.", 403)
        name = form.get("name").strip() if self._access.people.by_name else THE_ADMIN
        try:
            person = await self._access.sign_in(request, name[:64], form.get("password")[:1000])
        except Closed as closed:
            return await self._closed(closed, wanted, name)
        if person is None:
            await self._gate.note(self._known(name), "failed to sign in")
            wrong = "name or password" if self._access.people.by_name else "password"
            return self._gate.page(wanted, f"The {wrong} is wrong.", 401, name=name)
        response = RedirectResponse(wanted, 303)
        self._access.open_session(request, response, person)
        await self._gate.note(person.name, "signed in")
        return response

    async def _closed(self, closed: Closed, wanted: str, name: str) -> Response:
        if not closed.told:  # anybody can go on trying, and the activity is not endless
            await self._gate.note(self._known(name), "was kept from signing in", "too many wrong passwords")
        said = f"Too many wrong passwords. Try again in {math.ceil(closed.wait / 60)} min."
        response = self._gate.page(wanted, said, 429, name=name)
        response.headers["retry-after"] = str(math.ceil(closed.wait))
        return response

    def _known(self, name: str) -> str:
        """A name that nobody has is not written down: people type passwords there."""
        return name if self._access.people.find(name) else STRANGER

    async def _sign_out(self, visit: Visit) -> Response:
        await self._gate.note(visit.by, "signed out")
        session = visit.visitor.session
        response = RedirectResponse(f"{SIGN_IN}?left=1" if session and session.role else SIGN_IN, 303)
        await self._access.close_session(response, visit.visitor)
        return response

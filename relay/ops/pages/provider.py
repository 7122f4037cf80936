"""Signing in with a provider: to it, and back. By links: our policy lets no form lead to another site."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from relay.ops.access.oidc import Declined, Flow, ProviderAway, ProviderRefused, Shown, Stale
from relay.ops.access.oidc.provider import BACK
from relay.ops.access.sessions import BEGUN
from relay.ops.pages.doors import tell_broken
from relay.ops.pages.gate import BY_PROVIDER, HOME, STRANGER, Gate, ours

log: Final = structlog.get_logger()
_COOKIE: Final = "relay_begun"
_MOST_WORDS: Final = 30


class ByProvider:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._access = gate.access

    def routes(self) -> list[Route]:
        flow = self._access.flow
        if flow is None:
            return []

        async def begin(request: Request) -> Response:
            return await self._begin(flow, request)

        async def finish(request: Request) -> Response:
            return await self._finish(flow, request)

        return [Route(BY_PROVIDER, begin, methods=["GET"]), Route(BACK, finish, methods=["GET"])]

    async def _begin(self, flow: Flow, request: Request) -> Response:
        wanted = ours(request.query_params.get("next", ""))
        another = "another" in request.query_params
        if not another and await self._access.visitor(request):
            return RedirectResponse(wanted, 303)
        try:
            url, cookie = await flow.begin(wanted, another=another)
        except (ProviderAway, ProviderRefused) as error:
            return self._failed(flow, error, wanted)
        response = RedirectResponse(url, 303, {"cache-control": "no-store"})
        response.set_cookie(
            _COOKIE,
            cookie,
            max_age=int(BEGUN.total_seconds()),
            path=BY_PROVIDER,
            secure=self._access.secure(request),
            httponly=True,
            samesite="lax",  # strict would keep it back when the provider leads here
        )
        return response

    async def _finish(self, flow: Flow, request: Request) -> Response:
        try:
            response = await self._came_back(flow, request)
        except Exception as error:  # noqa: BLE001 - its message and frames may hold tokens
            tell_broken(BACK, error)
            response = self._gate.page(HOME, "This sign-in failed; the log says where. Begin again.", 500)
        response.delete_cookie(_COOKIE, path=BY_PROVIDER, httponly=True, samesite="lax")
        return response

    async def _came_back(self, flow: Flow, request: Request) -> Response:
        name = flow.provider.name
        try:
            shown, wanted = await flow.finish(request.cookies.get(_COOKIE, ""), request.query_params)
        except Stale:
            said = (
                f"This sign-in was begun by another browser, more than {BEGUN.seconds // 60} minutes ago, "
                f"or is over already. Begin again, at {flow.provider.site}/ops/."
            )
            return self._gate.page(HOME, said, 400)
        except Declined as declined:
            log.warning("oidc.declined", word=str(declined))
            return self._gate.page(HOME, f"{name} did not let you in: {declined}.", 403)
        except (ProviderAway, ProviderRefused) as error:
            return self._failed(flow, error, HOME)
        return await self._let_in(flow, request, shown, wanted)

    async def _let_in(self, flow: Flow, request: Request, shown: Shown, wanted: str) -> Response:
        if shown.person is None:
            if await flow.is_news(shown):
                await self._gate.note(STRANGER, "was refused", f"{flow.provider.name} gives them no role")
            return self._gate.shell.bare(
                "roleless.html",
                403,
                shown=shown,
                words=shown.words[:_MOST_WORDS],
                more=len(shown.words[_MOST_WORDS:]),
                grants=flow.provider.grants,
                provider=flow.provider.name,
                another=f"{BY_PROVIDER}?another=1",
            )
        response = RedirectResponse(wanted, 303, {"cache-control": "no-store"})
        self._access.open_session(request, response, shown.person, vouched=True)
        await self._gate.note(shown.name, "signed in", f"as {shown.person.role}; subject {shown.subject}")
        return response

    def _failed(self, flow: Flow, error: ProviderAway | ProviderRefused, wanted: str) -> Response:
        name = flow.provider.name
        if isinstance(error, ProviderAway):
            log.warning("oidc.away", why=str(error))
            return self._gate.page(wanted, f"{name} cannot be reached now. Try again in a moment.", 503)
        log.error("oidc.refused", why=str(error), advice="see [ops.oidc] of relay.toml; try `relay check`")
        said = f"{name} answered, but it cannot be taken: {error}. Whoever runs this relay has to look at it."
        return self._gate.page(wanted, said, 502)

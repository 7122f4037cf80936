"""The pages of /ops/: plain HTML that works without a script, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from relay.compose.policy import Policy
from relay.ops.access import Access
from relay.ops.desk import Desk
from relay.ops.pages.activity import ActivityPage
from relay.ops.pages.destinations import DestinationPages
from relay.ops.pages.doors import Guard, Missing, look
from relay.ops.pages.edit import EditPage
from relay.ops.pages.gate import Gate
from relay.ops.pages.issues import IssuePages
from relay.ops.pages.overview import OverviewPage
from relay.ops.pages.provider import ByProvider
from relay.ops.pages.relay import Capture, RelayPage
from relay.ops.pages.relays import RelayList
from relay.ops.pages.replays import ReplayPages
from relay.ops.pages.shell import Shell, Visit
from relay.ops.pages.signin import SignIn
from relay.ops.pages.sources import SourcePages
from relay.receive.intake import Recorder
from relay.receive.sources import Source


class Pages:
    """`recorder` takes the tests that the sources' page sends, `capture` makes fixtures of postbacks."""

    def __init__(
        self,
        desk: Desk,
        access: Access,
        sources: Mapping[str, Source],
        policies: Mapping[str, Policy],
        recorder: Recorder,
        capture: Capture,
    ) -> None:
        self._shell = Shell(access)
        self._guard = Guard(access, self._shell)
        gate = Gate(self._shell, access, desk)
        self._sign_in = SignIn(gate)
        self._by_provider = ByProvider(gate)
        self._parts = (
            OverviewPage(self._shell, desk),
            IssuePages(self._shell, desk),
            RelayList(self._shell, desk),
            RelayPage(self._shell, desk, capture),
            EditPage(self._shell, desk),
            ReplayPages(self._shell, desk),
            SourcePages(self._shell, access, desk, sources, policies, recorder),
            DestinationPages(self._shell, desk),
            ActivityPage(self._shell, desk),
            self._sign_in,
        )

    def routes(self) -> list[Route]:
        return [
            Route("/", _home, methods=["GET"]),
            Route("/ops", _home, methods=["GET"]),
            Route("/ops/static/{name}", self._static, methods=["GET"]),
            *self._sign_in.routes(),
            *self._by_provider.routes(),
            *(self._guard.route(door) for part in self._parts for door in part.doors()),
            self._guard.route(look("/ops/{elsewhere:path}", _elsewhere)),
        ]

    async def _static(self, request: Request) -> Response:
        return self._shell.static(request.path_params["name"])


async def _home(_: Request) -> Response:
    return RedirectResponse("/ops/")


async def _elsewhere(visit: Visit) -> Response:
    """People type addresses, and come back to those of acts, which only forms lead to."""
    path = visit.request.url.path
    if path.endswith("/"):
        return RedirectResponse(path.rstrip("/"))
    raise Missing("such page")

"""What all ways of signing in share: the page, what is written down, and where they lead."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final
from urllib.parse import quote, unquote

import structlog
from starlette.responses import Response

from relay.errors import JournalAway
from relay.journal.activity import without_addresses
from relay.ops.access import Access, Role, Visitor
from relay.ops.desk import Desk
from relay.ops.pages.doors import SIGN_IN
from relay.ops.pages.shell import Shell

log: Final = structlog.get_logger()
HOME: Final = "/ops/"
BY_PROVIDER: Final = f"{SIGN_IN}/oidc"
NOBODY: Final = Visitor("", Role.VIEWER, "nobody yet")
STRANGER: Final = "a stranger"
_PATIENCE: Final = 2.0
"""Seconds that somebody who comes or goes waits for it to be written down."""


class Gate:
    def __init__(self, shell: Shell, access: Access, desk: Desk) -> None:
        self.shell = shell
        self.access = access
        self._desk = desk

    def page(
        self, wanted: str, wrong: str = "", status: int = 200, *, name: str = "", leave: str = ""
    ) -> Response:
        """`leave` is where one signs out of the provider, for whoever has just signed out here."""
        people, flow = self.access.people, self.access.flow
        return self.shell.bare(
            "signin.html",
            status,
            wanted=wanted,
            wrong=wrong,
            name=name,
            leave=leave,
            provider=flow.provider.name if flow else "",
            way=BY_PROVIDER if wanted == HOME else f"{BY_PROVIDER}?next={quote(wanted)}",
            by_password=people.with_passwords or flow is None,
            by_name=people.by_name,
            token=self.access.form_token(NOBODY),
        )

    async def note(self, by: str, what: str, detail: str = "") -> None:
        """Who comes and goes while Redis is away is in the log alone."""
        log.info("pages.sign_in", by=without_addresses(by), what=what)
        with suppress(JournalAway, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._desk.activity.note(by, what, detail=detail)


def ours(path: str) -> str:
    """A page of these, and nowhere else: `next` is anybody's to write."""
    plain = unquote(path)
    fits = (
        path.startswith(HOME)
        and path.isprintable()
        and not path.startswith("/ops/sign-")
        and "\\" not in plain
        and ".." not in plain
    )
    return path if fits else HOME

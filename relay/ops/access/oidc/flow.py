"""The way to the provider and back: each is gone once, by the browser that set out."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Final

from relay.ops.access.memory import Memory
from relay.ops.access.oidc.provider import Provider, Shown
from relay.ops.access.sessions import BEGUN, Signer
from relay.ops.access.throttle import WINDOW

_WORD: Final = re.compile(r"[a-z_]{1,40}")


class Stale(Exception):
    """Whoever comes back did not set out from this browser, did so too long ago, or has been back before."""


class Declined(Exception):
    """The provider let the person go without a code. `str()` is its word for why."""


class Flow:
    def __init__(self, provider: Provider, signer: Signer, memory: Memory) -> None:
        self.provider = provider
        self._signer = signer
        self._memory = memory

    async def begin(self, wanted: str, *, another: bool = False) -> tuple[str, str]:
        """Where to go, and a cookie to come back with. Raises ProviderAway, ProviderRefused."""
        cookie, begun = self._signer.begin(wanted)
        return await self.provider.way(begun, another=another), cookie

    async def finish(self, cookie: str, query: Mapping[str, str]) -> tuple[Shown, str]:
        """Who came back, and the page they wanted. Raises Stale, Declined, ProviderAway, ProviderRefused."""
        begun = self._signer.begun(cookie)
        if begun is None or not hmac.compare_digest(begun.state.encode(), query.get("state", "").encode()):
            raise Stale
        if not await self._memory.first(f"back:{begun.mark}", BEGUN):
            raise Stale
        if "code" not in query:
            word = query.get("error", "")
            raise Declined(word if _WORD.fullmatch(word) else "no reason given")
        return await self.provider.shown(query["code"], begun, query.get("iss")), begun.wanted

    async def is_news(self, shown: Shown) -> bool:
        """Whether this person was not refused just before: they may try as often as they like."""
        return await self._memory.first(self._signer.digest(f"refused:{shown.subject}"), WINDOW)

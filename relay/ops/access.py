"""Who may look at the pages: with a password its holder, without one only this very machine."""

from __future__ import annotations

import hmac
from typing import Final

from starlette.requests import Request

from relay.receive.sources import token_in

_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LOCAL_ADDRESSES: Final = frozenset({"127.0.0.1", "::1"})
_FORWARDING: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def may_look(request: Request, password: str | None) -> bool:
    """A proxy in front makes every visitor look local, hence the look at its headers."""
    if password is not None:
        return hmac.compare_digest(token_in(request.headers).encode(), password.encode())
    host = request.headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return (
        request.client is not None
        and request.client.host in _LOCAL_ADDRESSES
        and name in _LOCAL_HOSTS
        and not any(header in request.headers for header in _FORWARDING)
    )

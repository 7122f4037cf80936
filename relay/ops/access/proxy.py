"""Reverse proxies: which are ours, and what their headers are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request

from relay.ops.access.people import Role

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Proxy:
    """`header` names who was signed in by a proxy of `trusted`; without it a proxy only forwards.

    `role` is that of people whom the users file does not list.
    """

    trusted: Sequence[Network] = ()
    header: str | None = None
    role: Role = Role.VIEWER

    def trusts(self, address: str | None) -> bool:
        if address is None:
            return False
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self.trusted)

    def user(self, request: Request) -> str | None:
        """Whom the proxy names. From anyone else the header is only a claim, and not looked at."""
        if self.header is None or not self._direct(request):
            return None
        return request.headers.get(self.header, "").strip()[:64] or None

    def address(self, request: Request) -> str:
        """The visitor's: the last of X-Forwarded-For that is none of our proxies, where one of them asks."""
        seen = request.client.host if request.client else ""
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        while hops and self.trusts(seen):
            seen = hops.pop()
        return seen

    def secure(self, request: Request) -> bool:
        forwarded = request.headers.get("x-forwarded-proto", "") if self._direct(request) else ""
        return (forwarded or request.url.scheme) == "https"

    def _direct(self, request: Request) -> bool:
        return self.trusts(request.client.host if request.client else None)

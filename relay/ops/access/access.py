"""Who is asking, and whether the form they send is one of ours."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from relay.ops.access.memory import Local, Memory
from relay.ops.access.oidc import Flow, Provider
from relay.ops.access.people import People, Person, Role
from relay.ops.access.proxy import Proxy
from relay.ops.access.sessions import LONGEST, RENEWED, SESSION, Session, Signer
from relay.ops.access.throttle import Throttle

COOKIE: Final = "relay_session"
PATH: Final = "/ops"
LOCAL: Final = "this machine"
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LOCAL_ADDRESSES: Final = frozenset({"127.0.0.1", "::1"})
_FORWARDING: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Visitor:
    """`identity` is what their forms' tokens are made of; `session` is None where no cookie let them in."""

    name: str
    role: Role
    identity: str
    session: Session | None = None

    def may(self, needed: Role) -> bool:
        return self.role.covers(needed)


class Closed(Exception):
    """The sign-in is not to be tried now; `wait` seconds first. `told`: it was said before."""

    def __init__(self, wait: float, *, told: bool) -> None:
        self.wait = wait
        self.told = told
        super().__init__(wait)


class Access:
    """`public_url` is how the world reaches these pages, where that is known.

    `memory` is what is known of tries and of sessions that ended, this process's own if none is given.
    """

    def __init__(
        self,
        secret: str,
        people: People | None = None,
        proxy: Proxy | None = None,
        public_url: str | None = None,
        memory: Memory | None = None,
        provider: Provider | None = None,
    ) -> None:
        self.people = people or People()
        self._signer = Signer(secret)
        self._proxy = proxy or Proxy()
        self._public = urlsplit(public_url or "")
        self._memory = memory or Local()
        self._throttle = Throttle(self._memory, self._signer.digest)
        self.flow = Flow(provider, self._signer, self._memory) if provider else None
        self._hashing = asyncio.Semaphore(2)  # argon2 takes 64 MiB and a core for each

    @property
    def signer(self) -> Signer:
        return self._signer

    @property
    def signs_in(self) -> bool:
        """Whether there is a page to sign in at."""
        return self.people.any or self.flow is not None

    # Who ----------------------------------------------------------------------------------------------

    async def visitor(self, request: Request) -> Visitor | None:
        return await self._of_session(request) or self._of_proxy(request) or self._of_this_machine(request)

    async def _of_session(self, request: Request) -> Visitor | None:
        session = self._signer.read_session(request.cookies.get(COOKIE, ""))
        person = self._behind(session) if session else None
        if session is None or person is None or self._signer.stamp(person) != session.stamp:
            return None
        if await self._memory.said(_ended(session)):
            return None
        return Visitor(person.name, person.role, f"session:{session.name}:{session.mark}", session)

    def _behind(self, session: Session) -> Person | None:
        """As what is known now has them, if the session is not too old."""
        if session.role == "":
            return self.people.find(session.name) if self._signer.lasts(session, LONGEST) else None
        if self.flow is None or not self._signer.lasts(session, self.flow.provider.session):
            return None
        return self.flow.provider.vouched(session.name, Role(session.role))

    def _of_proxy(self, request: Request) -> Visitor | None:
        name = self._proxy.user(request)
        if name is None:
            return None
        listed = self.people.find(name) if self.people.by_name else None
        return Visitor(name, listed.role if listed else self._proxy.role, f"proxy:{name}")

    def _of_this_machine(self, request: Request) -> Visitor | None:
        """A proxy in front makes every visitor look local, hence the look at its headers."""
        if self.signs_in or self._proxy.header is not None:
            return None
        host = request.headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        local = (
            request.client is not None
            and request.client.host in _LOCAL_ADDRESSES
            and name in _LOCAL_HOSTS
            and not any(header in request.headers for header in _FORWARDING)
        )
        return Visitor(LOCAL, Role.ADMIN, "local") if local else None

    # Signing in ---------------------------------------------------------------------------------------

    async def sign_in(self, request: Request, name: str, password: str) -> Person | None:
        """The person, None for a wrong name or password. Raises Closed after too many."""
        tried = await self._throttle.take(self._proxy.address(request), name)
        if tried.wait:
            raise Closed(tried.wait, told=tried.told)
        async with self._hashing:
            person = await asyncio.to_thread(self.people.verified, name, password)
        if person is not None:
            await self._throttle.right(tried)
        return person

    def open_session(
        self, request: Request, response: Response, person: Person, *, vouched: bool = False
    ) -> None:
        """`vouched`: by the provider."""
        self._set_cookie(request, response, self._signer.session(person, vouched=vouched))

    def renew(self, request: Request, response: Response, visitor: Visitor) -> None:
        """Keeps a session alive that is looked at, with its own mark: open forms stay good."""
        if visitor.session and visitor.session.ageing:
            self._set_cookie(request, response, self._signer.renewed(visitor.session))

    async def close_session(self, response: Response, visitor: Visitor) -> None:
        """For whoever has a copy of the cookie, too."""
        response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax")
        if visitor.session:
            await self._memory.first(_ended(visitor.session), SESSION + RENEWED)

    def _set_cookie(self, request: Request, response: Response, value: str) -> None:
        # Lax, not strict: a link in an alert is to lead to the page, and not to the sign-in.
        response.set_cookie(
            COOKIE,
            value,
            max_age=int(SESSION.total_seconds()),
            path=PATH,
            secure=self.secure(request),
            httponly=True,
            samesite="lax",
        )

    def secure(self, request: Request) -> bool:
        return self._public.scheme == "https" or self._proxy.secure(request)

    def origin(self, request: Request) -> str:
        """The first part of every URL here, as the world writes it where that is known."""
        if self._public.netloc:
            return f"{self._public.scheme}://{self._public.netloc}"
        scheme = "https" if self._proxy.secure(request) else "http"
        return f"{scheme}://{request.headers.get('host', 'localhost')}"

    # Forms --------------------------------------------------------------------------------------------

    def same_origin(self, request: Request) -> bool:
        """Whether a browser says that the form was sent by a page of ours. Silence is no yes."""
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin = urlsplit(request.headers.get("origin", ""))
        ours = {request.headers.get("host", "").lower(), self._public.netloc.lower()}
        return bool(origin.netloc) and origin.netloc.lower() in ours

    def form_token(self, visitor: Visitor) -> str:
        return self._signer.form_token(visitor.identity)

    def token_fits(self, visitor: Visitor, shown: str) -> bool:
        return self._signer.is_form_token(visitor.identity, shown)


def _ended(session: Session) -> str:
    return f"ended:{session.mark}"

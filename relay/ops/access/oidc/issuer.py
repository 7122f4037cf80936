"""Asking the issuer: its discovery document, its keys, a token for a code. Nobody else is ever asked."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote_plus

import httpx

from relay.addresses import is_private

KNOWN_FOR: Final = 600.0
"""Seconds a discovery document is good. Keys are asked for at each sign-in: a rotation needs no waiting."""

_LARGEST: Final = 1024 * 1024
_AT_ONCE: Final = 4
_BUSY: Final = (408, 429)


class ProviderAway(Exception):
    """The issuer gave no answer, or none now: the person tries again. `str()` is for the operator."""


class ProviderRefused(Exception):
    """The issuer's answer cannot be taken. `str()` says why, for the operator, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Document:
    """What the discovery document says, as far as it is needed."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    leave: str | None
    takes_basic: bool
    names_itself: bool


class Issuer:
    """`secret` None is a client without one, that proves itself by PKCE alone.

    Whoever asks has a `deadline` around it, for everything that one page asks.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        secret: str | None,
        tls: ssl.SSLContext,
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self.url = url
        self.client_id = client_id
        self._secret = secret
        self._tls = tls
        self._timeout = timeout.total_seconds()
        self._known: tuple[float, Document] | None = None
        self._reading = asyncio.Lock()
        self._doors = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError:
            raise ProviderAway(f"no answer within {self._timeout:g} s") from None

    async def document(self) -> Document:
        async with self._reading:
            if self._known is None or self._known[0] < time.monotonic():
                self._known = (time.monotonic() + KNOWN_FOR, await self._read_document())
            return self._known[1]

    async def _read_document(self) -> Document:
        status, said = await self._ask("GET", f"{self.url.rstrip('/')}/.well-known/openid-configuration")
        if status != httpx.codes.OK:
            raise ProviderRefused(f"its discovery document answered {status}; is `issuer` right?")
        if said.get("issuer") != self.url:
            found = str(said.get("issuer"))[:200]
            raise ProviderRefused(f"its discovery document is that of {found!r}; write `issuer` like that")
        ways = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Document(
            authorization=_endpoint(said, "authorization_endpoint"),
            token=_endpoint(said, "token_endpoint"),
            keys=_endpoint(said, "jwks_uri"),
            userinfo=_endpoint(said, "userinfo_endpoint") if "userinfo_endpoint" in said else None,
            leave=_endpoint(said, "end_session_endpoint") if "end_session_endpoint" in said else None,
            takes_basic="client_secret_basic" in ways,
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )

    async def keys(self) -> Mapping[str, Any]:
        status, said = await self._ask("GET", (await self.document()).keys)
        if status != httpx.codes.OK:
            raise ProviderRefused(f"its keys answered {status}")
        return said

    async def tokens(self, code: str, verifier: str, redirect: str) -> Mapping[str, Any]:
        document = await self.document()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect,
        }
        auth = None
        if self._secret is not None and document.takes_basic:
            auth = httpx.BasicAuth(quote_plus(self.client_id), quote_plus(self._secret))
        else:
            form["client_id"] = self.client_id
            form |= {"client_secret": self._secret} if self._secret is not None else {}
        status, said = await self._ask("POST", document.token, data=form, auth=auth)
        if status == httpx.codes.OK:
            return said
        if said.get("error") in ("invalid_client", "unauthorized_client"):
            raise ProviderRefused("it refuses this client; are `client_id` and `client_secret` right?")
        raise ProviderRefused(f"it gave no token for its code ({status})")

    async def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Nothing where there is none to ask."""
        url = (await self.document()).userinfo
        if url is None:
            return {}
        status, said = await self._ask("GET", url, headers={"authorization": f"Bearer {access_token}"})
        if status != httpx.codes.OK:
            raise ProviderRefused(f"its userinfo answered {status}")
        return said

    async def _ask(self, method: str, url: str, **how: Any) -> tuple[int, Mapping[str, Any]]:
        """Its status and JSON. A redirect is not followed: it could lead anywhere with a secret."""
        how["headers"] = {"accept": "application/json", **how.get("headers", {})}
        try:
            async with self._doors, self._client() as client, client.stream(method, url, **how) as answer:
                body = await _read(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ProviderAway(_said(error)) from None
        if answer.status_code in _BUSY or answer.is_server_error:
            raise ProviderAway(f"it answered {answer.status_code}")
        if answer.is_redirect:
            raise ProviderRefused(f"it answered {answer.status_code}, and redirects are not followed")
        try:
            said = json.loads(body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise ProviderRefused(f"it answered {answer.status_code} without a JSON object")
        return answer.status_code, said

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=self._timeout, verify=self._tls, trust_env=False)


async def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _LARGEST:
            raise ProviderRefused(f"it answered with more than {_LARGEST >> 20} MiB")
    return bytes(body)


def _endpoint(said: Mapping[str, Any], name: str) -> str:
    url = said.get(name)
    if not isinstance(url, str) or not is_private(url):
        raise ProviderRefused(f"the {name} of its discovery document is no https:// URL")
    return url


def _said(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is not trusted; if its authority is your own, name that in `ca_file`"
        cause = cause.__cause__ or cause.__context__
    return f"no answer: {type(error).__name__}"

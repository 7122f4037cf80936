"""An OpenID Connect provider, small and real: over HTTP, with keys of its own, strict with its clients."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote_plus, urlencode

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from relay.ops.access.oidc import Provider, Shown
from relay.ops.access.sessions import Signer
from tests.support import started

CLIENT = "relay-client"
CLIENT_SECRET = "a secret: of + the client%"

_RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})  # making one takes its time
KEYS: dict[str, Key] = {
    "RS256": _RSA,
    "PS256": _RSA,
    "ES256": ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"}),
}
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
"""With a known name, and not published."""

Claims = dict[str, Any]


def said_of(idp: Idp, **more: Any) -> dict[str, Any]:
    """What `[ops.oidc]` says of it."""
    client = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}
    return {"issuer": idp.url, "name": "Acme", **client, "roles": {"staff": "operator"}, **more}


class Idp:
    """Lets everybody in as `person`. What a test wants wrong it changes.

    `claims` and `token` see each ID token; `answers` stand in for whole endpoints. A `public`
    one asks no secret.
    """

    def __init__(self, port: int = 0, scheme: str = "http") -> None:
        self._port, self._scheme = port, scheme
        self.person: Claims = {"sub": "248289761001", "preferred_username": "anna", "groups": ["staff"]}
        self.told_by_userinfo: Claims = {}
        self.public = False
        self.algorithm = "RS256"
        self.header: Claims = {}
        self.published = [_RSA, KEYS["ES256"]]
        self.claims: Callable[[Claims], Claims] = lambda claims: claims
        self.token: Callable[[str], str] = lambda token: token
        self.document: Claims = {}
        self.answers: dict[str, Callable[[], Response]] = {}
        self.asked: list[str] = []
        self.sent_to: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._port}/realm"

    @classmethod
    @asynccontextmanager
    async def serving(cls, certificate: Path | None = None) -> AsyncIterator[Self]:
        idp = cls(scheme="https" if certificate else "http")
        async with idp.listening(certificate):
            yield idp

    @asynccontextmanager
    async def listening(self, certificate: Path | None = None) -> AsyncIterator[None]:
        server, serving, self._port = await started(
            self._app(), self._port, ssl_certfile=certificate, lifespan="off"
        )
        try:
            yield
        finally:
            server.should_exit = True
            await serving

    def _app(self) -> Starlette:
        places = {
            "/.well-known/openid-configuration": self._discovery,
            "/authorize": self._authorize,
            "/token": self._token,
            "/jwks": self._jwks,
            "/userinfo": self._userinfo,
        }
        return Starlette(
            routes=[
                Route(f"/realm{path}", self._told(path, place), methods=["GET", "POST"])
                for path, place in places.items()
            ]
        )

    def _told(self, path: str, place: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            self.asked.append(path)
            if path in self.answers:
                return self.answers[path]()
            found: Response = await place(request)
            return found

        return answer

    async def _discovery(self, _: Request) -> Response:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?realm=1",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/logout",
            "code_challenge_methods_supported": ["S256"],
        }
        return JSONResponse({key: value for key, value in {**said, **self.document}.items() if value})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.sent_to.append(asked)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if _client(request, form) != (CLIENT, "" if self.public else CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form["code"], None)
        if asked is None or not _proves(form["code_verifier"], asked["code_challenge"]):
            return JSONResponse({"error": "invalid_grant"}, 400)
        if form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe()
        said = {"access_token": access, "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])}
        return JSONResponse(said)

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.person,
        }
        key = KEYS[self.algorithm]
        header = {"alg": self.algorithm, "kid": key.kid, **self.header}
        registry = JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        return self.token(jwt.encode(header, self.claims(claims), key, registry=registry))

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]})

    async def _userinfo(self, request: Request) -> Response:
        assert request.headers["authorization"].startswith("Bearer ")
        return JSONResponse({"sub": self.person["sub"], **self.told_by_userinfo})


async def trip(
    provider: Provider, *, verifier: str | None = None, issuer: str | None = "the one that is named"
) -> Shown:
    """To the provider and back, as a browser is sent; the last words may be another's."""
    _, begun = Signer("a secret of the tests").begin("/ops/")
    way = await provider.way(begun)
    async with httpx.AsyncClient() as client:
        answer = await client.get(way)
    query = httpx.URL(answer.headers["location"]).params
    assert query["state"] == begun.state
    if verifier is not None:
        begun = replace(begun, verifier=verifier)
    named = query["iss"] if issuer == "the one that is named" else issuer
    return await provider.shown(query["code"], begun, named)


def unsigned(token: str) -> str:
    """The same claims, with `alg` none and no signature."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    said = request.headers.get("authorization", "")
    if said.startswith("Basic "):
        name, _, secret = base64.b64decode(said.removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _proves(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge

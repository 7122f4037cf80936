"""One provider, as the pages use it: where to send people, who comes back, and what they may do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from relay.ops.access.oidc.grants import Claims, Grants, confirmed
from relay.ops.access.oidc.issuer import Issuer, ProviderRefused
from relay.ops.access.people import Person, Role
from relay.ops.access.sessions import Begun

BACK: Final = "/ops/sign-in/oidc/back"


class Standard(Protocol):
    """`relay.ops.access.oidc.standard`, which needs the extra `oidc`."""

    def challenge(self, verifier: str) -> Mapping[str, str]: ...

    def with_query(self, url: str, query: Mapping[str, str]) -> str: ...

    def usable(self, keys: Mapping[str, Any]) -> Any: ...

    def verified(
        self,
        token: Any,
        keys: Mapping[str, Any],
        *,
        issuer: str,
        client_id: str,
        nonce: str,
        access_token: str,
    ) -> Claims: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """Somebody whom the provider vouches for. `person` is None where nothing gives them a role.

    `words` are what the claim for roles holds; `email` says what was told of their address.
    """

    name: str
    subject: str
    person: Person | None
    words: Sequence[str]
    email: str


class Provider:
    """`site` is how the world reaches the relay. After `session` the provider is asked again.

    What asks the issuer raises ProviderAway or ProviderRefused.
    """

    def __init__(
        self,
        standard: Standard,
        issuer: Issuer,
        grants: Grants,
        *,
        name: str,
        site: str,
        scopes: Sequence[str],
        session: timedelta,
    ) -> None:
        self.name = name
        self.grants = grants
        self.site = site
        self.session = session
        self._standard = standard
        self._issuer = issuer
        self._scope = " ".join(scopes)
        self._proof = _digest(issuer.url, issuer.client_id, repr(grants))

    @property
    def back(self) -> str:
        return f"{self.site}{BACK}"

    def vouched(self, name: str, role: Role) -> Person:
        """Changed settings are another proof, and so end the sessions that the former ones opened."""
        return Person(name, role, self._proof)

    async def way(self, begun: Begun, *, another: bool = False) -> str:
        """Where to send somebody; `another` lets them choose whom to be."""
        async with self._issuer.deadline():
            document = await self._issuer.document()
        query = {
            "response_type": "code",
            "client_id": self._issuer.client_id,
            "redirect_uri": self.back,
            "scope": self._scope,
            "state": begun.state,
            "nonce": begun.nonce,
            **self._standard.challenge(begun.verifier),
            **({"prompt": "select_account"} if another else {}),
        }
        return self._standard.with_query(document.authorization, query)

    async def shown(self, code: str, begun: Begun, issuer: str | None) -> Shown:
        """Who came back with a code, from the `issuer` that the URL names."""
        async with self._issuer.deadline():
            document = await self._issuer.document()
            if issuer != self._issuer.url and (issuer is not None or document.names_itself):
                raise ProviderRefused("the code is from another issuer")
            return self._shown(await self._claims(code, begun))

    async def _claims(self, code: str, begun: Begun) -> Claims:
        tokens = await self._issuer.tokens(code, begun.verifier, self.back)
        access_token = str(tokens.get("access_token", ""))
        claims = self._standard.verified(
            tokens.get("id_token"),
            await self._issuer.keys(),
            issuer=self._issuer.url,
            client_id=self._issuer.client_id,
            nonce=begun.nonce,
            access_token=access_token,
        )
        if not (access_token and self.grants.lacks(claims)):
            return claims
        more = await self._issuer.userinfo(access_token)
        if more and more.get("sub") != claims["sub"]:
            raise ProviderRefused("its userinfo is somebody else's")
        return {**more, **claims}

    def _shown(self, claims: Claims) -> Shown:
        name = f"{self.grants.name_of(claims)} of {self.name}"  # so that it is no name of the users file
        role = self.grants.role(claims)
        email = "confirmed" if confirmed(claims) else "not confirmed" if claims.get("email") else "missing"
        person = self.vouched(name, role) if role else None
        return Shown(name, str(claims["sub"]), person, self.grants.words(claims), email)

    async def leave(self) -> str | None:
        """Where one signs out of the provider itself, if that can be done."""
        async with self._issuer.deadline():
            url = (await self._issuer.document()).leave
        here = {
            "client_id": self._issuer.client_id,
            "post_logout_redirect_uri": f"{self.site}/ops/sign-in",
        }
        return self._standard.with_query(url, here) if url else None

    async def look(self) -> int:
        """How many keys it has to sign with: as far as one can look without a person."""
        async with self._issuer.deadline():
            return len(self._standard.usable(await self._issuer.keys()).keys)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()

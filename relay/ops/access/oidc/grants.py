"""What a provider's word gives here: the role of whoever bears these claims, and their name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from relay.ops.access.people import Role

Claims = Mapping[str, Any]

_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+")
_LONGEST: Final = 64
_YES: Final = (True, "true")  # Cognito and others write it as text


@dataclass(frozen=True, slots=True)
class Grants:
    """Nobody has a role that none of these gives; of several the highest counts.

    `claim` holds what `roles` go by: its name, or the way to it with dots between. Keys of `emails` and
    `domains` are in lower case; `name` is the claim that people are called by.
    """

    claim: str
    roles: Mapping[str, Role]
    emails: Mapping[str, Role]
    domains: Mapping[str, Role]
    name: str

    @property
    def any(self) -> bool:
        return bool(self.roles or self.emails or self.domains)

    def role(self, claims: Claims) -> Role | None:
        return max(self._given(claims), key=list(Role).index, default=None)

    def _given(self, claims: Claims) -> Iterator[Role]:
        email = confirmed(claims) or ""
        by_claim = (self.roles.get(word) for word in self.words(claims))
        found = (*by_claim, self.emails.get(email), self.domains.get(email.rpartition("@")[2]))
        return (role for role in found if role is not None)

    def words(self, claims: Claims) -> tuple[str, ...]:
        """What the claim holds: text, a list of it, or an object whose keys say it."""
        found = _at(claims, self.claim)
        if isinstance(found, str | int):
            return (str(found),)
        return tuple(str(word) for word in found) if isinstance(found, list | dict) else ()

    def lacks(self, claims: Claims) -> bool:
        """Whether the claims say less than is asked of them, so that it is worth asking for more."""
        roleless = bool(self.roles) and _at(claims, self.claim) is None
        return roleless or (bool(self.emails or self.domains) and "email" not in claims)

    def name_of(self, claims: Claims) -> str:
        """An address only where it is confirmed: anybody may claim another's."""
        said = confirmed(claims) if self.name == "email" else _at(claims, self.name)
        text = said if isinstance(said, str) else ""
        return "".join(filter(str.isprintable, text)).strip()[:_LONGEST] or str(claims["sub"])[:_LONGEST]


def confirmed(claims: Claims) -> str | None:
    """The e-mail address, in lower case, if the provider says that it is the person's."""
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") not in _YES:
        return None
    return email.lower() if _ADDRESS.fullmatch(email) else None


def _at(claims: Claims, way: str) -> Any:
    """Names of claims may be URLs, and then have dots of their own."""
    if way in claims:
        return claims[way]
    found: Any = claims
    for step in way.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found

"""What the standards say, by Authlib: where people are sent, and what an ID token has to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry

from relay.ops.access.oidc.issuer import ProviderRefused

LEEWAY: Final = 60
"""Seconds by which the issuer's clock may differ from ours."""

_ALGORITHMS: Final = [f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)]
"""None without a signature, and none whose secret the client knows too."""

_HEADERS: Final = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
"""Some issuers add headers of their own; what they call critical has to be known all the same."""

_WRONG: Final = {
    "iss": "names another issuer",
    "aud": "is meant for another client",
    "azp": "is meant for another client",
    "nonce": "belongs to another sign-in",
    "at_hash": "belongs to another access token",
    "iat": "is from the future; compare the clocks",
    "nbf": "is from the future; compare the clocks",
}


def challenge(verifier: str) -> Mapping[str, str]:
    return {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}


def with_query(url: str, query: Mapping[str, str]) -> str:
    """`url` may have a query of its own."""
    return str(add_params_to_uri(url, list(query.items())))


def usable(keys: Mapping[str, Any]) -> KeySet:
    """Those that sign; of what is not known here nothing is said."""
    listed = keys.get("keys")
    return KeySet(list(_imported(listed if isinstance(listed, list) else [])))


def _imported(listed: list[Any]) -> Iterator[Key]:
    for key in listed:
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig":
            try:
                yield JWKRegistry.import_key(key)
            except (JoseError, ValueError, TypeError, KeyError):
                continue


def verified(
    token: Any, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, access_token: str
) -> Mapping[str, Any]:
    """The claims of an ID token that can be trusted. Raises ProviderRefused."""
    if not isinstance(token, str):
        raise ProviderRefused("it gave no ID token; is `openid` among the `scopes`?")
    exactly = {"iss": issuer, "aud": client_id}
    try:
        read = jwt.decode(token, usable(keys), registry=_HEADERS)
        claims = CodeIDToken(
            read.claims,
            read.header,
            {name: {"essential": True, "value": value} for name, value in exactly.items()},
            {"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProviderRefused(f"its ID token {_told(error)}") from None
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise ProviderRefused("its ID token names nobody (sub)")
    return dict(claims)


def _told(error: Exception) -> str:
    if isinstance(error, ExpiredTokenError):
        return "has expired; compare the clocks"
    if isinstance(error, MissingClaimError):
        return f"does not say its {error.claim}"
    if isinstance(error, ClaimError):
        return _WRONG.get(error.claim, "cannot be read")
    if isinstance(error, InvalidKeyIdError):
        return "is signed with a key that it does not publish"
    if isinstance(error, BadSignatureError):
        return "has a wrong signature"
    if isinstance(error, UnsupportedAlgorithmError):
        return f"is not signed in a way that is taken ({_ALGORITHMS[0]} to {_ALGORITHMS[-1]})"
    return "cannot be read"

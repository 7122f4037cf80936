"""What a provider answers, and what of it is taken: of tokens, keys, documents and troubles."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from relay import settings, wiring
from relay.ops.access import Role
from relay.ops.access.oidc import Provider, ProviderAway, ProviderRefused
from tests.ops.provider import CLIENT, CLIENT_SECRET, KEYS, OTHER_KEY, Idp, said_of, trip, unsigned
from tests.support import plain_config


@pytest.fixture
async def idp() -> AsyncIterator[Idp]:
    async with Idp.serving() as idp:
        yield idp


def at(idp: Idp, **oidc: Any) -> Provider:
    raw = {**plain_config(), "ops": {"oidc": said_of(idp, **oidc)}}
    provider = wiring.provider(settings.environment({}), settings.parse(raw, {}))
    assert provider is not None
    return provider


# What is taken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", sorted(KEYS))
async def test_every_usual_signature_is_taken(idp: Idp, algorithm: str) -> None:
    idp.algorithm = algorithm
    shown = await trip(at(idp))
    assert shown.person is not None
    assert (shown.name, shown.person.role) == ("anna of Acme", "operator")


async def test_a_key_that_is_rotated_in_is_taken_at_once_and_one_that_is_rotated_out_no_more(
    idp: Idp,
) -> None:
    provider = at(idp)
    idp.published = [KEYS["RS256"]]
    await trip(provider)
    idp.published, idp.algorithm = [KEYS["ES256"]], "ES256"
    await trip(provider)
    idp.algorithm = "RS256"
    with pytest.raises(ProviderRefused, match="signed with a key that it does not publish"):
        await trip(provider)
    assert idp.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"token_endpoint_auth_methods_supported": ["client_secret_post"]}, id="in the form"),
        pytest.param({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, id="in the header"),
        pytest.param({"end_session_endpoint": None, "userinfo_endpoint": None}, id="little on offer"),
    ],
)
async def test_a_provider_is_spoken_to_as_it_asks(idp: Idp, change: dict[str, Any]) -> None:
    idp.document = change
    assert (await trip(at(idp))).person


async def test_a_client_without_a_secret_proves_itself_by_the_code_alone(idp: Idp) -> None:
    idp.public = True
    assert (await trip(at(idp, client_secret=None))).person


async def test_a_header_of_the_providers_own_is_borne(idp: Idp) -> None:
    idp.header = {"pi.atm": "1"}
    assert (await trip(at(idp))).person


async def test_clocks_may_differ_a_little(idp: Idp) -> None:
    now = int(time.time())
    for claims in ({"exp": now - 30}, {"iat": now + 30, "nbf": now + 30}):
        idp.claims = lambda told, more=claims: told | more  # type: ignore[misc]
        assert (await trip(at(idp))).person


async def test_what_the_token_does_not_tell_the_provider_is_asked_for(idp: Idp) -> None:
    provider = at(idp, emails={"Anna@Example.com": "admin"})
    idp.told_by_userinfo = {"email": "anna@example.com", "email_verified": True}
    assert (await trip(provider)).person == provider.vouched("anna of Acme", Role.ADMIN)
    idp.told_by_userinfo["sub"] = "another"
    with pytest.raises(ProviderRefused, match="userinfo is somebody else's"):
        await trip(provider)
    idp.person |= {"email": "anna@example.com", "email_verified": True}
    idp.asked.clear()
    assert (await trip(provider)).person == provider.vouched("anna of Acme", Role.ADMIN)
    assert "/userinfo" not in idp.asked, "the token said it all"


# What is not --------------------------------------------------------------------------------------------

NOW = int(time.time())
WRONG_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "wrong nonce": ({"nonce": "another"}, "belongs to another sign-in"),
    "no nonce": ({"nonce": None}, "nonce"),
    "wrong audience": ({"aud": "another-client"}, "is meant for another client"),
    "many audiences": ({"aud": [CLIENT, "another-client"]}, "azp"),
    "another's party": ({"aud": [CLIENT, "another"], "azp": "another"}, "is meant for another client"),
    "no audience": ({"aud": None}, "does not say its aud"),
    "wrong issuer": ({"iss": "https://evil.example"}, "names another issuer"),
    "expired": ({"exp": NOW - 120}, "has expired; compare the clocks"),
    "no expiry": ({"exp": None}, "does not say its exp"),
    "from the future": ({"iat": NOW + 3600}, "is from the future; compare the clocks"),
    "not yet": ({"nbf": NOW + 3600}, "is from the future; compare the clocks"),
    "nobody": ({"sub": ""}, "names nobody"),
    "no subject": ({"sub": None}, "does not say its sub"),
    "nonsense": ({"exp": "soon", "aud": {"a": 1}}, "ID token"),
}


@pytest.mark.parametrize("fault", sorted(WRONG_CLAIMS))
async def test_a_token_that_is_not_for_this_sign_in_opens_nothing(idp: Idp, fault: str) -> None:
    change, why = WRONG_CLAIMS[fault]

    def wrong(claims: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in (claims | change).items() if value is not None}

    idp.claims = wrong
    with pytest.raises(ProviderRefused, match=why):
        await trip(at(idp))


def by_secret(token: str) -> str:
    """Signed with what the client knows too."""
    claims = jwt.decode(token, KEYS["RS256"]).claims
    return jwt.encode({"alg": "HS256", "kid": "rsa-1"}, claims, OctKey.import_key(CLIENT_SECRET), ["HS256"])


def by_public_key(token: str) -> str:
    """Signed with the text of the public key, for who takes it for a secret."""
    claims = jwt.decode(token, KEYS["RS256"]).claims
    key = OctKey.import_key(KEYS["RS256"].as_pem(private=False).replace(b"-", b""))  # type: ignore[union-attr]
    return jwt.encode({"alg": "HS256", "kid": "rsa-1"}, claims, key, ["HS256"])


def by_other_key(token: str) -> str:
    claims = jwt.decode(token, KEYS["RS256"]).claims
    return jwt.encode({"alg": "ES256", "kid": "ec-1"}, claims, OTHER_KEY, ["ES256"])


def by_unknown_key(token: str) -> str:
    claims = jwt.decode(token, KEYS["RS256"]).claims
    return jwt.encode({"alg": "ES256", "kid": "ec-9"}, claims, OTHER_KEY, ["ES256"])


FORGED: dict[str, tuple[Callable[[str], Any], str]] = {
    "alg none": (unsigned, "not signed in a way that is taken"),
    "by the client's secret": (by_secret, "not signed in a way that is taken"),
    "by the public key": (by_public_key, "not signed in a way that is taken"),
    "by another key of that name": (by_other_key, "has a wrong signature"),
    "by an unknown key": (by_unknown_key, "signed with a key that it does not publish"),
    "cut": (lambda token: token[:-20], "has a wrong signature"),
    "two of three parts": (lambda token: token.rpartition(".")[0], "cannot be read"),
    "garbage": (lambda _: "garbage", "cannot be read"),
    "a number": (lambda _: 17, "gave no ID token"),
    "nothing": (lambda _: None, "gave no ID token"),
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # of keys that forgers make do with
@pytest.mark.parametrize("forgery", sorted(FORGED))
async def test_a_token_that_the_provider_did_not_sign_opens_nothing(idp: Idp, forgery: str) -> None:
    idp.token, why = FORGED[forgery]
    with pytest.raises(ProviderRefused, match=why):
        await trip(at(idp))


async def test_a_code_is_no_good_without_the_verifier_of_its_own_sign_in(idp: Idp) -> None:
    with pytest.raises(ProviderRefused, match="gave no token for its code"):
        await trip(at(idp), verifier="0" * 64)


@pytest.mark.parametrize("named", ["https://evil.example", None])
async def test_a_code_of_another_issuer_is_not_spent(idp: Idp, named: str | None) -> None:
    idp.document = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(ProviderRefused, match="the code is from another issuer"):
        await trip(at(idp), issuer=named)
    assert "/token" not in idp.asked


ANSWERS: dict[str, tuple[str, Callable[[], Any], str]] = {
    "token 500": ("/token", lambda: PlainTextResponse("", 500), "it answered 500"),
    "token moved": (
        "/token",
        lambda: RedirectResponse("/realm/moved", 307),
        "redirects are not followed",
    ),
    "token HTML": ("/token", lambda: PlainTextResponse("<html>"), "without a JSON object"),
    "token list": ("/token", lambda: JSONResponse([]), "without a JSON object"),
    "token huge": ("/token", lambda: PlainTextResponse("x" * 2_000_000), "more than 1 MiB"),
    "keys moved": ("/jwks", lambda: RedirectResponse("/realm/moved"), "redirects are not followed"),
    "keys of no kind": (
        "/jwks",
        lambda: JSONResponse({"keys": [7, {"kty": "AKP"}]}),
        "does not publish",
    ),
    "keys missing": ("/jwks", lambda: JSONResponse({}), "does not publish"),
    "keys 404": ("/jwks", lambda: JSONResponse({}, 404), "its keys answered 404"),
}


@pytest.mark.parametrize("trouble", sorted(ANSWERS))
async def test_an_answer_that_makes_no_sense_opens_nothing_and_leads_nowhere(idp: Idp, trouble: str) -> None:
    path, answer, why = ANSWERS[trouble]
    idp.answers[path] = answer
    with pytest.raises((ProviderAway, ProviderRefused), match=why):
        await trip(at(idp))
    assert "/moved" not in idp.asked


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"issuer": "https://another.example"}, "write `issuer` like that"),
        ({"authorization_endpoint": "http://evil.example/a"}, "the authorization_endpoint"),
        ({"token_endpoint": "ftp://127.0.0.1/"}, "the token_endpoint"),
        ({"jwks_uri": None}, "the jwks_uri"),
        ({"userinfo_endpoint": "http://[::"}, "the userinfo_endpoint"),
    ],
)
async def test_a_discovery_document_that_cannot_be_trusted_leads_nowhere(
    idp: Idp, document: dict[str, Any], why: str
) -> None:
    idp.document = document
    with pytest.raises(ProviderRefused, match=why):
        await trip(at(idp))
    assert idp.asked == ["/.well-known/openid-configuration"]

"""What claims give, what settings say, and what `relay check` makes of a provider."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from relay import check, settings, wiring
from relay.errors import SettingsError
from relay.ops.access import Role
from relay.ops.access.oidc import Grants, Issuer, ProviderAway
from relay.tables import Oidc
from tests.ops.provider import CLIENT, CLIENT_SECRET, Idp
from tests.shell import Shell
from tests.support import KEY, House

GRANTS = Grants(
    "groups",
    {"staff": Role.OPERATOR, "boss": Role.ADMIN, "7": Role.VIEWER},
    {"anna@example.com": Role.ADMIN},
    {"example.com": Role.VIEWER},
    "preferred_username",
)
CONFIRMED = {"email": "Anna@Example.com", "email_verified": True}


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({}, None),
        ({"groups": []}, None),
        ({"groups": None}, None),
        ({"groups": {"deep": 1}}, None),
        ({"groups": ["guests"]}, None),
        ({"groups": ["Staff"]}, None),
        ({"groups": "staff"}, Role.OPERATOR),
        ({"groups": 7}, Role.VIEWER),
        ({"groups": ["staff", "boss", "guests"]}, Role.ADMIN),
        ({"groups": {"staff": {"id": 1}}}, Role.OPERATOR),
        (CONFIRMED, Role.ADMIN),
        (CONFIRMED | {"email_verified": "true"}, Role.ADMIN),
        (CONFIRMED | {"email": "ben@example.com"}, Role.VIEWER),
        (CONFIRMED | {"email": "ben@example.com", "groups": ["staff"]}, Role.OPERATOR),
        (CONFIRMED | {"email_verified": False}, None),
        (CONFIRMED | {"email_verified": "false"}, None),
        (CONFIRMED | {"email_verified": 1.5}, None),
        ({"email": "anna@example.com"}, None),
        (CONFIRMED | {"email": "ben@sub.example.com"}, None),
        (CONFIRMED | {"email": "ben@example.com.evil.example"}, None),
        (CONFIRMED | {"email": "example.com"}, None),
        (CONFIRMED | {"email": ["anna@example.com"]}, None),
    ],
)
def test_a_role_is_what_the_claims_give_and_nobody_has_one_otherwise(
    claims: dict[str, Any], role: Role | None
) -> None:
    assert GRANTS.role(claims) == role


@pytest.mark.parametrize(
    ("way", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["staff"]}}),
        ("https://relay.example/roles", {"https://relay.example/roles": ["staff"]}),
        ("cognito:groups", {"cognito:groups": ["staff"]}),
    ],
)
def test_the_claim_may_lie_deep_or_have_a_url_for_a_name(way: str, claims: dict[str, Any]) -> None:
    grants = Grants(way, GRANTS.roles, {}, {}, "sub")
    assert grants.role(claims) == Role.OPERATOR
    assert grants.role({"realm_access": ["staff"]}) is None


@pytest.mark.parametrize(
    ("claim", "claims", "name"),
    [
        ("preferred_username", {"preferred_username": "anna"}, "anna"),
        ("preferred_username", {"preferred_username": " a\u202en\nna "}, "anna"),
        ("preferred_username", {"preferred_username": "\n"}, "248"),
        ("preferred_username", {}, "248"),
        ("name", {"name": "x" * 300}, "x" * 64),
        ("email", CONFIRMED, "anna@example.com"),
        ("email", {"email": "boss@example.com"}, "248"),
    ],
)
def test_people_are_called_what_the_provider_answers_for(
    claim: str, claims: dict[str, Any], name: str
) -> None:
    grants = Grants("groups", {}, {}, {}, claim)
    assert grants.name_of({"sub": "248", **claims}) == name


# Settings -----------------------------------------------------------------------------------------------

SAID = {"issuer": "https://login.example.com", "client_id": CLIENT, "client_secret": CLIENT_SECRET}


def configured(house: House, **oidc: Any) -> settings.Config:
    house.raw["ops"] = {"oidc": {**SAID, **oidc}}
    return house.config


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"issuer": "http://login.example.com"}, "ops.oidc.issuer is 'http://login.example.com'; expected"),
        ({"issuer": "login.example.com"}, "https://"),
        ({"roles": {"staff": "boss"}}, "ops.oidc.roles.staff is 'boss'; expected 'viewer', 'operator' or"),
        ({"emails": {"example.com": "viewer"}}, "'example.com' is no e-mail address"),
        ({"domains": {"@example.com": "viewer"}}, "'@example.com' is no domain such as example.com"),
        ({"client_secret": ""}, "ops.oidc.client_secret"),
        ({"groups_claim": "groups"}, "ops.oidc.groups_claim is not a setting; did you mean 'roles_claim'?"),
        ({"session": 12}, "a duration with its unit"),
        ({"client_id": ""}, "ops.oidc.client_id is empty"),
    ],
)
def test_a_wrong_setting_is_told_in_words(house: House, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as error:
        configured(house, **wrong)
    assert says in str(error.value)
    assert CLIENT_SECRET not in str(error.value)


async def test_without_the_extra_the_start_says_how_to_install_it(house: House, tmp_path: Path) -> None:
    (tmp_path / "authlib.py").write_text("raise ModuleNotFoundError('none', name='authlib')\n")
    shell = Shell(tmp_path, {"PYTHONPATH": str(tmp_path), "THE_KEY": KEY})
    said = "\n".join(f'{key} = "{value}"' for key, value in SAID.items())
    shell.configure(house.standin.url, source=f"[ops.oidc]\n{said}")
    for command in ("check", "serve"):
        ran = await shell.relay(command)
        assert (ran.code, ran.out) == (1, "")
        assert "[ops.oidc] needs the extra `oidc` (authlib is missing)" in ran.err
        assert "pip install 'commerce-relay[oidc]'" in ran.err


def test_a_file_of_authorities_that_is_none_stops_the_start(house: House, tmp_path: Path) -> None:
    for file in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        (tmp_path / "empty.pem").write_text("nothing\n")
        with pytest.raises(SettingsError, match=r"ops\.oidc\.ca_file"):
            wiring.provider(house.env, configured(house, ca_file=str(file)))


def test_every_setting_is_in_the_readme() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    told = text.partition("### Signing in with a provider")[2].partition("\n### ")[0]
    named = set(re.findall(r"`(\w+)`|^(\w+) = ", told, re.MULTILINE))
    assert set(Oidc.model_fields) <= {name for pair in named for name in pair}


# What `relay check` finds -------------------------------------------------------------------------------


async def found(house: House, **oidc: Any) -> dict[str, str]:
    house.raw["sources"]["shop"]["adapter"] = "checkoutchamp"
    config = configured(house, **oidc)
    findings = await check.run(house.env, config)
    return {f"{f.level} {f.what}": f.says for f in findings if f.what.startswith("ops.")}


async def test_check_tells_the_redirect_uri_of_a_provider_that_answers(house: House) -> None:
    house.env = house.env.model_copy(update={"public_url": "https://relay.example.com"})
    async with Idp.serving() as idp:
        says = await found(house, issuer=idp.url, name="Acme", roles={"staff": "viewer"})
    uri = "https://relay.example.com/ops/sign-in/oidc/back"
    assert says == {"ok ops.oidc": f"Acme answers; the redirect URI to register there is {uri}"}


async def test_check_names_a_provider_that_is_not_there_or_is_another(house: House) -> None:
    async with Idp.serving() as idp:
        other = await found(house, issuer=f"{idp.url}/")
        idp.published = []
        mute = await found(house, issuer=idp.url)
    gone = await found(house, issuer=idp.url)
    assert f"that of '{idp.url}'; write `issuer` like that" in other["fault ops.oidc.issuer"]
    assert "no RSA or EC key" in mute["fault ops.oidc.issuer"]
    assert "no answer: ConnectError" in gone["fault ops.oidc.issuer"]


async def test_check_warns_where_nobody_could_come_back_or_would_have_a_role(house: House) -> None:
    house.raw["sources"]["shop"]["adapter"] = "checkoutchamp"
    async with Idp.serving() as idp:
        findings = await check.run(house.env, configured(house, issuer=idp.url))
    warned = [f.says for f in findings if (f.level, f.what) == ("warn", "ops.oidc")]
    assert "set RELAY_PUBLIC_URL" in warned[0]
    assert "gives nobody a role" in warned[1]


async def test_an_issuer_with_a_certificate_of_its_own_needs_that_named(house: House, tmp_path: Path) -> None:
    certificate = made_certificate(tmp_path)
    async with Idp.serving(certificate) as idp:
        unknown = await found(house, issuer=idp.url)
        known = await found(house, issuer=idp.url, ca_file=str(certificate))
    assert "name that in `ca_file`" in unknown["fault ops.oidc.issuer"]
    assert "ok ops.oidc" in known


async def test_an_issuer_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tls = httpx.create_ssl_context(trust_env=False)
        issuer = Issuer(url, CLIENT, None, tls, timeout=dt.timedelta(milliseconds=50))

        async def ask() -> None:
            async with issuer.deadline():
                await issuer.document()

        answers = await asyncio.gather(*(ask() for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {ProviderAway}


def made_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "issuer.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file

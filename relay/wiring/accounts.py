"""Who may open the pages."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from relay import addresses, settings
from relay.errors import SettingsError
from relay.journal.journal import Journal
from relay.journal.signins import SignIns
from relay.ops.access import Access, People, Proxy, Role
from relay.ops.access.memory import Shared
from relay.ops.access.oidc import Grants, Issuer, Provider
from relay.settings import Config, Environment


def people(env: Environment) -> People:
    """Raises SettingsError where the users file cannot be used."""
    return People(env.users_file, env.ops_password.get_secret_value() if env.ops_password else None)


def access(env: Environment, config: Config, journal: Journal) -> Access:
    """Who may open the pages. Raises SettingsError where the users file or the provider cannot be used."""
    return Access(
        settings.secret_key(env),
        people(env),
        Proxy(env.trusted_proxies, env.proxy_user_header, Role(env.proxy_role)),
        env.public_url,
        Shared(SignIns(journal)),
        provider(env, config),
    )


def provider(env: Environment, config: Config) -> Provider | None:
    """Whom people sign in with. Raises SettingsError where that cannot be."""
    said = config.ops.oidc
    if said is None:
        return None
    try:
        from relay.ops.access.oidc import standard  # noqa: PLC0415 - the extra is not needed without it
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"[ops.oidc] needs the extra `oidc` ({error.name} is missing): pip install 'commerce-relay[oidc]'"
        ) from None
    secret = said.client_secret.get_secret_value() if said.client_secret else None
    return Provider(
        standard,
        Issuer(said.issuer, said.client_id, secret, _authorities(said.ca_file)),
        Grants(
            said.roles_claim,
            {word: Role(role) for word, role in said.roles.items()},
            {address: Role(role) for address, role in said.emails.items()},
            {domain: Role(role) for domain, role in said.domains.items()},
            said.name_claim,
        ),
        name=said.called,
        site=addresses.site(env.host, env.port, env.public_url),
        scopes=said.scopes,
        session=said.session,
    )


def _authorities(file: Path | None) -> ssl.SSLContext:
    """Those of the `file`, else those that everybody trusts."""
    if file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise SettingsError(f"ops.oidc.ca_file is {str(file)!r}: {error.strerror or error}") from error

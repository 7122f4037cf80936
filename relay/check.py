"""`relay check`: what would go wrong, before it does."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, Literal, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from relay import wiring
from relay.errors import AttemptError, JournalAway, KeyRefused, VaultShut
from relay.journal.numbers import Numbers
from relay.ops.access.oidc import Provider, ProviderAway, ProviderRefused
from relay.ops.access.people import SHORTEST
from relay.ops.alerts.channels import Channel, Unsent
from relay.ops.alerts.words import test_message
from relay.settings import Config, Environment

_SHORT_TOKEN: Final = 16
_OLDEST: Final = (6, 2)


@dataclass(frozen=True, slots=True)
class Finding:
    level: Literal["ok", "warn", "fault"]
    what: str
    says: str


async def run(env: Environment, config: Config, *, send_alert: bool = False) -> list[Finding]:
    """Raises SettingsError where the configuration itself is wrong. `send_alert` tries every channel."""
    wiring.sources(config)
    wiring.people(env)
    provider = wiring.provider(env, config)
    said = f"{_counted(len(config.sources), 'source')}, {_counted(len(config.destinations), 'destination')}"
    found = [Finding("ok", "configuration", said)]
    found += _misspelt(os.environ)
    found += _tokens(config)
    found += _doors(env)
    found += _secrets(config)
    found.append(_folder(env.data_dir))
    found += await _redis(env)
    found += await _vault(env, config)
    found += await _stranded(env, config)
    for name in config.destinations:
        found.append(await _destination(name, config))
    found += await _alerts(env, config, send=send_alert)
    return found + (await _provider(env, provider) if provider else [])


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _misspelt(variables: Iterable[str]) -> Iterator[Finding]:
    """Only what is nearly ours: a cluster sets many a RELAY_..._SERVICE_HOST by itself."""
    known = {f"RELAY_{field.upper()}" for field in Environment.model_fields}
    for name in sorted(name for name in variables if name.startswith("RELAY_") and name not in known):
        if meant := difflib.get_close_matches(name, known, n=1, cutoff=0.9):
            yield Finding("warn", name, f"is not read by anything; did you mean {meant[0]}?")


def _tokens(config: Config) -> Iterator[Finding]:
    for name, source in config.sources.items():
        if any(len(token.get_secret_value()) < _SHORT_TOKEN for token in source.tokens):
            yield Finding(
                "warn",
                f"sources.{name}.tokens",
                f"a token is shorter than {_SHORT_TOKEN} characters and can be guessed; make one with "
                "`python3 -c 'import secrets; print(secrets.token_urlsafe())'`",
            )


def _doors(env: Environment) -> Iterator[Finding]:
    """What opens the JSON API and the pages to everyone who guesses it."""
    doors = (
        ("RELAY_API_TOKEN", env.api_token, _SHORT_TOKEN),
        ("RELAY_OPS_PASSWORD", env.ops_password, SHORTEST),
    )
    for name, secret, least in doors:
        if secret is not None and len(secret.get_secret_value()) < least:
            yield Finding("warn", name, f"is shorter than {least} characters and can be guessed")


def _secrets(config: Config) -> Iterator[Finding]:
    for source in wiring.sources(config):
        if source.signature and any(len(key) < _SHORT_TOKEN for key in source.signature.keys):
            yield Finding(
                "warn",
                f"sources.{source.name}.signature.secrets",
                f"a secret is shorter than {_SHORT_TOKEN} bytes and can be guessed; have the sender make a "
                "new one, and list both until it is in use",
            )


def _folder(folder: Path) -> Finding:
    """Whether web processes on this host could spool, or make the folder they would need for it."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    try:
        with TemporaryFile(dir=there):
            return Finding("ok", "data folder", str(folder))
    except OSError as error:
        advice = (
            f"nothing can be written to {there} ({error.strerror}): while Redis is away a web process here"
        )
        return Finding("warn", "data folder", f"{advice} could keep no postback; see RELAY_DATA_DIR")


async def _redis(env: Environment) -> list[Finding]:
    client = wiring.redis(env, retries=0)
    try:
        info = await client.info()
        return [*_server(info), _role(info, env.redis_replicas), await _fsync(client, info), _memory(info)]
    except (RedisError, OSError) as error:
        where = "RELAY_REDIS_URL" if env.redis_url else "that of `relay dev`: RELAY_REDIS_URL is not set"
        return [Finding("fault", "redis", f"not reached ({where}): {error}")]
    finally:
        await client.aclose(close_connection_pool=True)


async def _stranded(env: Environment, config: Config) -> list[Finding]:
    client = wiring.redis(env, retries=0)
    try:
        stranded = await Numbers(wiring.journal(client, config)).stranded(config.destinations)
    except JournalAway:
        return []
    finally:
        await client.aclose(close_connection_pool=True)
    found = []
    for name, count in stranded.items():
        those = f"{_counted(count, 'relay')} {'is' if count == 1 else 'are'}"
        advice = f"is not set, and {those} to be sent there: set it again until nothing is left, or discard"
        found.append(Finding("fault", f"destinations.{name}", advice))
    return found


async def _vault(env: Environment, config: Config) -> list[Finding]:
    client = wiring.redis(env, retries=0)
    journal = wiring.journal(client, config)
    try:
        await journal.unlock(config.encryption.forgotten)
    except VaultShut as error:
        return [Finding("fault", "encryption", str(error))]
    except JournalAway:
        return []
    finally:
        await client.aclose(close_connection_pool=True)
    if journal.vault.sealing is None:
        return []
    return [Finding("ok", "encryption", f"bodies are sealed with the key {journal.vault.sealing!r}")]


def _server(info: Mapping[str, Any]) -> Iterator[Finding]:
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(n) for n in version.split(".")[:2] if n.isdigit())
    if numbers < _OLDEST:
        yield Finding("fault", "redis version", f"{version}; 6.2 or newer is needed")
    else:
        yield Finding("ok", "redis version", version)
    policy = str(info.get("maxmemory_policy"))
    if policy != "noeviction":
        yield Finding(
            "fault", "redis maxmemory-policy", f"{policy} drops relays when memory is short; set noeviction"
        )
    else:
        yield Finding("ok", "redis maxmemory-policy", policy)


def _role(info: Mapping[str, Any], wanted: int) -> Finding:
    there = int(info.get("connected_slaves", 0))
    if info.get("role") != "master":
        return Finding(
            "fault",
            "redis role",
            "a replica, which takes no writes; name the master, or Sentinel: redis+sentinel://...",
        )
    said = f"master; replicas connected: {there}"
    if there < wanted:
        advice = f"{said}; RELAY_REDIS_REPLICAS asks for {wanted}: until then the spool keeps copies"
        return Finding("warn", "redis role", advice)
    if there and not wanted:
        advice = f"{said}; a failover may lose what was acknowledged last, unless RELAY_REDIS_REPLICAS is 1"
        return Finding("warn", "redis role", advice)
    return Finding("ok", "redis role", said)


async def _fsync(client: Redis, info: Mapping[str, Any]) -> Finding:
    if not info.get("aof_enabled"):
        return Finding(
            "fault", "redis appendonly", "no: what is received is lost when Redis stops; set appendonly yes"
        )
    try:
        answer = cast("dict[str, str]", await client.config_get("appendfsync"))
    except ResponseError:
        return Finding("warn", "redis appendfsync", "not told by this server; it should be always")
    fsync = answer.get("appendfsync", "unknown")
    if fsync == "always":
        return Finding("ok", "redis appendfsync", fsync)
    return Finding(
        "warn", "redis appendfsync", f"{fsync}: a power cut loses what was acknowledged last; always keeps it"
    )


def _memory(info: Mapping[str, Any]) -> Finding:
    used, most = int(info["used_memory"]), int(info.get("maxmemory", 0))
    said = f"{used >> 20} MiB used of {f'{most >> 20} MiB' if most else 'no set limit'}"
    if most and used > most * 0.8:
        advice = "when it is full, postbacks go to the spool and little is sent: raise maxmemory"
        return Finding("warn", "redis memory", f"{said}; {advice}, or shorten [retention]")
    return Finding("ok", "redis memory", said)


async def _destination(name: str, config: Config) -> Finding:
    what = f"destinations.{name}"
    async with wiring.client(config.destinations[name]) as client:
        try:
            await client.account()
        except KeyRefused as error:
            return Finding("fault", f"{what}.api_key", error.reason)
        except AttemptError as error:
            return Finding("fault", f"{what}.url", error.reason)
    return Finding("ok", what, "the key works")


async def _provider(env: Environment, provider: Provider) -> list[Finding]:
    """The client's id and secret show only when somebody signs in."""
    found = []
    if env.public_url is None:
        advice = f"sends people back to {provider.site}, this machine; set RELAY_PUBLIC_URL"
        found.append(Finding("warn", "ops.oidc", advice))
    if not provider.grants.any:
        advice = "gives nobody a role; set roles, emails or domains (who signs in is shown what to go by)"
        found.append(Finding("warn", "ops.oidc", advice))
    try:
        keys = await provider.look()
    except (ProviderAway, ProviderRefused) as error:
        return [*found, Finding("fault", "ops.oidc.issuer", str(error))]
    if not keys:
        advice = "it publishes no RSA or EC key to sign with, so that nobody can sign in"
        return [*found, Finding("fault", "ops.oidc.issuer", advice)]
    said = f"{provider.name} answers; the redirect URI to register there is {provider.back}"
    return [*found, Finding("ok", "ops.oidc", said)]


async def _alerts(env: Environment, config: Config, *, send: bool) -> list[Finding]:
    said = wiring.alerts(env, config)
    if not said.channels:
        advice = "nobody is told when something is wrong; set webhooks or smtp under [alerts]"
        return [Finding("warn", "alerts", advice)]
    return [await _channel(channel, said.url, send=send) for channel in said.channels]


async def _channel(channel: Channel, url: str | None, *, send: bool) -> Finding:
    what = f"alerts to {channel.name}"
    try:
        if send:
            await channel.send(test_message(url))
        else:
            await channel.look()
    except Unsent as error:
        return Finding("fault", what, str(error))
    return Finding("ok", what, "a test was sent" if send else "`relay check --alerts` sends a test")

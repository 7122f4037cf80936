"""Settings: the environment (`RELAY_*`) and `relay.toml`. Read by composition roots, by nothing else."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError

from relay.advice import names, say, say_of
from relay.embedded import socket_path
from relay.errors import SettingsError
from relay.tables import (
    DEFAULT_URL,
    Alerts,
    Config,
    Destination,
    Header,
    LongSecret,
    Smtp,
    Source,
    Table,
    shaped,
)

__all__ = ["DEFAULT_URL", "Alerts", "Config", "Destination", "Environment", "Smtp", "Source"]


def _networks(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part, strict=False) for part in value.replace(",", " ").split())
    except ValueError as error:
        raise ValueError("expected addresses or networks such as 10.0.0.0/8, with commas between") from error


_UTF_8: Final = "utf-8-sig"
"""Some editors put a byte-order mark first, which nobody sees."""
PublicUrl = Annotated[
    str, shaped(r"https?://[^\s/?#]+/?", "https:// and a host, without a path: https://relay.example.com")
]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)]


class Environment(Table):
    """What `RELAY_*` says. `redis_url` None means the embedded Redis of `data_dir`."""

    config: Path
    data_dir: Path
    redis_url: SecretStr | None
    redis_replicas: Annotated[int, Field(ge=0, le=9)]
    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    api_token: SecretStr | None
    ops_password: SecretStr | None
    users_file: Path | None
    secret_key: LongSecret | None
    public_url: PublicUrl | None
    trusted_proxies: Networks
    proxy_user_header: Header | None
    proxy_role: Literal["viewer", "operator", "admin"]
    log_format: Literal["json", "console"]
    log_level: Literal["debug", "info", "warning", "error"]


_DEFAULTS: Final = {
    "RELAY_DATA_DIR": ".relay",
    "RELAY_REDIS_REPLICAS": "0",
    "RELAY_HOST": "127.0.0.1",
    "RELAY_PORT": "8080",
    "RELAY_TRUSTED_PROXIES": "",
    "RELAY_PROXY_ROLE": "viewer",
    "RELAY_LOG_FORMAT": "console",
    "RELAY_LOG_LEVEL": "info",
}


def environment(env: Mapping[str, str] | None = None, **flags: Any) -> Environment:
    """A flag beats the environment beats the default. Raises SettingsError naming the variable."""
    given = {k: v for k, v in (os.environ if env is None else env).items() if v}
    data_dir = Path(flags.get("data_dir") or given.get("RELAY_DATA_DIR") or _DEFAULTS["RELAY_DATA_DIR"])
    said = {**_DEFAULTS, **given}
    values: dict[str, Any] = {field: said.get(f"RELAY_{field.upper()}") for field in Environment.model_fields}
    values.update({name: value for name, value in flags.items() if value is not None})
    values["config"] = values["config"] or _default_config(data_dir)
    for field in ("log_format", "log_level"):
        values[field] = str(values[field]).lower()
    try:
        found = Environment.model_validate(values)
    except ValidationError as error:
        raise SettingsError(say_of(error, lambda path: f"RELAY_{str(path[0]).upper()}")) from error
    if found.proxy_user_header and not found.trusted_proxies:
        raise SettingsError(
            "RELAY_PROXY_USER_HEADER needs RELAY_TRUSTED_PROXIES, else anyone could name themselves"
        )
    return found


def of_running(env: Environment) -> Environment:
    """`env` with the port of the `relay dev` that runs in its data folder, unless one was set."""
    port = env.data_dir / "dev.port"
    if "RELAY_PORT" in os.environ or env.port != int(_DEFAULTS["RELAY_PORT"]) or not port.exists():
        return env
    return env.model_copy(update={"port": int(port.read_text())})


def _default_config(data_dir: Path) -> Path:
    made = data_dir / "dev.toml"  # written by `relay dev`, and in force while it runs
    running = (data_dir / "dev.port").exists()
    return made if made.exists() and (running or not Path("relay.toml").exists()) else Path("relay.toml")


def load(path: Path, env: Mapping[str, str] | None = None, *, secrets_needed: bool = True) -> Config:
    """`relay.toml` with its "env:" and "file:" references resolved.

    Without `secrets_needed` a reference that leads nowhere stays as it is written: looking into the journal
    asks for no key.

    Raises SettingsError: one message that names the key, what was found and what was expected.
    """
    config = parse(read(path), env, where=str(path), secrets_needed=secrets_needed)
    for name, source in config.sources.items():
        if source.destination not in config.destinations:
            raise SettingsError(
                f"{path}: sources.{name}.destination is {source.destination!r}; "
                f"expected one of {names(config.destinations)}"
            )
    return config


def read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(_UTF_8))
    except FileNotFoundError as error:
        raise SettingsError(
            f"{path} does not exist; write it, name another in RELAY_CONFIG, or use `relay dev`"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def parse(
    raw: Mapping[str, Any],
    env: Mapping[str, str] | None = None,
    *,
    where: str = "relay.toml",
    secrets_needed: bool = True,
) -> Config:
    try:
        return Config.model_validate(
            _resolved(raw, os.environ if env is None else env, (), needed=secrets_needed)
        )
    except ValidationError as error:
        raise SettingsError(f"{where}: {say(error)}") from error


def _resolved(value: Any, env: Mapping[str, str], path: tuple[str, ...], *, needed: bool) -> Any:
    if isinstance(value, Mapping):
        return {key: _resolved(child, env, (*path, key), needed=needed) for key, child in value.items()}
    if isinstance(value, list):
        return [_resolved(child, env, (*path, str(i)), needed=needed) for i, child in enumerate(value)]
    if isinstance(value, str) and value.startswith("env:"):
        name = value.removeprefix("env:")
        if not env.get(name) and not needed:
            return value
        if not env.get(name):
            raise _unset(".".join(path), name)
        return env[name]
    if isinstance(value, str) and value.startswith("file:"):
        try:
            return _secret_file(Path(value.removeprefix("file:")), ".".join(path))
        except SettingsError:
            if needed:
                raise
    return value


def needed(secret: SecretStr, key: str) -> str:
    """The value of a secret of a configuration that was read without them. Raises SettingsError for none."""
    text = secret.get_secret_value()
    if text.startswith("env:"):
        raise _unset(key, text.removeprefix("env:"))
    return _secret_file(Path(text.removeprefix("file:")), key) if text.startswith("file:") else text


def _unset(key: str, name: str) -> SettingsError:
    advice = ""
    if name in dotenv_values(".env"):
        advice = "; .env has it, which only `relay dev` reads: `set -a; . ./.env; set +a` sets it here too"
    return SettingsError(f"{key} asks for the environment variable {name}, which is not set{advice}")


def _secret_file(file: Path, key: str) -> str:
    try:
        return file.read_text(_UTF_8).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{key} asks for the file {file}: {error}") from error


def redis_url(env: Environment) -> str:
    """The Redis to use: RELAY_REDIS_URL, else the embedded one of the data folder."""
    if env.redis_url is not None:
        return env.redis_url.get_secret_value()
    return f"unix://{socket_path(env.data_dir)}"


def secret_key(env: Environment) -> str:
    """What keys are derived from: RELAY_SECRET_KEY, else one of the data folder.

    Where that cannot be written, one that lasts as long as the process: postbacks are taken all the same.
    """
    if env.secret_key:
        return env.secret_key.get_secret_value()
    try:
        return kept_secret(env.data_dir, "secret_key")
    except OSError:
        return secrets.token_urlsafe(32)


def kept_secret(data_dir: Path, name: str, *, length: int = 32) -> str:
    """A random secret kept in the data folder, made at first use (file mode 0600)."""
    file = data_dir / name
    if not file.exists():
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f"{name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(length))
        with suppress(FileExistsError):  # of two processes that start at once, the first one's stands
            file.hardlink_to(fresh)
        fresh.unlink()
    return file.read_text().strip()

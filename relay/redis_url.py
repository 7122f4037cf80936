"""RELAY_REDIS_URL: one server by TCP, TLS or unix socket, or the master that Sentinel names."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from relay.errors import SettingsError

_REDIS_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_SENTINEL_ANSWERS: Final = 1.0
"""Seconds, before the next Sentinel is asked: one whose host is gone must not hold up all the rest."""

_SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_HOST: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>\d{1,5}))?")
_TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_SENTINEL: Final = ("sentinel_username", "sentinel_password")
_YES_NO: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _Fault(ValueError):
    """What is wrong; it must repeat nothing of the URL that may be its password."""


@dataclass(frozen=True, slots=True)
class _Said:
    scheme: str
    login: Mapping[str, str]
    hosts: tuple[tuple[str, int], ...]
    path: str
    options: Mapping[str, str]

    @property
    def by_sentinel(self) -> bool:
        return self.scheme.endswith("+sentinel")

    @property
    def by_tls(self) -> bool:
        return self.scheme.startswith("rediss")


def pool(url: str, **connection: Any) -> ConnectionPool:
    """The connections a URL asks for; `connection` is what every one of them gets besides.

    Raises SettingsError.
    """
    connection = {"redis_connect_func": _greeted, **connection}
    try:
        said = _read(url)
        return _sentinel_pool(said, connection) if said.by_sentinel else _pool(said, connection)
    except _Fault as fault:
        raise SettingsError(f"RELAY_REDIS_URL {fault}") from None


async def _greeted(connection: AbstractConnection) -> None:
    """One that was just made is asked for no sign of life.

    redis-py 5.3 asks for one while it still connects, and where that fails connects anew within: while Redis
    is loading, one within the other until the stack is full.
    """
    now = asyncio.get_running_loop().time()
    connection.next_health_check = now + connection.health_check_interval
    await connection.on_connect()


def _pool(said: _Said, connection: Mapping[str, Any]) -> ConnectionPool:
    given: dict[str, Any] = {**connection, **said.login}
    if said.scheme == "unix":
        if not said.path:
            raise _Fault("names no socket; expected unix:///path/to/redis.sock")
        given |= {"path": said.path, "db": _database(said.options.get("db", ""))}
        return ConnectionPool(connection_class=UnixDomainSocketConnection, **given)
    host, port = said.hosts[0]
    db = said.path.strip("/") or said.options.get("db", "")
    given |= {"host": host, "port": port, "db": _database(db), **_tls(said)}
    return ConnectionPool(connection_class=SSLConnection if said.by_tls else Connection, **given)


def _sentinel_pool(said: _Said, connection: Mapping[str, Any]) -> ConnectionPool:
    service, _, db = said.path.strip("/").partition("/")
    if not service:
        raise _Fault(
            "names no service; expected redis+sentinel://host:26379,host2:26379/SERVICE with the name that "
            "`sentinel monitor` gave to the master"
        )
    tls: dict[str, Any] = {"ssl": True, **_tls(said)} if said.by_tls else {}
    own = {key.removeprefix("sentinel_"): said.options[key] for key in _SENTINEL if key in said.options}
    waits = {key: value for key, value in connection.items() if key.startswith("socket_")}
    asked = {**waits, "socket_timeout": _SENTINEL_ANSWERS, **own, **tls}
    sentinel = Sentinel(said.hosts, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    given = {**connection, **said.login, **tls, "db": _database(db or said.options.get("db", ""))}
    return _MasterPool(service, sentinel, **given)  # type: ignore[no-untyped-call]


class _MasterPool(SentinelConnectionPool):
    """Sentinel's, which leaves the connections to the Sentinels themselves open."""

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - as it is there
        await super().disconnect(inuse_connections)
        if inuse_connections:
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.aclose(close_connection_pool=True)


def _read(url: str) -> _Said:
    parts = _split(url)
    if parts.scheme not in _SCHEMES:
        starts = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise _Fault(f"is not understood; expected it to start with one of {starts}")
    login, _, where = parts.netloc.rpartition("@")
    name, _, password = login.partition(":")
    named = {"username": unquote(name), "password": unquote(password)}
    if parts.scheme == "unix" and where:
        raise _Fault("has a host before the socket's path; expected unix:///path/to/redis.sock")
    said = _Said(
        scheme=parts.scheme,
        login={key: value for key, value in named.items() if value},
        hosts=tuple(_hosts(where, _SENTINEL_PORT if "sentinel" in parts.scheme else _REDIS_PORT)),
        path=unquote(parts.path),
        options=dict(parse_qsl(parts.query, keep_blank_values=True)),
    )
    _refuse_unknown(said)
    return said


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _Fault(f"is not a URL; {_ESCAPE}") from None
    if parts.fragment:
        raise _Fault(f"is not a URL; {_ESCAPE}")
    return parts


_ESCAPE: Final = (
    "write / # ? @ : % in user and password as %2F %23 %3F %40 %3A %25, and IPv6 hosts in brackets"
)


def _hosts(where: str, port: int) -> Iterator[tuple[str, int]]:
    for one in where.split(","):
        found = _HOST.fullmatch(one or "localhost")
        if found is None or int(found["port"] or port) not in range(1, 65536):
            raise _Fault(f"has a wrong host or port; expected HOST or HOST:PORT; {_ESCAPE}")
        yield found["six"] or found["name"], int(found["port"] or port)


def _refuse_unknown(said: _Said) -> None:
    if len(said.hosts) > 1 and not said.by_sentinel:
        raise _Fault("names several hosts; that is for redis+sentinel:// and rediss+sentinel://")
    known = ["db", *(_TLS if said.by_tls else ()), *(_SENTINEL if said.by_sentinel else ())]
    for key in said.options:
        if key in _TLS and not said.by_tls:
            raise _Fault(f"sets {key}, which is for rediss:// and rediss+sentinel://")
        if key not in known:
            raise _Fault(f"has an option after the ? that is not known; known are {', '.join(known)}")


def _database(text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        raise _Fault("names a database that is no number; leave it out for database 0")
    return int(text)


def _tls(said: _Said) -> dict[str, Any]:
    """Certificates are verified, names in them included, unless the URL says otherwise."""
    if not said.by_tls:
        return {}
    files = {key: said.options[key] for key in _TLS[:3] if key in said.options}
    need = said.options.get("ssl_cert_reqs", "required")
    if need not in ("required", "optional", "none"):
        raise _Fault("has an ssl_cert_reqs that is none of required, optional, none")
    check = said.options.get("ssl_check_hostname", "true" if need == "required" else "false").lower()
    if check not in _YES_NO:
        raise _Fault("has an ssl_check_hostname that is neither true nor false")
    if need == "none" and _YES_NO[check]:
        raise _Fault("checks the host's name in a certificate that ssl_cert_reqs=none does not look at")
    _look_into(files)
    return {**files, "ssl_cert_reqs": need, "ssl_check_hostname": _YES_NO[check]}


def _look_into(files: Mapping[str, str]) -> None:
    """What cannot be read would look like a Redis that is away."""
    try:
        looked = ssl.create_default_context(cafile=files.get("ssl_ca_certs"))
        if "ssl_certfile" in files:
            looked.load_cert_chain(files["ssl_certfile"], files.get("ssl_keyfile"), password="")
    except OSError as error:  # an SSLError is one
        reason = error.strerror or type(error).__name__
        raise _Fault(
            f"names certificates that cannot be used ({reason}); look at {', '.join(files)}: "
            "files in PEM form that this user may read, a key without a passphrase"
        ) from None

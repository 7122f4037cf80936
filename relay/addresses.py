"""Addresses: what may be listened on, how it is reached from here, and the URLs that people are told."""

from __future__ import annotations

import errno
import secrets
import socket
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlsplit

from relay.errors import SettingsError

LOOPBACK: Final = "127.0.0.1"
_OWN: Final = frozenset({"localhost", LOOPBACK, "::1"})
_HIGHEST_PORT: Final = 65_535
_OWN_CHOICE: Final = range(20_000, 30_000)  # below what systems give out by themselves


def free_port(host: str, port: int) -> int:
    """The port, or any free one for 0. Raises SettingsError if it cannot be listened on."""
    if port == 0:
        return _any_port(host)
    try:
        socket.create_server((host, port), family=_family(host)).close()
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL or (error.errno or 0) < 0:  # below 0: no such name
            raise SettingsError(f"RELAY_HOST is {host!r}; expected an address of this machine") from error
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise SettingsError(f"port {port} {reason}; choose another with --port or RELAY_PORT") from error
    return port


def port_near(port: int) -> int:
    """The port for the stand-in: this one, else any."""
    with suppress(SettingsError):
        return free_port(LOOPBACK, port if port <= _HIGHEST_PORT else 0)
    return free_port(LOOPBACK, 0)


def _any_port(host: str) -> int:
    """Not the system's choice: before the child listens, it could be given to any other connection."""
    for port in secrets.SystemRandom().sample(_OWN_CHOICE, 20):
        with suppress(OSError):
            socket.create_server((host, port), family=_family(host)).close()
            return port
    return free_port(host, secrets.choice(_OWN_CHOICE))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def site(host: str, port: int, public_url: str | None = None) -> str:
    """The first part of every URL: as the world reaches the relay, where that is known."""
    return public_url.rstrip("/") if public_url else f"http://{named(host)}:{port}"


def postback_url(site: str, source: str, token: str) -> str:
    return f"{site}/in/{source}/{quote(token, safe='')}"


def reach(host: str) -> str:
    """An address that a process of this machine can connect to."""
    any_address = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "::": "::1"}
    found = any_address.get(host, host)
    return f"[{found}]" if ":" in found else found


def named(host: str) -> str:
    return "localhost" if host in ("", LOOPBACK, "0.0.0.0", "::", "::1") else reach(host)


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    own = parts.scheme == "http" and parts.hostname in _OWN
    return bool(parts.hostname) and (parts.scheme == "https" or own)

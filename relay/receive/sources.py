"""Who may send: sources and their tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from relay.normalise.contract import Adapter

_NOBODY: Final = secrets.token_bytes(32)
BOOKED_WINDOW: Final = timedelta(days=7)
OTHER_WINDOW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Source:
    """A configured sender. `window` overrides how long a copy is known as one.

    `tokens` are kept as digests for the check; the plain ones serve only to find them in a postback and
    leave them out of what is stored.
    """

    name: str
    destination: str
    adapter: Adapter
    tokens: tuple[str, ...]
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """A request whose token was right. Only this can be recorded."""

    source: Source


class Gate:
    """Compares one digest whether or not the source exists, so that a stranger learns nothing."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {s.name: (s, tuple(_digest(t) for t in s.tokens)) for s in sources}

    def verify(self, name: str, token: str) -> Verified | None:
        source, digests = self._sources.get(name, (None, (_NOBODY,)))
        shown = _digest(token)
        right = False
        for digest in digests:
            right |= hmac.compare_digest(digest, shown)
        return Verified(source) if right and source is not None else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def token_in(headers: Mapping[str, str]) -> str:
    """The token of `Authorization`: a bearer, or the password of basic auth. "" where there is none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""

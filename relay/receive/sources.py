"""Who may send: sources, their tokens and their signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from relay.normalise.contract import Adapter, Postback
from relay.receive.signatures import Signature

_NOBODY: Final = secrets.token_bytes(32)
BOOKED_WINDOW: Final = timedelta(days=7)
OTHER_WINDOW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Source:
    """A configured sender. `window` overrides how long a copy is known as one.

    `tokens` are kept as digests for the check; the plain ones serve only to find them in a postback and
    leave them out of what is stored. `can_correct`: its sender mends what it is told is wrong. One body under
    two values of `topic_header` is two postbacks.
    """

    name: str
    destination: str
    adapter: Adapter
    tokens: tuple[str, ...]
    window: timedelta | None = None
    signature: Signature | None = None
    can_correct: bool = False
    topic_header: str = ""

    @property
    def secret_headers(self) -> frozenset[str]:
        """Headers whose values are never stored, beside those whose names tell."""
        return frozenset({self.signature.signing.header}) if self.signature else frozenset()


@dataclass(frozen=True, slots=True)
class Verified:
    """A request whose token was right, and whose signature was where the source asks for one.

    Only this can be recorded. `delivery_id` is the one that was signed, "" for none.
    """

    source: Source
    delivery_id: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request whose token was right: its body may be read."""

    source: Source

    def verify(self, postback: Postback) -> Verified:
        """Raises SignatureWrong where the source's sender did not sign it."""
        signature = self.source.signature
        return Verified(self.source, signature.verify(postback) if signature else "")


class Gate:
    """Compares one digest whether or not the source exists, so that a stranger learns nothing."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {s.name: (s, tuple(_digest(t) for t in s.tokens)) for s in sources}

    def admit(self, name: str, token: str) -> Admitted | None:
        source, digests = self._sources.get(name, (None, (_NOBODY,)))
        shown = _digest(token)
        right = False
        for digest in digests:
            right |= hmac.compare_digest(digest, shown)
        return Admitted(source) if right and source is not None else None


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
        except ValueError:  # no base64, or no text
            return ""
    return ""

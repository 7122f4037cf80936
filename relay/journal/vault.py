"""Encryption at rest: bodies, history and what order books hold of people are sealed, where a key is set.

Sealed by AES-256-GCM under a key derived from a secret; the first key seals, each opens what it sealed, so
that a key can be rotated. Without a key everything lies as it is; what lies open is read with a key too.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from relay.errors import VaultShut

_MARK: Final = b"\x01s1"
"""No JSON and no zstandard frame begins so."""

_TEXT_MARK: Final = "~s1"
_NONCE: Final = 12
_PURPOSE: Final = b"commerce-relay bodies at rest"


@dataclass(frozen=True, slots=True)
class Key:
    """`id` stands beside everything it sealed."""

    id: str
    secret: str = field(repr=False)


class Vault:
    """`keys`: the first seals, all open. None of them: nothing is sealed."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        self._ciphers = {key.id: AESGCM(_derived(key.secret)) for key in keys}
        self.sealing = keys[0].id if keys else None

    @property
    def ids(self) -> frozenset[str]:
        """The keys at hand."""
        return frozenset(self._ciphers)

    def seal(self, data: bytes) -> bytes:
        if self.sealing is None:
            return data
        head = _MARK + len(self.sealing).to_bytes(1) + self.sealing.encode()
        nonce = os.urandom(_NONCE)
        return head + nonce + self._ciphers[self.sealing].encrypt(nonce, data, head)

    def open(self, data: bytes) -> bytes:
        """What was sealed; what never was, as it is. Raises VaultShut."""
        if data[: len(_MARK)] != _MARK:
            return data
        start = len(_MARK) + 1
        head, rest = data[: start + data[start - 1]], data[start + data[start - 1] :]
        name = head[start:].decode(errors="replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise VaultShut(name)
        try:
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], head)
        except InvalidTag:
            raise VaultShut(name, wrong=True) from None

    def seal_text(self, text: str) -> str:
        if self.sealing is None:
            return text
        return _TEXT_MARK + base64.b64encode(self.seal(text.encode())).decode()

    def open_text(self, text: str) -> str:
        """Raises VaultShut."""
        if not text.startswith(_TEXT_MARK):
            return text
        return self.open(base64.b64decode(text[len(_TEXT_MARK) :])).decode()


def _derived(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())

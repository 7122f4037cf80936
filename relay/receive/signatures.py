"""Whether a source's sender signed a request: HMAC over the raw body, in any of the usual forms."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.errors import SignatureWrong
from relay.normalise import times
from relay.normalise.contract import Postback, Signing

TOLERANCE: Final = timedelta(minutes=5)
"""How far the time a request was signed may lie from its receipt, either way."""

_PARTS: Final = re.compile(r"\{(body|timestamp|id)\}")
_IN_MS: Final = 12  # digits; in seconds that many lie beyond the year 5000
_LONGEST_STAMP: Final = 13
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how Standard Webhooks writes its secrets


@dataclass(frozen=True, slots=True)
class Signature:
    """`keys`: any of them may have signed, so that a secret can be rotated."""

    signing: Signing
    keys: tuple[bytes, ...]
    tolerance: timedelta = TOLERANCE

    def verify(self, postback: Postback) -> str:
        """The signed id of the delivery, "" where the scheme has none. Raises SignatureWrong."""
        if self.signing.ping and re.fullmatch(self.signing.ping.encode(), postback.body):
            return ""
        if not postback.body:
            raise SignatureWrong("the body is empty, and the query is not signed")
        signing, headers = self.signing, postback.headers
        shown = _shown(signing, _header(headers, signing.header))
        if signing.timestamp_header:
            self._check_time(_header(headers, signing.timestamp_header), postback.received_at)
        signed = self._signed(headers, postback.body)
        right = False
        for key in self.keys:
            expected = hmac.digest(key, signed, signing.algorithm)
            for candidate in shown:
                right |= hmac.compare_digest(expected, candidate)
        if not right:
            raise SignatureWrong(f"no secret gives the value in {signing.header}")
        return headers[signing.id_header] if signing.id_header else ""

    def sign(
        self, body: bytes, headers: Mapping[str, str], now: datetime, delivery_id: str
    ) -> dict[str, str]:
        """The headers a sender adds; `delivery_id` where the scheme has one and `headers` do not."""
        signing = self.signing
        added = {}
        if signing.id_header:
            added[signing.id_header] = headers.get(signing.id_header, delivery_id)
        if signing.timestamp_header:
            added[signing.timestamp_header] = str(int(now.timestamp()))
        digest = hmac.digest(self.keys[0], self._signed(added, body), signing.algorithm)
        text = digest.hex() if signing.encoding == "hex" else base64.b64encode(digest).decode()
        return {**added, signing.header: signing.prefix + text}

    def _signed(self, headers: Mapping[str, str], body: bytes) -> bytes:
        if self.signing.signed == "{body}":
            return body
        values = {
            "body": body,
            "timestamp": headers.get(self.signing.timestamp_header, "").encode("latin-1"),
            "id": headers.get(self.signing.id_header, "").encode("latin-1"),
        }
        pieces = _PARTS.split(self.signing.signed)  # text, name, text, name, ... text
        return b"".join(values[p] if odd % 2 else p.encode() for odd, p in enumerate(pieces))

    def _check_time(self, stamp: str, received_at: datetime) -> None:
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _LONGEST_STAMP):
            raise SignatureWrong(f"{self.signing.timestamp_header} is no Unix time")
        signed_ms = int(stamp) * (1 if len(stamp) >= _IN_MS else 1000)
        apart = abs(times.to_ms(received_at) - signed_ms)
        if apart > self.tolerance // timedelta(milliseconds=1):
            raise SignatureWrong(
                f"signed {apart // 1000} s from its receipt; is a clock wrong, or `tolerance` too short?"
            )


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise SignatureWrong(f"the header {name} is missing")
    return value


def _shown(signing: Signing, value: str) -> Sequence[bytes]:
    """Every signature in the header: a sender that rotates its secret shows one for each."""
    found = re.findall(rf"(?:^|[\s,;]){re.escape(signing.prefix)}([\w+/=-]+)", value, re.ASCII)
    return [digest for text in found if (digest := _decoded(text, signing.encoding)) is not None]


def _decoded(text: str, encoding: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def key_of(secret: str, signing: Signing) -> bytes:
    """The key in a secret as the sender's page shows it. Raises ValueError where it holds none."""
    if signing.key == "text":
        return secret.encode()
    text = secret.removeprefix(_SECRET_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(
            "it is not base64; a Standard Webhooks secret looks like whsec_MfKQ9r8G..."
        ) from error
    if not key:
        raise ValueError("it holds no key")
    return key

"""JSON bodies in clear: webhooks, what was pulled, flat postbacks. Encrypted ones are told from broken ones.

The platform encrypts its webhooks, and says nowhere how (which mode, which vector, which key), so that such a
body is refused with what to do about it.
"""

from __future__ import annotations

import base64
import binascii
import re
from codecs import BOM_UTF8
from typing import Final

from relay.errors import Malformed
from relay.normalise import fields
from relay.normalise.contract import Postback
from relay.normalise.fields import Fields

_ENCRYPTED: Final = (
    "the body is encrypted, as Webhook Services send it, and the vendor documents no way to read it: ask "
    "Sticky.io's support to switch the service to clear, or to switch it off and use polling: `relay catalog`"
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]{60,}={0,2}")
_BLOCK: Final = 16


def read(postback: Postback) -> Fields | None:
    """The object in a JSON body; None where the body is none. Raises Malformed."""
    body = postback.body.removeprefix(BOM_UTF8).strip()
    if _is_encrypted(body):
        raise Malformed(_ENCRYPTED)
    if body[:1] == b'"':
        return _in_string(fields.decoded(body))
    return _in_clear(fields.from_json(fields.decoded(body))) if body[:1] == b"{" else None


def _in_string(text: str) -> Fields | None:
    """A service's payload is JSON text, so that it may come as a JSON string of it."""
    inner = fields.from_json(f'{{"it":{text}}}').get("it")
    if not isinstance(inner, str):
        return None
    if _is_encrypted(_bytes(inner)):
        raise Malformed(_ENCRYPTED)
    return _in_clear(fields.from_json(inner))


def _in_clear(tree: Fields) -> Fields:
    lone = list(tree.values())
    if len(lone) == 1 and isinstance(lone[0], str) and _is_encrypted(_bytes(lone[0])):
        raise Malformed(_ENCRYPTED)
    return tree


def _bytes(text: str) -> bytes:
    return text.strip().encode("utf-8", "replace")


def _is_encrypted(body: bytes) -> bool:
    """Base64 of whole blocks, with or without OpenSSL's head; no form and no JSON looks like it."""
    if not _BASE64.fullmatch(body):
        return False
    try:
        size = len(base64.b64decode(b"".join(body.split()), validate=True))
    except binascii.Error:
        return False
    return size % _BLOCK == 0

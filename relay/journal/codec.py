"""How bodies and history lie in Redis: compressed JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import zstandard
from pydantic_core import from_json, to_json

from relay.normalise import times
from relay.normalise.contract import Postback

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_compressor: Final = zstandard.ZstdCompressor(level=3)
_decompressor: Final = zstandard.ZstdDecompressor()
_MOST: Final = 64 * 1024 * 1024


def pack(value: Mapping[str, Any]) -> bytes:
    return _compressor.compress(to_json(value))


def unpack(data: bytes) -> dict[str, Any]:
    plain = _decompressor.decompress(data, max_output_size=_MOST) if data[:4] == _MAGIC else data
    value: dict[str, Any] = from_json(plain)
    return value


def postback_to_plain(postback: Postback) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "method": postback.method,
        "query": postback.query,
        "headers": dict(postback.headers),
        "received_at": times.to_ms(postback.received_at),
    }
    try:
        plain["body"] = postback.body.decode()
    except UnicodeDecodeError:
        plain["body_base64"] = base64.b64encode(postback.body).decode()
    return plain


def postback_from_plain(plain: Mapping[str, Any]) -> Postback:
    binary = plain.get("body_base64")
    return Postback(
        method=plain["method"],
        query=plain["query"],
        headers=plain["headers"],
        body=base64.b64decode(binary) if binary else plain["body"].encode(),
        received_at=times.from_ms(plain["received_at"]),
    )

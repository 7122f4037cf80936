"""How bodies, history and the parts of order books lie in Redis: compressed JSON.

`dictionary.txt` holds what nearly all of it repeats: a body of 2 KB takes a quarter less with it, the part of
a book half. Whatever was written with it can only be read with it: not a letter of it may change.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import zstandard
from pydantic_core import from_json, to_json

from relay.normalise import times
from relay.normalise.contract import Postback

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_LEVEL: Final = 3
_dictionary: Final = zstandard.ZstdCompressionDict(
    (files("relay.journal") / "dictionary.txt").read_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT
)
_dictionary.precompute_compress(level=_LEVEL)
_compressor: Final = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary)
_decompressor: Final = zstandard.ZstdDecompressor(dict_data=_dictionary)
_MOST: Final = 64 * 1024 * 1024


def pack(value: Mapping[str, Any]) -> bytes:
    return squeeze(to_json(value))


def unpack(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = from_json(expand(data) if data[:4] == _MAGIC else data)
    return value


def squeeze(text: bytes) -> bytes:
    return _compressor.compress(text)


def expand(data: bytes) -> bytes:
    return _decompressor.decompress(data, max_output_size=_MOST)


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

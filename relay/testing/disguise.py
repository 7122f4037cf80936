"""Stand-ins for what people are called and reached by: invented, always the same for one key, of one shape.

A stand-in has the length, the case and the kinds of characters of what it stands for, word by word, so that a
name cut in two, or written in capitals, stands for the same name. Without the key nobody finds the way back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

_EMAIL: Final = r"[^\s@<>()\[\],;:\"'\\/=?&]+@[^\s@<>()\[\],;:\"'\\/=?&]+"
_HOST: Final = r"(?<=://)[^\s/?#:\"'<>]+"
_IPV4: Final = r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
_IPV6: Final = r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}(?![\w:])"
_PIECE: Final = re.compile(
    rf"(?P<email>{_EMAIL})|(?P<scheme>https?(?=://))|(?P<host>{_HOST})|(?P<v6>{_IPV6})|(?P<v4>{_IPV4})"
    r"|(?P<word>[^\W_]+)"
)
_DIGITS: Final = re.compile(r"\d+")
_HEX: Final = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}")
_VOWELS: Final = "aeiou"
_CONSONANTS: Final = "bcdfghjklmnpqrstvwxyz"
_LATIN: Final = "àáâãäåæçèéêëìíîïñòóôõöøùúûüý"
_BLOCK: Final = 64
_ROUNDS: Final = 8
_CHUNK: Final = 32  # longer ones the rounds could not mix


class Disguise:
    """All stand-ins of one key."""

    def __init__(self, key: str) -> None:
        self._key = blake2b(key.encode(), digest_size=32).digest()

    def text(self, value: str) -> str:
        """`value` with every word, number, address and host in it replaced; what is between them stays."""
        return _PIECE.sub(self._piece, value)

    def number(self, value: str) -> str:
        """A number as JSON writes it, with other digits."""
        return _DIGITS.sub(lambda found: self._word(found[0]), value)

    def alike(self, before: str, after: str) -> bool:
        """Whether `after` is `before`, some pieces of it replaced by their stand-ins."""
        if before == after or self.text(before) == after or _is_digest(before, after):
            return True
        one, two = _PIECE.split(before), _PIECE.split(after)
        return len(one) == len(two) and all(
            a == b or (a is not None and self.text(a) == b) for a, b in zip(one, two, strict=True)
        )

    def _piece(self, found: re.Match[str]) -> str:
        piece = found[0]
        match found.lastgroup:
            case "email":
                return f"{_PIECE.sub(self._piece, piece.partition('@')[0])}@example.com"
            case "scheme":
                return piece
            case "host":
                return "example.com"
            case "v4":
                return f"192.0.2.{1 + self._digest(piece, 0) % 254}"
            case "v6":
                return f"2001:db8::{1 + self._digest(piece, 0) % 0xFFFE:x}"
        return self._word(piece)

    def _word(self, word: str) -> str:
        return "".join(self._chunk(word[at : at + _CHUNK]) for at in range(0, len(word), _CHUNK))

    def _chunk(self, word: str) -> str:
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in word)
        pools = _pools(lower)
        changed = _spelt(self._other(_number(lower, pools), pools), pools)
        return "".join(
            b.upper() if a.isupper() and len(b.upper()) == 1 else b
            for a, b in zip(word, changed, strict=True)
        )

    def _other(self, number: int, pools: Sequence[str]) -> int:
        """Another number below the product of the pools' sizes: one to one, and never the same."""
        size = 1
        for pool in pools:
            size *= len(pool)
        if size == 1:
            return number
        moved = (self._permuted(number, size, range(_ROUNDS)) + 1) % size
        return self._permuted(moved, size, range(_ROUNDS - 1, -1, -1))

    def _permuted(self, number: int, size: int, rounds: range) -> int:
        """A Feistel network over the next power of four, walked until the number is below `size`."""
        half = ((size - 1).bit_length() + 1) // 2
        while True:
            left, right = divmod(number, 1 << half)
            for step in rounds:
                if rounds.step > 0:
                    left, right = right, left ^ self._digest(f"{size}:{right}", step) % (1 << half)
                else:
                    left, right = right ^ self._digest(f"{size}:{left}", step) % (1 << half), left
            number = (left << half) | right
            if number < size:
                return number

    def _digest(self, text: str, step: int) -> int:
        digest = blake2b(
            text.encode("utf-8", "surrogatepass"), key=self._key, salt=bytes([step]), digest_size=64
        )
        return int.from_bytes(digest.digest())


def _is_digest(before: str, after: str) -> bool:
    """Whether both are made from what was replaced: an adapter's own hash, of one length and prefix."""
    one, two = re.split(r"[^\W_]{16,}", before), re.split(r"[^\W_]{16,}", after)
    return len(one) > 1 and one == two and len(before) == len(after)


def _pools(word: str) -> tuple[str, ...]:
    if _HEX.fullmatch(word):
        return tuple("abcdef" if c.isalpha() else "0123456789" for c in word)
    return tuple(_pool(c, first=at == 0 and len(word) > 1) for at, c in enumerate(word))


@lru_cache(maxsize=4096)
def _pool(character: str, *, first: bool) -> str:
    """The characters that may stand for `character`, itself among them. A leading zero stays one."""
    if character in "0123456789":
        return ("0" if character == "0" else "123456789") if first else "0123456789"
    for pool in (_VOWELS, _CONSONANTS, _LATIN):
        if character in pool:
            return pool
    start = ord(character) // _BLOCK * _BLOCK
    near = [chr(code) for code in range(start, start + _BLOCK)]
    same = [c for c in near if _kind(c) == _kind(character)]
    return "".join(same)


def _kind(character: str) -> tuple[bool, bool, bool]:
    return (
        character.isalpha(),
        character.isnumeric(),
        len(character.lower()) == 1 and character.lower() == character,
    )


def _number(word: str, pools: Sequence[str]) -> int:
    number = 0
    for character, pool in zip(word, pools, strict=True):
        number = number * len(pool) + pool.index(character)
    return number


def _spelt(number: int, pools: Sequence[str]) -> str:
    letters = []
    for pool in reversed(pools):
        number, index = divmod(number, len(pool))
        letters.append(pool[index])
    return "".join(reversed(letters))

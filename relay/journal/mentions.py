"""Whether a text names a person by their e-mail address, however the address is written there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import unquote

_ADDRESS: Final = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")
_ESCAPED: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|[bfnrt])")
_DEEPEST: Final = 3
"""Escapes within one another: JSON in a form within JSON."""


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address, lower case. Others that hold it (banjo@... for jo@...) are other people's."""

    text: str
    _alone: re.Pattern[str] = field(repr=False, compare=False)

    @classmethod
    def of(cls, email: str) -> Self:
        """Raises ValueError for what is none: nearly every body would hold it."""
        text = email.strip().lower()
        if not _ADDRESS.fullmatch(text):
            raise ValueError(f"{email!r} is no e-mail address; expected one such as jo@example.com")
        return cls(text, re.compile(rf"(?<![\w-])(?<!\w\.){re.escape(text)}(?![\w-]|\.\w)", re.ASCII))

    def stands_in(self, text: str) -> bool:
        """In clear, or as a URL, a form or JSON would have it."""
        # The look that is cheap comes first: most texts name somebody else.
        return any(self.text in plain and self._alone.search(plain) for plain in _ever_plainer(text))

    def stands_in_body(self, body: Mapping[str, Any]) -> bool:
        """As it lies in the journal: a postback with what was read out of it, or an entry of history."""
        if self.stands_in(json.dumps(body, ensure_ascii=False)):
            return True
        binary = base64.b64decode((body.get("postback") or {}).get("body_base64", ""))
        return bool(binary) and self.stands_in(_letters(binary))


def _ever_plainer(text: str) -> Iterator[str]:
    yield text.lower()
    for _ in range(_DEEPEST):
        plain = unquote(text)
        while "\\\\" in plain:
            plain = plain.replace("\\\\", "\\")
        plain = _ESCAPED.sub(_written_out, plain)
        if plain == text:
            break
        text = plain
        yield text.lower()


def _written_out(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "


def _letters(binary: bytes) -> str:
    """Of a body that is not UTF-8: Latin letters with some of another encoding among them, or UTF-16."""
    return binary.replace(b"\0", b"").decode(errors="replace")

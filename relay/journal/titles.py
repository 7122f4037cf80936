"""What many dead letters have in common: the reason without what differs from relay to relay.

A title is shown where a reason is not, so nothing of a person stays in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 200
_READ: Final = 1000  # a word of n letters takes n * n steps, and this runs while a postback waits
_FIELD: Final = re.compile(r"([A-Za-z_][\w.\[\]]*|\d{3})(?=: )")
_NUMBER: Final = re.compile(r"\d+")
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'(?!\w)|“[^”]*”")
_VARIES: Final = re.compile(r"[\w.+-]*[\d@][\w.@+-]*")
_SHORTEST: Final = 3


def title_of(reason: str, values: Iterable[str] = ()) -> str:
    """The reason without `values`, what it quotes, and words that hold digits or an address.

    A field or an HTTP status that it begins with stays, since it says what to mend.
    """
    for value in sorted(set(values), key=len, reverse=True):
        if len(value) >= _SHORTEST:
            reason = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", reason, flags=re.IGNORECASE)
    reason = reason[:_READ]
    said = _FIELD.match(reason)
    field = said[0] if said else ""
    rest = _VARIES.sub("#", _QUOTED.sub("…", reason[len(field) :]))
    kept = field if field.isdigit() else _NUMBER.sub("#", field)
    return " ".join(f"{kept}{rest}".split())[:_LONGEST]

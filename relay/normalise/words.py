"""Words for what happened: how they are compared, and how an unknown one is shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from relay.errors import Unsupported
from relay.normalise.events import KINDS

_SEPARATORS: Final = str.maketrans("", "", " \t_-.()")
_LONGEST: Final = 64
_LONGEST_SHOWN: Final = 40  # longer than any trigger

M = TypeVar("M")


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    return text.lower().translate(_SEPARATORS)


def plain(text: str | None) -> str:
    """`text` without case, blanks, hyphens, dots and underscores: "RMA Pending" and RMA_PENDING are one."""
    return _plain(text[:_LONGEST]) if text else ""


class Notice(NamedTuple):
    """What becomes of a trigger the Commerce API has no call for: a reason, or on request a generic event."""

    reason: str
    event: str


def vocabulary(*rows: tuple[M, tuple[str, ...]]) -> dict[str, M]:
    return {plain(word): means for means, words in rows for word in words}


def shown(text: str) -> str:
    """`text` if it looks like a word; a merchant may have mapped something personal by mistake."""
    is_word = text.isascii() and plain(text).isalnum() and len(text) <= _LONGEST_SHOWN
    return f'"{text}"' if is_word else "the value"


def looked_up(text: str, *known: Mapping[str, M], field: str, platform: str) -> M:
    """What `text`, a word for what happened, means by the first of `known` that has it.

    Raises Unsupported for an unknown word: it is never a guess.
    """
    word = plain(text)
    for words in known:
        if word in words:
            return words[word]
    if word in _KINDS:
        raise Unsupported(f"{platform} postbacks cannot carry {shown(text)}", field=field)
    raise Unsupported(
        f"{shown(text)} is no known word for what happened: add event= with a word of the guide to the "
        "postback URL, or say in options.words which known word it stands for",
        field=field,
    )


_KINDS: Final = frozenset(plain(word) for kind in KINDS for word in (kind, kind.rpartition(".")[2]))

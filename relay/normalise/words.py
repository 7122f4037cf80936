"""Words for what happened: how they are compared, and how an unknown one is shown."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeVar

from relay.errors import Unsupported
from relay.normalise.contract import Meaning
from relay.normalise.events import KINDS, Kind

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


def meanings(
    rows: Iterable[tuple[M, Iterable[str]]],
    kinds: Mapping[M, tuple[Kind | Literal[""], str]],
    notices: Mapping[M, Notice],
    wanted: Container[str],
) -> tuple[Meaning, ...]:
    """A vocabulary for people: the words of one meaning in one row, with the kind and note of `kinds`.

    What is in `notices` becomes an event where the options want it, and is ignored otherwise.
    """
    said: dict[M, tuple[str, ...]] = {}
    for means, spelled in rows:
        said[means] = tuple(dict.fromkeys((*said.get(means, ()), *spelled)))
    told = [Meaning(said[means], *kind) for means, kind in kinds.items() if means in said]
    for means, notice in notices.items():
        words = said.get(means, (str(means),))
        is_wanted = str(means) in wanted
        told.append(
            Meaning(words, "customer.event", notice.event) if is_wanted else Meaning(words, "", notice.reason)
        )
    return tuple(told)


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

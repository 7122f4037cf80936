"""What changed between two texts, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    how: Literal["same", "old", "new"]
    text: str


def compared(before: str, after: str) -> tuple[Line, ...]:
    old, new = before.splitlines(), after.splitlines()
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    middle = _middle(old[head : len(old) - tail], new[head : len(new) - tail])
    ends = old[:head], old[len(old) - tail :]
    first, last = (tuple(Line("same", text) for text in end) for end in ends)
    return (*first, *middle, *last)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many they have in common from the start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _middle(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    # Lines that many items of an order share cost the square of their number, unless they are looked past.
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=True).get_opcodes():
        if verb == "equal":
            yield from (Line("same", text) for text in old[a:b])
        else:
            yield from (Line("old", text) for text in old[a:b])
            yield from (Line("new", text) for text in new[c:d])

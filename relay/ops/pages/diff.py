"""What changed between two texts, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    how: Literal["same", "old", "new"]
    text: str


def compared(before: str, after: str) -> tuple[Line, ...]:
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb == "equal":
            lines += [Line("same", text) for text in old[a:b]]
        else:
            lines += [Line("old", text) for text in old[a:b]]
            lines += [Line("new", text) for text in new[c:d]]
    return tuple(lines)

"""The folder of a new adapter: a small distribution that works from the first minute, and its to-dos."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relay.errors import SettingsError

TEMPLATE: Final = Path(__file__).parent / "template"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST: Final = 40
_TODO: Final = re.compile(r"TODO\b[ :]*(.*?)\s*(-->)?$")
_HIDDEN: Final = {"gitignore": ".gitignore"}  # under its own name it would hide what is in the template
_READ: Final = frozenset({".py", ".md", ".toml"})


@dataclass(frozen=True, slots=True)
class ToDo:
    file: Path
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.says}"


def make(name: str, parent: Path) -> Path:
    """Writes `parent/name`. Raises SettingsError for a name that is none, or a folder that is there."""
    _check(name)
    folder = parent / name
    if folder.exists():
        raise SettingsError(f"{folder} is there already; nothing was written")
    for source in _files(TEMPLATE):
        inner = str(source.relative_to(TEMPLATE))
        target = folder / _HIDDEN.get(inner, _named(inner, name))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_named(source.read_text(), name))
    return folder


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or keyword.iskeyword(name):
        raise SettingsError(
            f"{name!r} is no name for an adapter; expected lower-case letters, digits and single "
            f"underscores, a letter first, {_LONGEST} at most: acme, big_shop"
        )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in inner):
            yield path


def _named(text: str, name: str) -> str:
    title = "".join(word.capitalize() for word in name.split("_"))
    plain = text.replace("acme", name).replace("Acme", title)
    return plain.replace(f"relay-{name}", f"relay-{name.replace('_', '-')}")


def todos(folder: Path) -> list[ToDo]:
    """What the author has still to do, in `folder` or, for a package, in its distribution's."""
    root = folder.parent if (folder.parent / "pyproject.toml").is_file() else folder
    return [
        ToDo(file.relative_to(root), number, found[1])
        for file in _files(root)
        if file.suffix in _READ
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if (found := _TODO.search(line))
    ]

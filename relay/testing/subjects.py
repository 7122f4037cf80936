"""The adapters under test: each one installed, found by its entry point, with the fixtures of its folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from relay.errors import SettingsError
from relay.normalise import registry
from relay.normalise.registry import AdapterType
from relay.testing import fixtures
from relay.testing.fixtures import Fixture

FIXTURES = "fixtures"


@dataclass(frozen=True, slots=True)
class Subject:
    """An adapter and what is known of it from its folder. `distribution` is what brought it."""

    name: str
    kind: AdapterType
    folder: Path
    distribution: str
    fixtures: tuple[Fixture, ...]

    def __str__(self) -> str:
        return self.name


def names() -> list[str]:
    return sorted({entry.name for entry in entry_points(group=registry.GROUP)})


@cache
def subject(name: str) -> Subject:
    """Raises SettingsError where no such adapter is installed, or its fixtures cannot be read."""
    folder, kind = place(name)
    try:
        loaded = tuple(fixtures.load(folder / FIXTURES))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{folder / FIXTURES}: {error}") from error
    return Subject(name, kind, folder, _distribution(_entry(name)), loaded)


def place(name: str) -> tuple[Path, AdapterType]:
    """The adapter, and the folder of its package. Raises SettingsError where none is installed."""
    return _folder(_entry(name)), registry.installed()[name]


def _entry(name: str) -> EntryPoint:
    found = {entry.name: entry for entry in entry_points(group=registry.GROUP)}
    if name not in found:
        raise SettingsError(_nobody(name))
    return found[name]


def _folder(entry: EntryPoint) -> Path:
    """Where the adapter's package lies; for a module, the folder it is in."""
    return Path(str(import_module(entry.module).__file__)).parent


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""


def _nobody(name: str) -> str:
    there = f"there is no adapter {name!r}; installed are {', '.join(names()) or 'none'}"
    for folder in (Path(name), Path()):
        if (folder / "pyproject.toml").is_file() and (folder / f"relay_{name}").is_dir():
            where = f"./{folder}" if folder.name else "."
            return f"{there}. Its folder is here but not installed: python -m pip install -e {where}"
    return f"{there}. `relay adapters new {name}` makes the folder of a new one"

"""Finding adapters by entry point: ours come in by the same door as anyone's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final, cast

from pydantic import BaseModel

from relay.errors import SettingsError
from relay.normalise.contract import Adapter, SourceContext

GROUP: Final = "relay.adapters"
OURS: Final = "commerce-relay"


class AdapterType(BaseModel):
    """An adapter class as found, before it is given a source."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    name: str
    build: Callable[..., Adapter]
    options: type[BaseModel]


def foreign() -> list[str]:
    """The names of those adapters that came with another distribution than this one."""
    return sorted(e.name for e in entry_points(group=GROUP) if e.dist is None or e.dist.name != OURS)


def installed() -> dict[str, AdapterType]:
    """Every adapter whose distribution is installed, by name.

    Raises SettingsError where one cannot be imported.
    """
    found = {}
    for entry in entry_points(group=GROUP):
        try:
            loaded = entry.load()
        except Exception as error:
            raise SettingsError(
                f"adapter {entry.name!r} ({entry.value}) cannot be imported: {error}"
            ) from error
        found[entry.name] = AdapterType(
            name=entry.name, build=cast("Callable[..., Adapter]", loaded), options=loaded.Options
        )
    return found


def build(kind: AdapterType, source: SourceContext, options: Mapping[str, Any]) -> Adapter:
    """The adapter for one source. Raises pydantic.ValidationError where its options are wrong."""
    return kind.build(source, kind.options.model_validate(dict(options)))

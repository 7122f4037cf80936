"""Postbacks as fixtures, for the pages: as `relay capture` makes them, the requests alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from relay import settings
from relay.normalise import registry
from relay.normalise.contract import Postback
from relay.settings import Config, Environment
from relay.testing.capture import CAPTURE_KEY, capture
from relay.testing.disguise import Disguise


def capturer(
    env: Environment, config: Config, kinds: Mapping[str, registry.AdapterType] | None = None
) -> Callable[[str, Postback], tuple[str, bytes] | None]:
    """Makes a fixture's request of a postback, as `relay capture` does, and names it."""
    kinds = registry.installed() if kinds is None else kinds

    def captured(name: str, postback: Postback) -> tuple[str, bytes] | None:
        source = config.sources.get(name)
        if source is None:
            return None
        said = {"currency": source.currency, "timezone": source.timezone, "options": source.options}
        disguise = Disguise(settings.kept_secret(env.data_dir, CAPTURE_KEY))
        files = capture(kinds[source.adapter], said, [postback], disguise).files
        return next((file, content) for file, content in files.items() if file.endswith(".http"))

    return captured

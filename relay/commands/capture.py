"""`relay capture`: recorded postbacks as fixtures without the people in them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from relay import settings
from relay.commands.tools import Data, SourceName, Tools, with_tools
from relay.errors import SettingsError
from relay.journal import codec
from relay.journal.records import RelayDetail
from relay.normalise import registry
from relay.normalise.contract import Postback
from relay.ops.filters import FilterError, from_words, words_of
from relay.testing.capture import CAPTURE_KEY, capture
from relay.testing.disguise import Disguise

_SETTINGS: Final = ("timezone", "options", "refund_amount", "chargeback", "revive", "checkout_max_age")
_MOST_STEPS: Final = 50


def capture_(
    source: SourceName,
    wanted: Annotated[
        str, typer.Argument(metavar="FILTER", help='Such as "status:dead since:24h"; without it, all.')
    ] = "",
    last: Annotated[int, typer.Option("--last", min=1, max=500, help="How many, the newest first.")] = 1,
    relay: Annotated[list[str] | None, typer.Option("--relay", help="A relay by its id; repeatable.")] = None,
    order: Annotated[
        str | None, typer.Option("--order", help="All of one order, as a story in steps.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="The folder to write to.")] = Path("captured"),
    data: Data = None,
) -> None:
    """Write recorded postbacks as fixtures, with stand-ins for the people in them."""

    async def ask(tools: Tools) -> list[RelayDetail]:
        return await _found(tools, source, wanted, last=last, relays=relay or [], order=order)

    env = settings.environment(data_dir=data)
    config = settings.load(env.config, secrets_needed=False)
    if source not in config.sources:
        raise SettingsError(f"there is no source {source!r}; configured are {', '.join(config.sources)}")
    kind = registry.installed()[config.sources[source].adapter]
    said = _settings(settings.read(env.config)["sources"][source])
    disguise = Disguise(settings.kept_secret(env.data_dir, CAPTURE_KEY))
    postbacks = _postbacks(with_tools(data, ask))
    to.mkdir(parents=True, exist_ok=True)
    for told in [postbacks] if order else [[one] for one in postbacks]:
        taken = {file.stem.partition(".step")[0] for file in to.glob("*.http")}
        captured = capture(kind, said, told, disguise, taken)
        for name, content in captured.files.items():
            (to / name).write_bytes(content)
            typer.echo(str(to / name))
        for note in captured.notes:
            typer.echo(f"  {note}")
    typer.echo("Read them before you keep them: is the outcome right, and is nobody in them?")


async def _found(
    tools: Tools, source: str, wanted: str, *, last: int, relays: Sequence[str], order: str | None
) -> list[RelayDetail]:
    """Oldest first."""
    queries = tools.desk.queries
    if not relays:
        try:
            asked = from_words(words_of(wanted) | {"source": source} | ({"order": order} if order else {}))
        except FilterError as error:
            raise SettingsError(str(error)) from error
        page = await queries.find(asked, limit=_MOST_STEPS if order else last)
        relays = [found.id for found in reversed(page.relays)]
    details = {one: await queries.detail(one) for one in relays}
    for one, detail in details.items():
        if detail is None or detail.relay.source != source:
            raise SettingsError(f"there is no relay {one} of the source {source!r}")
    return [detail for detail in details.values() if detail is not None]


def _postbacks(details: Sequence[RelayDetail]) -> list[Postback]:
    found = [codec.postback_from_plain(detail.postback) for detail in details if detail.postback]
    gone = len(details) - len(found)
    if not found:
        sys.exit(
            "relay: nothing recorded fits" + (f"; {gone} had their bodies dropped by retention" * bool(gone))
        )
    return found


def _settings(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What of the source's settings the fixture depends on, as written: a secret is only named in them."""
    said: dict[str, Any] = {"currency": raw.get("currency")}
    said |= {key: raw[key] for key in _SETTINGS if raw.get(key)}
    if "upsell" in raw:
        said["upsell"] = str(raw["upsell"]).partition(" ")[0]
    return said

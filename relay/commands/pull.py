"""`relay catalog`, `backfill` and `reconcile`: what the platform knows, asked of it."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from relay import pulls, settings
from relay.commands.tools import Data, Json, SourceName, Tools, with_tools
from relay.pull.compare import Compared
from relay.pull.run import Report

Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day; today.")]
SendIt = Annotated[bool, typer.Option("--send", help="Record what is missing, so that it is sent.")]
Stale = Annotated[bool, typer.Option("--stale", help="Also what is older than 72 h: it mails people.")]


def catalog(source: SourceName, data: Data = None, send: SendIt = False, as_json: Json = False) -> None:
    """Asks the platform for its products; with --send they are relayed."""
    _pull(source, data, pulls.products, send=send, stale=False, as_json=as_json)


def backfill(
    source: SourceName,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")],
    until: Until = None,
    data: Data = None,
    send: SendIt = False,
    stale: Stale = False,
    as_json: Json = False,
) -> None:
    """Asks the platform for its history; with --send what the destination lacks is relayed."""
    choose = pulls.orders(since.date(), until.date() if until else None)
    _pull(source, data, choose, send=send, stale=stale, as_json=as_json)


def reconcile(
    source: SourceName,
    since: Since = None,
    until: Until = None,
    data: Data = None,
    send: SendIt = False,
    stale: Stale = False,
    as_json: Json = False,
) -> None:
    """What the platform sold in the last three days that never reached us; with --send it is relayed."""
    choose = pulls.orders(since.date() if since else None, until.date() if until else None)
    _pull(source, data, choose, send=send, stale=stale, as_json=as_json)


def _pull(
    source: str, data: Path | None, choose: pulls.Choose, *, send: bool, stale: bool, as_json: bool
) -> None:
    config = settings.load(settings.environment(data_dir=data).config)  # with the secrets
    found: list[Compared] = []

    def show(compared: Compared) -> None:
        if as_json:
            found.append(compared)
        elif said := pulls.line(compared):
            typer.echo(said)

    def ask(tools: Tools) -> Awaitable[Report]:
        return pulls.pull(tools.journal, config, source, choose, send=send, stale=stale, show=show)

    report = with_tools(data, ask)
    typer.echo(pulls.to_json(found, report) if as_json else pulls.summary(report, send=send))

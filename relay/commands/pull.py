"""`relay catalog`, `backfill` and `reconcile`: what the platform knows, asked of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from relay import settings, wiring
from relay.commands.tools import Data, Json, SourceName, Tools, print_json, with_tools
from relay.errors import SettingsError
from relay.normalise.pulling import Pull, Puller
from relay.pull.compare import Compared, State
from relay.pull.fetch import Fetcher
from relay.pull.run import Pulling, Report

LOOK_BACK: Final = timedelta(days=3)
"""Rows change for days: a refund, a chargeback, a late capture."""

Choose = Callable[[Puller, ZoneInfo], Pull]
Day = datetime | None
Since = Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="The first day (three days ago).")]
Until = Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="The last day (today).")]
SendIt = Annotated[bool, typer.Option("--send", help="Relay what is missing.")]
Stale = Annotated[bool, typer.Option("--stale", help="Relay even what is older than 72 h: it mails people.")]


def catalog(source: SourceName, data: Data = None, send: SendIt = False, as_json: Json = False) -> None:
    """Ask the platform for its products; --send relays them."""
    _pull(source, data, _products, send=send, stale=False, as_json=as_json)


def backfill(
    source: SourceName,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")],
    until: Until = None,
    data: Data = None,
    send: SendIt = False,
    stale: Stale = False,
    as_json: Json = False,
) -> None:
    """Ask the platform for its history; --send relays what the destination lacks."""
    _pull(source, data, _orders(since, until), send=send, stale=stale, as_json=as_json)


def reconcile(
    source: SourceName,
    since: Since = None,
    until: Until = None,
    data: Data = None,
    send: SendIt = False,
    stale: Stale = False,
    as_json: Json = False,
) -> None:
    """Name what the platform sold in the last three days and never sent here; --send relays it."""
    _pull(source, data, _orders(since, until), send=send, stale=stale, as_json=as_json)


def _orders(since: Day, until: Day) -> Choose:
    """Orders changed from `since` to `until`."""

    def choose(puller: Puller, zone: ZoneInfo) -> Pull:
        today = datetime.now(zone).date()
        first = since.date() if since else today - LOOK_BACK
        last = until.date() if until else today
        if first > last:
            raise SettingsError(f"--since {first} lies after {last}")
        return puller.orders(first, last)

    return choose


def _products(puller: Puller, _: ZoneInfo) -> Pull:
    return puller.products()


def _pull(name: str, data: Path | None, choose: Choose, *, send: bool, stale: bool, as_json: bool) -> None:
    config = settings.load(settings.environment(data_dir=data).config)  # with the secrets
    puller, context = wiring.puller(config, name)
    source = wiring.one_source(config, name)
    policy = wiring.policy(config.sources[name])
    found: list[Compared] = []

    def show(compared: Compared) -> None:
        if as_json:
            found.append(compared)
        elif said := _line(compared):
            typer.echo(said)

    async def ask(tools: Tools) -> Report:
        pulling = Pulling(tools.journal, source, policy, send=send, stale=stale)
        async with Fetcher(puller) as fetcher:
            return await pulling.run(fetcher, choose(puller, context.timezone), show)

    report = with_tools(data, ask)
    if as_json:
        print_json(_plain(found, report))
    else:
        typer.echo(_summary(report, send=send))


def _line(compared: Compared) -> str | None:
    """What people are shown of it; nothing of what is complete."""
    if compared.state in (State.COMPLETE, State.IGNORED):
        return None
    what = ", ".join(compared.lacking) or compared.why
    old = " (older than 72 h)" if compared.old else ""
    return f"{compared.order or '-':<24} {compared.state}: {what}{old}"


def _summary(report: Report, *, send: bool) -> str:
    counts = ", ".join(f"{report.states[state]} {state}" for state in State if report.states[state])
    said = [f"looked at {sum(report.states.values())}: {counts or 'nothing there'}"]
    if report.old:
        said.append(f"{report.old} older than 72 h left out: --stale takes them, and mails people about them")
    if report.recorded:
        said.append(f"recorded {report.recorded}; they go behind what is live: `relay relays` shows them")
    elif report.missing > report.old and not send:
        said.append("nothing was sent: --send records what is missing, and the relay sends it")
    return "\n".join(said)


def _plain(found: list[Compared], report: Report) -> dict[str, Any]:
    return {
        "found": [
            {
                "order": compared.order or None,
                "state": compared.state,
                "lacking": list(compared.lacking),
                "why": compared.why or None,
                "old": compared.old,
            }
            for compared in found
        ],
        "counts": {state: report.states[state] for state in State},
        "recorded": report.recorded,
        "left_out_for_age": report.old,
    }

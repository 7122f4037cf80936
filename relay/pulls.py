"""`relay catalog`, `backfill` and `reconcile`: the composition root of the pull side."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from relay import settings, wiring
from relay.errors import SettingsError
from relay.journal.journal import Journal
from relay.normalise import registry
from relay.normalise.pulling import Pull, Puller
from relay.pull.compare import Compared, State
from relay.pull.fetch import Fetcher
from relay.pull.run import Pulling, Report
from relay.settings import Config

LOOK_BACK: Final = timedelta(days=3)
"""Rows change for days: a refund, a chargeback, a late capture."""

Choose = Callable[[Puller, ZoneInfo], Pull]


def orders(since: date | None, until: date | None) -> Choose:
    """Orders changed from `since`, three days ago by default, to `until`, today by default."""

    def choose(puller: Puller, zone: ZoneInfo) -> Pull:
        today = datetime.now(zone).date()
        first, last = since or today - LOOK_BACK, until or today
        if first > last:
            raise SettingsError(f"--since {first} lies after {last}")
        return puller.orders(first, last)

    return choose


def products(puller: Puller, _: ZoneInfo) -> Pull:
    return puller.products()


async def pull(
    journal: Journal,
    config: Config,
    name: str,
    choose: Choose,
    *,
    send: bool,
    stale: bool,
    show: Callable[[Compared], None],
) -> Report:
    """Raises SettingsError where the source cannot be asked, PullError where its platform does not answer."""
    puller, zone = _puller(config, name)
    source = next(source for source in wiring.sources(config) if source.name == name)
    policy = wiring.policy(config.sources[name])
    pulling = Pulling(journal, source, policy, send=send, stale=stale)
    async with Fetcher(puller) as fetcher:
        return await pulling.run(fetcher, choose(puller, zone), show)


def _puller(config: Config, name: str) -> tuple[Puller, ZoneInfo]:
    source = config.sources.get(name)
    if source is None:
        raise SettingsError(f"there is no source {name!r}; configured are {', '.join(config.sources)}")
    kind = registry.installed().get(source.adapter)
    build = getattr(kind.build, "Puller", None) if kind else None
    if kind is None or build is None:
        raise SettingsError(f"sources.{name}: the adapter {source.adapter!r} cannot ask its platform")
    if not source.api:
        raise SettingsError(
            f"sources.{name}.api is missing; expected a table with the credentials of the platform's API: "
            f"{', '.join(build.Api.model_fields)}"
        )
    try:
        api = build.Api.model_validate(source.api)
    except ValidationError as error:
        raise SettingsError(settings.say(error, ("sources", name, "api"), build.Api)) from None
    context = wiring.context(name, source, kind)
    return build(context, api), context.timezone


def plain(compared: Compared) -> dict[str, Any]:
    return {
        "order": compared.order or None,
        "state": compared.state,
        "lacking": list(compared.lacking),
        "why": compared.why or None,
        "old": compared.old,
    }


def line(compared: Compared) -> str | None:
    """What people are shown of it; nothing of what is complete."""
    if compared.state in (State.COMPLETE, State.IGNORED):
        return None
    what = ", ".join(compared.lacking) or compared.why
    old = " (older than 72 h)" if compared.old else ""
    return f"{compared.order or '-':<24} {compared.state}: {what}{old}"


def summary(report: Report, *, send: bool) -> str:
    counts = ", ".join(f"{report.states[state]} {state}" for state in State if report.states[state])
    said = [f"looked at {sum(report.states.values())}: {counts or 'nothing there'}"]
    if report.old:
        said.append(f"{report.old} older than 72 h left out: --stale takes them, and mails people about them")
    if report.recorded:
        said.append(f"recorded {report.recorded}; they go behind what is live: `relay relays` shows them")
    elif report.missing > report.old and not send:
        said.append("nothing was sent: --send records what is missing, and the relay sends it")
    return "\n".join(said)


def to_json(found: list[Compared], report: Report) -> str:
    return json.dumps(
        {
            "found": [plain(compared) for compared in found],
            "counts": {state: report.states[state] for state in State},
            "recorded": report.recorded,
            "left_out_for_age": report.old,
        },
        indent=2,
        ensure_ascii=False,
    )

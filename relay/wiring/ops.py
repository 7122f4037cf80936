"""What people look at, act through and are told by."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

from relay import settings
from relay.errors import SettingsError
from relay.journal.activity import Activity
from relay.journal.journal import Journal
from relay.journal.numbers import Numbers
from relay.journal.queries import Queries
from relay.journal.turn import Turns
from relay.journal.vitals import Signs
from relay.metrics.scrape import Scrape
from relay.ops.alerts.book import Manners
from relay.ops.alerts.channels import PORTS, Mail, Webhook
from relay.ops.alerts.habit import Quiet
from relay.ops.alerts.incidents import Rules
from relay.ops.alerts.watch import Plan, Watch
from relay.ops.core import Operations
from relay.ops.desk import Desk
from relay.ops.finder import Finder
from relay.ops.overview import DestinationFacts, Overview, SourceFacts
from relay.ops.replays import Replays
from relay.receive.sources import Source
from relay.receive.spool import Spool
from relay.settings import Config, Environment
from relay.wiring.intake import policy
from relay.wiring.sending import limits
from relay.wiring.store import queries


def operations(
    journal: Journal, config: Config, built: Sequence[Source], spool: Spool | None = None
) -> Operations:
    """`built` are the config's sources, `spool` the host's."""
    looks = queries(journal, config)
    return Operations(
        journal,
        looks,
        {source.name: source for source in built},
        {name: policy(source) for name, source in config.sources.items()},
        frozenset(config.destinations),
        Finder(looks, spool),
    )


def replays(journal: Journal, config: Config, acts: Operations) -> Replays:
    budgets = {name: limits(said) for name, said in config.destinations.items()}
    return Replays(journal, queries(journal, config), acts, budgets)


def desk(journal: Journal, env: Environment, config: Config, built: Sequence[Source], spool: Spool) -> Desk:
    """What people ask and act through; `built` are the config's sources."""
    acts = operations(journal, config, built, spool)
    overview = Overview(
        queries(journal, config),
        Numbers(journal),
        spool,
        Turns(journal),
        host=host(env),
        sources=[
            SourceFacts(name, said.adapter, said.destination, deliver=said.deliver, tokens=len(said.tokens))
            for name, said in config.sources.items()
        ],
        destinations=[
            DestinationFacts(name, said.url, limits(said)) for name, said in config.destinations.items()
        ],
    )
    return Desk(
        finder=Finder(queries(journal, config), spool),
        queries=queries(journal, config),
        acts=acts,
        replays=replays(journal, config, acts),
        activity=Activity(journal),
        overview=overview,
    )


def host(env: Environment) -> str:
    """Names a data folder: the web processes that share one share a spool."""
    try:
        return settings.kept_secret(env.data_dir, "host.id", length=6)
    except OSError:  # a data folder that cannot be written holds no spool either
        return f"{socket.gethostname()}:{env.data_dir}"


def watch(env: Environment, config: Config, journal: Journal) -> Watch:
    return Watch(_signs(journal, config), Turns(journal), alerts(env, config))


def scrape(journal: Journal, config: Config) -> Scrape:
    rates = {name: limits(said) for name, said in config.destinations.items()}
    return Scrape(journal, _signs(journal, config), Numbers(journal), Turns(journal), rates)


def _signs(journal: Journal, config: Config) -> Signs:
    sources, destinations = list(config.sources), list(config.destinations)
    return Signs(journal, Queries(journal, sources, destinations), sources, destinations)


def alerts(env: Environment, config: Config) -> Plan:
    """Raises SettingsError where a webhook is no URL."""
    said = config.alerts
    return Plan(
        channels=[*_webhooks(said), *([_mail(said.smtp)] if said.smtp else [])],
        every=said.every,
        rules=Rules(delay=said.delay, memory=said.memory_percent / 100),
        manners=Manners(again=said.again, reminders=said.reminders, calm=said.calm, pause=said.every),
        quiet=Quiet(factor=said.quiet_factor, least=said.quiet_least, most=said.quiet_most),
        wishes={name: source.quiet for name, source in config.sources.items()},
        url=env.public_url,
    )


def _webhooks(said: settings.Alerts) -> Iterator[Webhook]:
    for place, url in enumerate(said.webhooks):
        try:
            yield Webhook(url.get_secret_value())
        except ValueError as error:
            raise SettingsError(f"alerts.webhooks.{place} {error}") from None


def _mail(smtp: settings.Smtp) -> Mail:
    return Mail(
        host=smtp.host,
        port=smtp.port or PORTS[smtp.security],
        security=smtp.security,
        sender=smtp.sender,
        to=smtp.to,
        user=smtp.user,
        password=smtp.password.get_secret_value() if smtp.password else None,
    )

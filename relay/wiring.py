"""What the composition roots share: from settings to the parts of a process."""

from __future__ import annotations

import gc
import hashlib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from arq.connections import ArqRedis
from pydantic import ValidationError
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from relay import addresses, advice, redis_url, settings
from relay.compose.policy import Policy
from relay.deliver.client import CommerceClient
from relay.deliver.destination import Destination
from relay.deliver.queue import dumps, wakeup
from relay.deliver.schedule import Schedule
from relay.errors import SettingsError
from relay.journal.activity import Activity
from relay.journal.journal import Journal
from relay.journal.numbers import Numbers
from relay.journal.queries import Queries
from relay.journal.records import Limits
from relay.journal.retention import Retention
from relay.journal.signins import SignIns
from relay.journal.turn import Turns
from relay.journal.vault import Key, Vault
from relay.journal.vitals import Signs
from relay.metrics.scrape import Scrape
from relay.normalise import registry, times
from relay.normalise.contract import Adapter, Signing, SourceContext
from relay.normalise.pulling import Puller
from relay.ops.access import Access, People, Proxy, Role
from relay.ops.access.memory import Shared
from relay.ops.access.oidc import Grants, Issuer, Provider
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
from relay.pull.fetch import Fetcher
from relay.pull.fetchback import Asked, FetchBack
from relay.receive.signatures import Signature
from relay.receive.sources import Source
from relay.receive.spool import Spool
from relay.settings import Config, Environment
from relay.tables import REFERENCES


def redis(env: Environment, *, retries: int = 3, timeout: float = 10) -> ArqRedis:
    """A pooled client; an answer may take `timeout` seconds.

    A broken connection is tried again at once and then with a growing pause. Raises SettingsError.
    """
    pool = redis_url.pool(
        settings.redis_url(env),
        socket_timeout=timeout,
        socket_connect_timeout=2,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), retries),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        health_check_interval=15,
    )
    return ArqRedis(connection_pool=pool, job_serializer=dumps)


def journal(client: ArqRedis, config: Config, *, replicas: int = 0) -> Journal:
    """`replicas` of them must have a postback before it counts as recorded."""
    return Journal(client, wakeup(list(config.destinations)), vault=vault(config), replicas=replicas)


def vault(config: Config) -> Vault:
    """A key whose secret was not asked for opens nothing."""
    keys = ((key.id, key.secret.get_secret_value()) for key in config.encryption.keys)
    return Vault([Key(name, secret) for name, secret in keys if not secret.startswith(REFERENCES)])


def sources(config: Config, kinds: Mapping[str, registry.AdapterType] | None = None) -> list[Source]:
    """`kinds` are the adapters to choose from; those installed, if none are given.

    Raises SettingsError where an adapter is not among them or refuses its options.
    """
    kinds = registry.installed() if kinds is None else kinds
    for name in (name for name, source in config.sources.items() if source.api):
        _puller(config, name, kinds)
    return [
        Source(
            name=name,
            destination=source.destination,
            adapter=_adapter(name, source, kinds),
            tokens=tuple(token.get_secret_value() for token in source.tokens),
            window=source.copies_window,
            signature=signature(name, source, kinds),
            can_correct=_can_correct(source, kinds),
            topic_header=getattr(kinds[source.adapter].build, "topic_header", ""),
        )
        for name, source in config.sources.items()
    ]


def _adapter(name: str, source: settings.Source, kinds: Mapping[str, registry.AdapterType]) -> Adapter:
    kind = kinds.get(source.adapter)
    if kind is None:
        there = ", ".join(sorted(kinds)) or "none"
        raise SettingsError(f"sources.{name}.adapter is {source.adapter!r}; installed are {there}")
    try:
        return registry.build(kind, context(name, source, kind), source.options)
    except ValidationError as error:
        raise SettingsError(advice.say(error, ("sources", name, "options"), kind.options)) from error


def signature(
    name: str, source: settings.Source, kinds: Mapping[str, registry.AdapterType]
) -> Signature | None:
    """How requests to the source are signed; None where they need not be.

    Raises SettingsError where neither the source nor its adapter says it.
    """
    said = source.signature
    if said is None:
        return None
    signing: Signing | None = said.signing or getattr(kinds[source.adapter].build, "signing", None)
    if signing is None:
        raise SettingsError(
            f"sources.{name}.signature.scheme is missing; the adapter {source.adapter} knows no signature of "
            "its platform's own: expected 'standard-webhooks' or 'hmac'"
        )
    return Signature(signing, tuple(said.key(secret, signing) for secret in said.secrets), said.tolerance)


def _can_correct(source: settings.Source, kinds: Mapping[str, registry.AdapterType]) -> bool:
    if source.correctable is not None:
        return source.correctable
    of_adapter: bool | None = getattr(kinds[source.adapter].build, "can_correct", None)
    return source.signature is not None if of_adapter is None else of_adapter


def context(name: str, source: settings.Source, kind: registry.AdapterType) -> SourceContext:
    zone = source.timezone or ZoneInfo(getattr(kind.build, "timezone", "UTC"))
    return SourceContext(name, source.currency, zone)


def one_source(config: Config, name: str) -> Source:
    """Raises SettingsError where there is none of that name."""
    return sources(Config(destinations=config.destinations, sources={name: _said(config, name)}))[0]


def _said(config: Config, name: str) -> settings.Source:
    if name not in config.sources:
        raise SettingsError(f"there is no source {name!r}; configured are {', '.join(config.sources)}")
    return config.sources[name]


def puller(config: Config, name: str) -> tuple[Puller, SourceContext]:
    """Who asks the platform of a source. Raises SettingsError where it cannot be asked."""
    return _puller(config, name, registry.installed())


def _puller(
    config: Config, name: str, kinds: Mapping[str, registry.AdapterType]
) -> tuple[Puller, SourceContext]:
    source = _said(config, name)
    kind = kinds.get(source.adapter)
    build: type[Puller] | None = getattr(kind.build, "Puller", None) if kind else None
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
        raise SettingsError(advice.say(error, ("sources", name, "api"), build.Api)) from None
    said = context(name, source, kind)
    return build(said, api), said


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


def queries(journal: Journal, config: Config) -> Queries:
    return Queries(journal, list(config.sources), list(config.destinations))


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


async def fetch_back(config: Config, journal: Journal, stack: AsyncExitStack) -> FetchBack:
    """For the sources whose platform can be asked; `stack` closes the connections."""
    platforms = {}
    for name in (name for name, source in config.sources.items() if source.api):
        asks, _ = puller(config, name)
        fetcher = await stack.enter_async_context(Fetcher(asks))
        platforms[name] = Asked(one_source(config, name), asks, fetcher)
    return FetchBack(journal, Queries(journal, (), list(config.destinations)), platforms)


def policy(source: settings.Source) -> Policy:
    word, _, span = source.upsell.partition(" ")
    return Policy(
        since=source.since,
        upsell=word,  # type: ignore[arg-type]  # one of the three, by the setting's pattern
        upsell_hold=times.duration(span) if span else timedelta(0),
        refund_amount=source.refund_amount,
        chargeback=source.chargeback,
        checkout_max_age=source.checkout_max_age,
        thin_wait=source.thin_wait,
        revive=source.revive,
        deliver=source.deliver,
    )


def retention(config: Config) -> Retention:
    kept = config.retention
    return Retention(settled=kept.settled, dead=kept.dead, records=kept.records)


def client(destination: settings.Destination) -> CommerceClient:
    return CommerceClient(
        destination.url,
        destination.api_key.get_secret_value(),
        company_id=destination.company_id,
        timeout=destination.timeout,
        connections=destination.concurrency,
    )


def limits(destination: settings.Destination) -> Limits:
    """The budget belongs to the key: two destinations with one key share it."""
    key = hashlib.blake2b(destination.api_key.get_secret_value().encode(), digest_size=8).hexdigest()
    return Limits(key, destination.rate_per_minute, destination.rate_per_second)


def destination(name: str, config: Config, http: CommerceClient) -> Destination:
    said = config.destinations[name]
    return Destination(
        name=name,
        client=http,
        limits=limits(said),
        schedule=Schedule(said.retry_schedule),
        lease=said.lease,
        concurrency=said.concurrency,
        policies={s: policy(source) for s, source in config.sources.items() if source.destination == name},
    )


def people(env: Environment) -> People:
    """Raises SettingsError where the users file cannot be used."""
    return People(env.users_file, env.ops_password.get_secret_value() if env.ops_password else None)


def access(env: Environment, config: Config, journal: Journal) -> Access:
    """Who may open the pages. Raises SettingsError where the users file or the provider cannot be used."""
    return Access(
        settings.secret_key(env),
        people(env),
        Proxy(env.trusted_proxies, env.proxy_user_header, Role(env.proxy_role)),
        env.public_url,
        Shared(SignIns(journal)),
        provider(env, config),
    )


def provider(env: Environment, config: Config) -> Provider | None:
    """Whom people sign in with. Raises SettingsError where that cannot be."""
    said = config.ops.oidc
    if said is None:
        return None
    try:
        from relay.ops.access.oidc import standard  # noqa: PLC0415 - the extra is not needed without it
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"[ops.oidc] needs the extra `oidc` ({error.name} is missing): pip install 'commerce-relay[oidc]'"
        ) from None
    secret = said.client_secret.get_secret_value() if said.client_secret else None
    return Provider(
        standard,
        Issuer(said.issuer, said.client_id, secret, _authorities(said.ca_file)),
        Grants(
            said.roles_claim,
            {word: Role(role) for word, role in said.roles.items()},
            {address: Role(role) for address, role in said.emails.items()},
            {domain: Role(role) for domain, role in said.domains.items()},
            said.name_claim,
        ),
        name=said.called,
        site=addresses.site(env.host, env.port, env.public_url),
        scopes=said.scopes,
        session=said.session,
    )


def _authorities(file: Path | None) -> ssl.SSLContext:
    """Those of the `file`, else those that everybody trusts."""
    if file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise SettingsError(f"ops.oidc.ca_file is {str(file)!r}: {error.strerror or error}") from error


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


def freeze_garbage() -> None:
    """What lives from start to end is no garbage: measured, this halves the slowest answers."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)

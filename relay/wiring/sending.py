"""What a worker sends with."""

from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack

from relay import settings
from relay.deliver.client import CommerceClient
from relay.deliver.destination import Destination
from relay.deliver.schedule import Schedule
from relay.journal.journal import Journal
from relay.journal.queries import Queries
from relay.journal.records import Limits
from relay.pull.fetch import Fetcher
from relay.pull.fetchback import PAUSES, Asked, FetchBack
from relay.settings import Config
from relay.wiring.intake import one_source, policy, puller


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
        policies={s: policy(source) for s, source in config.sources.items()},
    )


async def fetch_back(config: Config, journal: Journal, stack: AsyncExitStack) -> FetchBack:
    """For the sources whose platform can be asked; `stack` closes the connections."""
    platforms = {}
    for name in (name for name, source in config.sources.items() if source.api):
        asks, _ = puller(config, name)
        fetcher = await stack.enter_async_context(Fetcher(asks, pauses=PAUSES))
        platforms[name] = Asked(one_source(config, name), asks, fetcher)
    return FetchBack(journal, Queries(journal, (), list(config.destinations)), platforms)

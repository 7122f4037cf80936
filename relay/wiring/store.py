"""The journal: where it is, what it seals with, what it keeps."""

from __future__ import annotations

from arq.connections import ArqRedis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from relay import redis_url, settings
from relay.deliver.queue import dumps, wakeup
from relay.journal.journal import Journal
from relay.journal.queries import Queries
from relay.journal.retention import Retention
from relay.journal.vault import Key, Vault
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


def retention(config: Config) -> Retention:
    kept = config.retention
    return Retention(settled=kept.settled, dead=kept.dead, records=kept.records)


def queries(journal: Journal, config: Config) -> Queries:
    return Queries(journal, list(config.sources), list(config.destinations))

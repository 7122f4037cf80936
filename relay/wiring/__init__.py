"""What the composition roots share: from settings to the parts of a process."""

from relay.wiring.accounts import access, people, provider
from relay.wiring.intake import context, one_source, policy, puller, signature, sources
from relay.wiring.ops import alerts, desk, host, operations, replays, scrape, watch
from relay.wiring.process import freeze_garbage
from relay.wiring.sending import client, destination, fetch_back, limits
from relay.wiring.store import journal, queries, redis, retention, vault

__all__ = [
    "access",
    "alerts",
    "client",
    "context",
    "desk",
    "destination",
    "fetch_back",
    "freeze_garbage",
    "host",
    "journal",
    "limits",
    "one_source",
    "operations",
    "people",
    "policy",
    "provider",
    "puller",
    "queries",
    "redis",
    "replays",
    "retention",
    "scrape",
    "signature",
    "sources",
    "vault",
    "watch",
]

"""What sending to one destination needs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from relay.compose.policy import Policy
from relay.deliver.client import CommerceClient
from relay.deliver.schedule import Schedule
from relay.journal.records import Limits


@dataclass(frozen=True, slots=True)
class Destination:
    """`policies` are by source.

    `under_way` are the attempts of all drains of this process: one that has handed over may still have many.
    """

    name: str
    client: CommerceClient
    limits: Limits
    schedule: Schedule
    lease: timedelta
    concurrency: int
    policies: Mapping[str, Policy]
    under_way: set[asyncio.Task[None]] = field(default_factory=set)

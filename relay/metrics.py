"""What Prometheus sees. Labels hold names of sources and outcomes, never data of people."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from relay.journal.records import Stats


class Metrics:
    """One process's counters. What the journal knows is added when they are read."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._intake = Counter(
            "relay_intake_requests",
            "Requests to /in by what became of them, in this process",
            ["outcome"],
            registry=self._registry,
        )
        self._known: dict[str, Counter] = {}

    def count(self, outcome: str) -> None:
        child = self._known.get(outcome)
        if child is None:
            child = self._known[outcome] = self._intake.labels(outcome=outcome)
        child.inc()

    def render(self, stats: Stats | None, paused: Mapping[tuple[str, str], object]) -> bytes:
        """Prometheus text. Without `stats` (Redis is away) the journal's figures are left out, never zero."""
        return generate_latest(self._registry) + (generate_latest(_journal(stats, paused)) if stats else b"")


def _journal(stats: Stats, paused: Mapping[tuple[str, str], object]) -> CollectorRegistry:
    registry = CollectorRegistry()
    relays = Gauge("relay_relays", "Relays by source and status", ["source", "status"], registry=registry)
    received = Gauge(
        "relay_received", "Postbacks received since the start, copies excluded", ["source"], registry=registry
    )
    copies = Gauge("relay_copies", "Copies received since the start", ["source"], registry=registry)
    for source, numbers in stats.sources.items():
        received.labels(source=source).set(numbers["received"])
        copies.labels(source=source).set(numbers["copies"])
        for status in stats.counts:
            relays.labels(source=source, status=status).set(numbers[status])
    Gauge("relay_balanced", "1 where received equals the seven statuses together", registry=registry).set(
        stats.balanced
    )
    if stats.oldest_due_ms is not None:
        Gauge(
            "relay_oldest_due_timestamp_seconds", "When the oldest due relay was due", registry=registry
        ).set(stats.oldest_due_ms / 1000)
    pauses = Gauge("relay_paused", "Endpoints paused, by destination", ["destination"], registry=registry)
    for destination, _ in paused:
        pauses.labels(destination=destination).inc()
    return registry

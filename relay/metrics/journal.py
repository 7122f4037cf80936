"""The journal's figures for Prometheus. Every web process shows the same ones: take the max of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from relay.journal.keys import ENDPOINTS
from relay.journal.meter import BOUNDS, Metered
from relay.journal.numbers import Traffic
from relay.journal.records import Limits
from relay.journal.vitals import Vitals
from relay.ops.alerts.book import Book
from relay.ops.alerts.incidents import Kind


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal said as it was asked. `traffic` and `limits` by destination."""

    now_ms: int
    vitals: Vitals
    traffic: Mapping[str, Traffic]
    limits: Mapping[str, Limits]
    workers: int
    metered: Metered
    alerts: Book


def buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """As Prometheus wants them: how many took up to each bound."""
    ends = [*map(str, bounds), "+Inf"]
    return list(zip(ends, map(float, itertools.accumulate(counts)), strict=True))


def families(known: Known | None) -> Iterator[Metric]:
    if known is None:
        return
    yield from _relays(known)
    yield from _sources(known)
    yield from _destinations(known)
    yield from _sending(known.metered)
    yield from _alerts(known.alerts)
    yield _gauge("relay_workers", "Workers that are alive", [((), known.workers)])
    memory = known.vitals.memory
    yield _gauge("relay_redis_memory_bytes", "What Redis uses", [((), memory.used)])
    yield _gauge("relay_redis_memory_limit_bytes", "Its maxmemory; 0 for none", [((), memory.limit)])
    yield _gauge("relay_redis_writes", "1 where its last write to disk went well", [((), memory.writes)])


def _relays(known: Known) -> Iterator[Metric]:
    stats = known.vitals.stats
    yield _gauge(
        "relay_relays",
        "Relays by status; those that a pause holds are held",
        [((status,), number) for status, number in stats.counts.items()],
        "status",
    )
    yield _gauge("relay_balanced", "1 where received equals all statuses together", [((), stats.balanced)])
    yield _counter("relay_overtaken", "Relays that a later one made needless", [((), stats.overtaken)])


def _sources(known: Known) -> Iterator[Metric]:
    sources = known.vitals.stats.sources
    yield _gauge(
        "relay_source_relays",
        "Relays by source and status; those that a pause holds are still queued or retrying",
        [((s, status), n[status]) for s, n in sources.items() for status in known.vitals.stats.counts],
        "source",
        "status",
    )
    for name, says in (("received", "Postbacks received, copies excluded"), ("copies", "Copies received")):
        yield _counter(f"relay_{name}", says, [((s,), n[name]) for s, n in sources.items()], "source")
    yield _gauge(
        "relay_last_postback_timestamp_seconds",
        "When a source's last postback came",
        [((source,), at / 1000) for source, at in known.vitals.last.items()],
        "source",
    )


def _destinations(known: Known) -> Iterator[Metric]:
    flows = known.vitals.flows
    yield _gauge(
        "relay_waiting",
        "Relays that are queued or retrying, or held by a pause",
        [((name, e), flow.waiting.get(e, 0)) for name, flow in flows.items() for e in ENDPOINTS],
        "destination",
        "endpoint",
    )
    yield _gauge(
        "relay_paused",
        "1 while the endpoint, or the whole destination, sends nothing",
        [((n, e), (n, e) in known.vitals.pauses) for n in flows for e in ("all", *ENDPOINTS)],
        "destination",
        "endpoint",
    )
    yield _gauge(
        "relay_overdue_seconds",
        "How long ago the oldest was due that nothing but the budget or a missing worker keeps",
        [((name,), _since(flow.due_ms, known.now_ms)) for name, flow in flows.items()],
        "destination",
    )
    yield _gauge(
        "relay_failing_seconds",
        "For how long tries have failed with nothing accepted between",
        [((name,), _since(flow.failing_ms, known.now_ms)) for name, flow in flows.items()],
        "destination",
    )
    yield _gauge(
        "relay_drain_running",
        "1 while a worker drains the destination",
        [((name,), flow.draining) for name, flow in flows.items()],
        "destination",
    )
    yield from _budgets(known)


def _budgets(known: Known) -> Iterator[Metric]:
    yield _gauge(
        "relay_sending",
        "Relays that are being sent",
        [((name,), traffic.sending) for name, traffic in known.traffic.items()],
        "destination",
    )
    used: list[tuple[tuple[str, ...], float]] = []
    limits: list[tuple[tuple[str, ...], float]] = []
    for name, traffic in known.traffic.items():
        limit = known.limits[name]
        used += [((name, "minute"), traffic.minute_used), ((name, "second"), traffic.second_used)]
        limits += [((name, "minute"), limit.minute), ((name, "second"), limit.second)]
    labels = "destination", "window"
    yield _gauge("relay_budget_used", "Requests in the window, of all who share the key", used, *labels)
    yield _gauge("relay_budget_limit", "Requests the window may hold; 0 for no limit", limits, *labels)


def _sending(metered: Metered) -> Iterator[Metric]:
    yield _counter(
        "relay_attempts",
        "Calls by outcome and class of the answer's code, as workers counted them",
        list(metered.attempts.items()),
        "destination",
        "outcome",
        "code",
    )
    for measure, says in (
        ("delivery", "From receipt to acceptance, backfill left out"),
        ("answer", "What the destination took for an answer that accepted"),
    ):
        family = HistogramMetricFamily(f"relay_{measure}_seconds", says, labels=["destination"])
        for (kind, destination), timing in metered.timings.items():
            if kind == measure:
                family.add_metric([destination], buckets(BOUNDS[kind], timing.counts), timing.seconds)
        yield family


def _alerts(book: Book) -> Iterator[Metric]:
    standing = [entry.incident.kind for entry in book.entries.values() if entry.ended_ms is None]
    kinds: tuple[Kind, ...] = get_args(Kind)
    yield _gauge("relay_alerts", "Alerts that stand", [((k,), standing.count(k)) for k in kinds], "kind")
    raised = [((kind,), book.raised.get(kind, 0)) for kind in kinds]
    yield _counter("relay_alerts_raised", "Alerts raised since the start", raised, "kind")
    yield _gauge(
        "relay_alert_channel_failures",
        "How often in a row a channel took no alert",
        [((name,), channel.failures) for name, channel in book.channels.items()],
        "channel",
    )


def _since(at_ms: int | None, now_ms: int) -> float:
    return max(0, now_ms - at_ms) / 1000 if at_ms is not None else 0


Values = Iterable[tuple[tuple[str, ...], float]]


def _gauge(name: str, says: str, values: Values, *labels: str) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family


def _counter(name: str, says: str, values: Values, *labels: str) -> Metric:
    family = CounterMetricFamily(name, says, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family

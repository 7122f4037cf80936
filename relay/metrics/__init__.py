"""What Prometheus sees. Labels hold names from the configuration and words of ours, never data of people."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from relay.metrics.journal import Known, buckets, families

_INTAKE: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds. Beyond 2 the spool has taken over."""


class Metrics:
    """One web process's counts. What the journal knows is added when they are read.

    Counting is a part of every postback's path, hence no lock and no label look-up.
    """

    def __init__(self) -> None:
        self._outcomes: dict[str, int] = {}
        self._counts = [0] * (len(_INTAKE) + 1)
        self._seconds = 0.0

    def count(self, outcome: str) -> None:
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1

    def kept(self, seconds: float) -> None:
        """A postback was read and stored, and took that long."""
        self._counts[bisect_left(_INTAKE, seconds)] += 1
        self._seconds += seconds

    def render(self, spooled: int | None, known: Known | None) -> bytes:
        """Prometheus text. What is not known is left out, never zero.

        `spooled`: None where the spool cannot be read; `known`: None while Redis is away.
        """
        registry = CollectorRegistry()
        registry.register(_Families([*self._own(spooled, up=known is not None), *families(known)]))
        return generate_latest(registry)

    def _own(self, spooled: int | None, *, up: bool) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "relay_intake_requests",
            "Requests to /in by what became of them, in this process",
            labels=["outcome"],
        )
        for outcome, number in self._outcomes.items():
            requests.add_metric([outcome], number)
        yield requests
        yield HistogramMetricFamily(
            "relay_intake_seconds",
            "What a postback took from its last byte to the answer, in this process",
            buckets=buckets(_INTAKE, self._counts),
            sum_value=self._seconds,
        )
        if spooled is not None:
            yield GaugeMetricFamily("relay_spooled", "Postbacks in the spool of this host", value=spooled)
        yield GaugeMetricFamily("relay_journal_up", "1 where Redis answered this scrape", value=up)


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families

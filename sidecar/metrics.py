"""Figures for Prometheus, in a registry of their own; no names of people or titles.

Counters are raised where things happen; what can be asked for is asked when somebody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from sidecar import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WRITE_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0)

Gauges = Callable[[], dict[str, float]]
"""Asked when the figures are read: outbox rows by state, open alerts."""


class Metrics:
    """All figures of this process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "sidetrakt_requests",
            "Requests to other services",
            ["service", "method", "status"],
            registry=self._registry,
        )
        self._writes = Histogram(
            "sidetrakt_store_write_seconds",
            "Time a transaction took, waiting included",
            buckets=WRITE_SECONDS,
            registry=self._registry,
        )
        self._hooks = Counter(
            "sidetrakt_hooks",
            "What came to the hooks, and what became of it",
            ["kind", "outcome"],
            registry=self._registry,
        )
        self._events = Counter(
            "sidetrakt_events",
            "Events that were heard, by source and what became of them.",
            ["source", "outcome"],
            registry=self._registry,
        )
        self._failures = Counter(
            "sidetrakt_worker_failures", "Times a thread was started again", ["worker"], registry=self._registry
        )

    def request(self, service: str, method: str, status: str) -> None:
        """Count a request; status `none` means that no answer came."""
        self._requests.labels(service, method, status).inc()

    def write(self, seconds: float) -> None:
        """Note how long a transaction took."""
        self._writes.observe(seconds)

    def hook(self, kind: str, outcome: str) -> None:
        """Count what a server posted: accepted, ignored, unreadable, refused …"""
        self._hooks.labels(kind, outcome).inc()

    def heard(self, source: str, outcome: str) -> None:
        """Count an event by the source that told it: accepted, repeated, nobody, unwanted."""
        self._events.labels(source, outcome).inc()

    def worker_failed(self, worker: str) -> None:
        """Count a thread that had to be started again."""
        self._failures.labels(worker).inc()

    def watch(self, gauges: Gauges) -> None:
        """Ask this whenever the figures are read."""
        self._registry.register(_Asked(gauges))

    def text(self) -> bytes:
        """All figures in Prometheus' text form."""
        return generate_latest(self._registry)


class _Asked(Collector):
    """Turns answers into gauges at the moment of reading."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is asked before somebody reads."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The answers of this moment, and the version."""
        info = GaugeMetricFamily("sidetrakt_info", "The version that runs", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"sidetrakt_{name}", name.replace("_", " "), value=value)

"""Owns the service's Prometheus registry and the figures of HTTP itself.

A slice adds its own metrics to `Metrics.registry` from the composition root. With several workers
`PROMETHEUS_MULTIPROC_DIR` is set by `tezgah-cloud serve`, and one scrape answers for all of them.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# seconds; from a cached read to the longest statement allowed
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The registry of one application, and what every request adds to it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tezgah_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.duration = Histogram(
            "tezgah_http_request_duration_seconds",
            "Time from the request's head to the answer's end.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """Return the figures in Prometheus' text format, of all workers together."""
        if os.environ.get(MULTIPROCESS_VARIABLE):
            everybody = CollectorRegistry()
            MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
            return generate_latest(everybody)
        return generate_latest(self.registry)

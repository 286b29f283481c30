"""Owns the figures of the ingest: what came, what became of it, how long it took, how old it was by then."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.wire.receipt import Outcome, Receipt

# seconds; a batch of 10,000 readings takes about 30 ms
_DURATIONS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# seconds; from a live reading (half a second in the gateway) to the backlog of a weekend
_LAGS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0, 259200.0)


class LagHistogram(Histogram):
    """A histogram that takes a column at once: readings come by the ten thousand."""

    def observe_all(self, amounts: NDArray[np.float64]) -> None:
        """Count each amount in its bucket."""
        counts = np.bincount(np.searchsorted(self._upper_bounds, amounts), minlength=len(self._buckets))
        for bucket, count in zip(self._buckets, counts.tolist(), strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(float(amounts.sum()))


class IngestMetrics:
    """What `/metrics` says about batches and readings."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._batches = Counter(
            "tezgah_ingest_batches_total", "Batches answered, by outcome.", ["outcome"], registry=registry
        )
        self._readings = Counter(
            "tezgah_ingest_readings_total",
            "Readings in stored batches: new, or there already.",
            ["kind"],
            registry=registry,
        )
        self._seconds = Histogram(
            "tezgah_ingest_seconds", "From a batch's last byte to its commit.", buckets=_DURATIONS, registry=registry
        )
        self._lag = LagHistogram(
            "tezgah_ingest_lag_seconds",
            "From the gateway's receiving a reading to its commit here, each reading counted.",
            buckets=_LAGS,
            registry=registry,
        )

    def turned_away(self) -> None:
        """Count a batch that was asked to come again."""
        self._batches.labels("turned_away").inc()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time a batch that comes to be stored, and count one that does not."""
        started = time.perf_counter()
        try:
            yield
        except Exception:
            self._batches.labels("refused").inc()
            raise
        self._seconds.observe(time.perf_counter() - started)

    def answered(self, receipt: Receipt, lag_s: NDArray[np.float64]) -> None:
        """Count a batch that was committed, and the age of its readings then."""
        self._batches.labels(receipt.outcome.value).inc()
        if receipt.outcome is Outcome.STORED:
            self._readings.labels("stored").inc(receipt.rows - receipt.repeated)
            self._readings.labels("repeated").inc(receipt.repeated)
            self._lag.observe_all(np.maximum(lag_s, 0.0))

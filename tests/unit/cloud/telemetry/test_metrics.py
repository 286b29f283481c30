"""The ingest's figures: a column counted at once is counted as one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from cloud.telemetry.metrics import IngestMetrics, LagHistogram
from shared.wire.receipt import Outcome, Receipt

BUCKETS = (0.1, 0.5, 1.0)


@given(st.lists(st.floats(0, 2) | st.sampled_from([*BUCKETS, 1e9]), max_size=20))
def test_a_column_at_once_counts_as_its_amounts_one_by_one(amounts: list[float]):
    at_once, one_by_one = CollectorRegistry(), CollectorRegistry()
    LagHistogram("lag", "Lag.", buckets=BUCKETS, registry=at_once).observe_all(np.array(amounts, np.float64))
    histogram = Histogram("lag", "Lag.", buckets=BUCKETS, registry=one_by_one)
    for amount in amounts:
        histogram.observe(amount)
    assert bucket_counts(at_once) == bucket_counts(one_by_one)
    assert at_once.get_sample_value("lag_sum") == pytest.approx(one_by_one.get_sample_value("lag_sum"))


def bucket_counts(registry: CollectorRegistry) -> list[float | None]:
    return [registry.get_sample_value("lag_bucket", {"le": bound}) for bound in ("0.1", "0.5", "1.0", "+Inf")]


def test_a_stored_batch_counts_its_readings_and_a_repeated_one_does_not():
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    metrics.answered(Receipt("e", 1, Outcome.STORED, 3, 1), np.array([-1.0, 0.2, 0.2]))
    metrics.answered(Receipt("e", 1, Outcome.DUPLICATE, 3, 1), np.array([5.0, 5.0, 5.0]))
    assert registry.get_sample_value("tezgah_ingest_readings_total", {"kind": "stored"}) == 2
    assert registry.get_sample_value("tezgah_ingest_readings_total", {"kind": "repeated"}) == 1
    assert registry.get_sample_value("tezgah_ingest_batches_total", {"outcome": "duplicate"}) == 1
    assert registry.get_sample_value("tezgah_ingest_lag_seconds_count") == 3
    assert registry.get_sample_value("tezgah_ingest_lag_seconds_sum") == pytest.approx(0.4)


def test_a_refused_batch_is_counted_and_not_timed():
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    with pytest.raises(ValueError, match="no batch"), metrics.timed():
        raise ValueError("no batch")
    assert registry.get_sample_value("tezgah_ingest_batches_total", {"outcome": "refused"}) == 1
    assert registry.get_sample_value("tezgah_ingest_seconds_count") == 0

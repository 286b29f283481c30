import pytest

from simulators.demo.cloud import Metrics, quantile

TEXT = """
# TYPE lag histogram
lag_bucket{le="0.1"} 50
lag_bucket{le="0.5"} 90
lag_bucket{le="+Inf"} 100
lag_count 100
lag_sum 20
# TYPE stored counter
stored_total{kind="a"} 3
stored_total{kind="b"} 4
"""


def test_samples_are_summed_over_the_labels_not_named() -> None:
    metrics = Metrics(TEXT)
    assert metrics.value("stored_total") == 7
    assert metrics.value("stored_total", kind="b") == 4
    assert metrics.value("absent") == 0


def test_a_quantile_is_linear_within_its_bucket() -> None:
    buckets = Metrics(TEXT).buckets("lag")
    assert quantile({}, buckets, 0.25) == pytest.approx(0.05)
    assert quantile({}, buckets, 0.7) == pytest.approx(0.3)
    assert quantile({}, buckets, 0.99) == 0.5


def test_a_histogram_that_counted_nothing_has_no_quantile() -> None:
    buckets = Metrics(TEXT).buckets("lag")
    assert quantile(buckets, buckets, 0.5) is None
    assert quantile({}, {}, 0.5) is None

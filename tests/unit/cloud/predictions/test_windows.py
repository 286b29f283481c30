"""Looking back by sorted arrays says what a look at each record says, late records included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.predictions.history import HOUR
from cloud.predictions.windows import Window, lanes, since_last

RECORDS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 200), st.integers(0, 60), st.integers(-50, 50)), max_size=30
)
ASKED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 260)), min_size=1, max_size=20)


def arrays(records):
    machine = np.array([record[0] for record in records], np.int32)
    at = np.array([record[1] for record in records], np.int64) * HOUR
    known = at + np.array([record[2] for record in records], np.int64) * HOUR
    return machine, at, known, np.array([record[3] for record in records], np.float64)


@given(RECORDS, ASKED, st.integers(1, 80))
def test_a_window_counts_and_sums_what_had_happened_and_was_known(records, asked, length):
    machine, at, known, values = arrays(records)
    where = np.array([each for each, _ in asked], np.int32), np.array([each for _, each in asked], np.int64) * HOUR
    window = Window(machine, at, known, length * HOUR)
    inside = [(machine == m) & (known <= t) & (at <= t) & (at > t - length * HOUR) for m, t in zip(*where, strict=True)]
    assert window.count(lanes(*where)).tolist() == [each.sum() for each in inside]
    assert window.sum(lanes(*where), values).tolist() == [pytest.approx(values[each].sum()) for each in inside]


@given(RECORDS, ASKED)
def test_the_last_record_is_the_latest_of_those_known(records, asked):
    machine, at, known, _ = arrays(records)
    where = np.array([each for each, _ in asked], np.int32), np.array([each for _, each in asked], np.int64) * HOUR
    found = since_last(machine, at, known, lanes(*where))
    for (m, t), hours in zip(zip(*where, strict=True), found, strict=True):
        seen = at[(machine == m) & (known <= t) & (at <= t)]
        assert np.isnan(hours) if not len(seen) else hours == (t - seen.max()) / HOUR


def test_nothing_adds_nothing_to_a_sum():
    window = Window(np.zeros(2, np.int32), np.array([0, HOUR]), np.array([0, HOUR]), 5 * HOUR)
    assert window.sum(np.array([2 * HOUR]), np.array([np.nan, 3.0])).tolist() == [3.0]

"""Rows are parted by time, a horizon apart."""

import numpy as np

from cloud.predictions.history import DAY, HOUR
from cloud.predictions.outcomes import grid
from cloud.predictions.splitting import cuts, split, thinned


def test_no_outcome_of_one_window_reaches_into_the_next():
    instants = grid(3, 0, 100 * DAY, 6 * HOUR)
    at = cuts(instants, 0.2)
    parts = split(instants, np.ones(len(instants), bool), at, 2 * DAY)
    assert (instants.at[parts.train] + 2 * DAY).max() < at.validation <= instants.at[parts.validation].min()
    assert (instants.at[parts.validation] + 2 * DAY).max() < at.test <= instants.at[parts.test].min()
    assert len(parts.test) == 3 * (20 * 4)
    assert len(parts.before_test) == len(parts.train) + len(parts.validation)


def test_rows_that_do_not_count_are_in_no_window():
    instants = grid(1, 0, 10 * DAY)
    parts = split(instants, np.zeros(len(instants), bool), cuts(instants, 0.2), HOUR)
    assert not len(parts.train) + len(parts.validation) + len(parts.test)


def test_thinning_keeps_every_hour_of_the_week():
    rows = np.arange(20 * 7 * 24)
    few = thinned(rows, 500)
    assert len(few) <= 500
    assert set(few % (7 * 24)) == set(range(7 * 24))
    assert len(thinned(rows, 10**6)) == len(rows)

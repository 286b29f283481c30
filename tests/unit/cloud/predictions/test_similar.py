"""Which moments of the past were most like the one asked about."""

import numpy as np

from cloud.predictions.features import Instants, Matrix
from cloud.predictions.history import DAY
from cloud.predictions.outcomes import Outcomes
from cloud.predictions.similar import cases, nearest

NAMES = ("hours_since_stop", "hour", "vibration")


def past(rows):
    at = np.arange(len(rows), dtype=np.int64) * DAY
    instants = Instants(np.zeros(len(rows), np.int32), at)
    came = Outcomes(np.zeros(len(rows), bool), np.zeros(len(rows)), np.ones(len(rows), bool))
    return cases(instants, matrix(rows), came)


def matrix(rows):
    return Matrix(np.array(rows, np.float32).reshape(-1, 3), NAMES, dict.fromkeys(NAMES, "x"))


def test_the_nearest_come_first_and_what_is_not_part_of_likeness_does_not_count():
    known = past([[10, 5, 0], [50, 5, 0], [90, 5, 0], [11, 5, 1000]])
    assert nearest(known, matrix([[12, 5, 0]]), 0, 0).tolist() == [3, 0, 1, 2]


def test_a_case_of_the_machine_itself_is_nearer_than_the_same_of_another():
    known = past([[10, 5, 0], [10, 5, 0]])
    known.instants.machine[0] = 7
    assert nearest(known, matrix([[10, 5, 0]]), 0, 0).tolist() == [1, 0]
    assert nearest(known, matrix([[10, 5, 0]]), 0, 7).tolist() == [0, 1]


def test_of_one_day_one_case_is_told():
    known = past([[10, 5, 0], [11, 5, 0], [12, 5, 0]])
    known.instants.at[1] = known.instants.at[0] + 3600
    assert nearest(known, matrix([[10, 5, 0]]), 0, 0).tolist() == [0, 2]
    assert nearest(known, matrix([[10, 5, 0]]), 0, 0, most=1).tolist() == [0]


def test_what_was_never_seen_is_unlike_what_was_and_like_its_own():
    known = past([[np.nan, 5, 0], [10, 5, 0], [20, 5, 0]])
    assert nearest(known, matrix([[np.nan, 5, 0]]), 0, 0)[0] == 0
    assert nearest(known, matrix([[12, 5, 0]]), 0, 0)[0] == 1


def test_without_a_past_nothing_is_similar():
    assert not len(nearest(past([]), matrix([[10, 5, 0]]), 0, 0))

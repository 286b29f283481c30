"""What came within the horizon is told, and only where it may be learned from."""

import numpy as np

from cloud.predictions.features import Instants
from cloud.predictions.history import HOUR, Stops
from cloud.predictions.outcomes import grid, outcomes

# one stop of two hours at hour 10, on machine 1
STOPS = Stops(
    np.array([1], np.int32),
    np.array([10 * HOUR]),
    np.array([10 * HOUR]),
    np.array([0], np.int16),
    ("mech",),
    np.array([12 * HOUR]),
    np.array([12 * HOUR]),
)


def of(machine, *hours, until=100):
    instants = Instants(np.full(len(hours), machine, np.int32), np.array(hours) * HOUR)
    return outcomes(STOPS, instants, 4 * HOUR, until * HOUR)


def test_a_stop_within_the_horizon_came_and_its_minutes_are_told():
    found = of(1, 5, 6, 9, 10, 20)
    assert found.stopped.tolist() == [False, True, True, False, False]
    assert found.minutes.tolist() == [0, 120, 120, 0, 0]


def test_a_machine_that_stands_teaches_nothing():
    assert of(1, 9, 10, 11, 12).counts.tolist() == [True, False, False, True]


def test_a_horizon_that_is_not_over_teaches_nothing():
    assert of(1, 5, 17, until=20).counts.tolist() == [True, False]


def test_another_machines_stop_is_not_ones_own():
    assert not of(0, 8, 9, 10).stopped.any()
    assert of(0, 11).counts.all()


def test_a_grid_looks_at_every_machine_at_the_same_times():
    found = grid(2, 0, 3 * HOUR)
    assert found.machine.tolist() == [0, 0, 0, 1, 1, 1]
    assert (found.at // HOUR).tolist() == [0, 1, 2, 0, 1, 2]

"""A look is told as unknown where somewhere within its horizon nobody knows what its machine did."""

import uuid

import numpy as np

from cloud.predictions.features import Instants
from cloud.predictions.history import HOUR, History, Stops, no_events, no_spans
from cloud.predictions.past import Past
from cloud.predictions.unseen import unseen
from cloud.production.service.moments import utc

MACHINES = [uuid.UUID(int=number) for number in range(1, 4)]


def past(since: dict[uuid.UUID, int]) -> Past:
    none = no_events()
    stops = Stops(none.machine, none.at, none.known, none.kind)
    return Past(History([], stops, none, none, no_spans(), no_spans()), MACHINES, {}, since)


def looks(*pairs: tuple[int, int]) -> Instants:
    return Instants(np.array([pair[0] for pair in pairs], np.int32), np.array([pair[1] * HOUR for pair in pairs]))


def test_time_that_touches_the_horizon_counts_and_what_only_meets_its_ends_does_not():
    blind = unseen(past(dict.fromkeys(MACHINES, 0)), [(MACHINES[1], utc(10 * HOUR), utc(12 * HOUR))])
    asked = looks((1, 5), (1, 6), (1, 7), (1, 11), (1, 12), (0, 11), (2, 11))
    assert blind.reaches_into(asked, 4 * HOUR).tolist() == [False, False, True, True, False, False, False]


def test_before_anything_is_known_of_a_machine_nothing_is():
    blind = unseen(past({MACHINES[0]: 5 * HOUR}), [])
    assert blind.reaches_into(looks((0, 4), (0, 5), (1, 9)), HOUR).tolist() == [True, False, True]


def test_it_is_what_looking_at_each_time_by_itself_says_overlapping_ones_too():
    rng = np.random.default_rng(4)
    spans = [
        (MACHINES[int(place)], utc(int(begin)), utc(int(begin + length)))
        for place, begin, length in zip(
            rng.integers(0, 3, 60), rng.integers(0, 900 * HOUR, 60), rng.integers(1, 20 * HOUR, 60), strict=True
        )
    ]
    asked = Instants(rng.integers(0, 3, 400).astype(np.int32), rng.integers(0, 900 * HOUR, 400))
    horizon = 7 * HOUR
    each_by_itself = [
        any(MACHINES[machine] == whose and begin < utc(at + horizon) and end > utc(at) for whose, begin, end in spans)
        for machine, at in zip(asked.machine.tolist(), asked.at.tolist(), strict=True)
    ]
    found = unseen(past(dict.fromkeys(MACHINES, 0)), spans).reaches_into(asked, horizon)
    assert found.tolist() == each_by_itself
    assert 0 < found.sum() < len(found)

"""A look is told as unknown where of more than little of its horizon nobody knows what its machine did."""

import uuid

import numpy as np

from cloud.predictions.features import Instants
from cloud.predictions.history import DAY, HOUR, History, Stops, no_events, no_spans
from cloud.predictions.past import Past
from cloud.predictions.unseen import LITTLE, Unseen, unseen
from cloud.production.service.moments import utc

MACHINES = [uuid.UUID(int=number) for number in range(1, 4)]


def past(since: dict[uuid.UUID, int]) -> Past:
    none = no_events()
    stops = Stops(none.machine, none.at, none.known, none.kind)
    return Past(History([], stops, none, none, no_spans(), no_spans()), MACHINES, {}, since)


def looks(*pairs: tuple[int, int]) -> Instants:
    return Instants(np.array([pair[0] for pair in pairs], np.int32), np.array([pair[1] * HOUR for pair in pairs]))


def test_time_within_the_horizon_counts_and_what_only_meets_its_ends_does_not():
    blind = unseen(past(dict.fromkeys(MACHINES, 0)), [(MACHINES[1], utc(10 * HOUR), utc(12 * HOUR))])
    asked = looks((1, 5), (1, 6), (1, 7), (1, 11), (1, 12), (0, 11), (2, 11))
    assert blind.reaches_into(asked, 4 * HOUR).tolist() == [False, False, True, True, False, False, False]


def test_a_gateway_that_is_restarted_every_night_hides_nothing_and_one_that_is_away_half_the_night_does():
    def nights(hours: float) -> list[bool]:
        length = int(hours * HOUR)
        spans = [(MACHINES[0], utc(day * DAY), utc(day * DAY + length)) for day in range(20)]
        blind = unseen(past(dict.fromkeys(MACHINES, 0)), spans)
        return blind.reaches_into(looks((0, 30), (0, 40)), DAY).tolist()

    assert nights(0.25) == nights(1) == [False, False]
    assert nights(1.5) == nights(6) == [True, True]


def test_before_anything_is_known_of_a_machine_nothing_is():
    blind = unseen(past({MACHINES[0]: 5 * HOUR}), [])
    assert blind.reaches_into(looks((0, 4), (0, 5), (1, 9)), HOUR).tolist() == [True, False, True]


def spans_of(rng: np.random.Generator, most_h: int) -> list[tuple[uuid.UUID, int, int]]:
    return [
        (MACHINES[int(place)], int(begin), int(begin + length))
        for place, begin, length in zip(
            rng.integers(0, 3, 60), rng.integers(0, 900 * HOUR, 60), rng.integers(1, most_h * HOUR, 60), strict=True
        )
    ]


def known_of(spans: list[tuple[uuid.UUID, int, int]]) -> Unseen:
    return unseen(past(dict.fromkeys(MACHINES, 0)), [(who, utc(begin), utc(end)) for who, begin, end in spans])


def test_it_is_what_looking_at_each_minute_by_itself_says_overlapping_times_too():
    rng = np.random.default_rng(4)
    minute = HOUR // 60
    spans = [(who, begin // minute * minute, end // minute * minute) for who, begin, end in spans_of(rng, 20)]
    asked = Instants(rng.integers(0, 3, 400).astype(np.int32), rng.integers(0, 900 * 60, 400) * minute)
    hidden = np.zeros((3, 1000 * 60), bool)
    for who, begin, end in spans:
        hidden[MACHINES.index(who), begin // minute : end // minute] = True
    each_by_itself = [
        hidden[machine, at // minute : at // minute + 420].sum() > LITTLE * 420
        for machine, at in zip(asked.machine.tolist(), asked.at.tolist(), strict=True)
    ]
    found = known_of(spans).reaches_into(asked, 7 * HOUR)
    assert found.tolist() == each_by_itself
    assert 0 < found.sum() < len(found)


def test_a_run_was_seen_until_the_first_hour_in_it_of_which_nobody_knows():
    rng = np.random.default_rng(5)
    # none of them meet, so that each is as long as it was told
    spans = [
        (MACHINES[place % 3], place * 30 * HOUR, place * 30 * HOUR + int(rng.integers(1, 3 * HOUR)))
        for place in range(30)
    ]
    begin = rng.integers(0, 900 * HOUR, 300)
    end = begin + rng.integers(1, 200 * HOUR, 300)
    machine = rng.integers(0, 3, 300).astype(np.int32)
    each_by_itself = [
        min(
            [max(at, first) for who, at, over in spans if who == MACHINES[of] and over - at >= HOUR and over > first]
            + [last]
        )
        for of, first, last in zip(machine.tolist(), begin.tolist(), end.tolist(), strict=True)
    ]
    found = known_of(spans).seen_until(machine, begin, end)
    assert found.tolist() == [min(at, last) for at, last in zip(each_by_itself, end.tolist(), strict=True)]
    assert 0 < (found < end).sum() < 300
    assert known_of([]).seen_until(machine, begin, end).tolist() == end.tolist()

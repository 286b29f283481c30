"""What the hours between stops tell of wear."""

import numpy as np
import pytest
from scipy import integrate, stats

from cloud.predictions.history import HOUR, Stops
from cloud.predictions.wearing import hazard, lives, replacement
from cloud.predictions.weibull import Weibull


def stops_of(gaps_h, machine=0, repair_h=1.0):
    begin = np.cumsum(np.asarray(gaps_h) + repair_h) * HOUR
    begin = begin.astype(np.int64)
    end = begin + int(repair_h * HOUR)
    count = len(begin)
    return Stops(np.full(count, machine, np.int32), begin, begin, np.zeros(count, np.int16), ("stop",), end, end)


def joined(*several):
    return Stops(
        *(np.concatenate([getattr(each, name) for each in several]) for name in ("machine", "at", "known", "kind")),
        ("stop",),
        *(np.concatenate([getattr(each, name) for each in several]) for name in ("end", "end_known")),
    )


def test_each_run_between_stops_is_a_life_and_the_last_one_is_not_over():
    stops = stops_of([10, 20, 30])
    hours, is_over = lives(stops, 0, int(stops.end[-1]) + 5 * HOUR)
    assert hours.tolist() == [20, 30, 5]
    assert is_over.tolist() == [True, True, False]


def test_wear_is_seen_in_the_machines_own_stops_and_early_replacement_pays():
    rng = np.random.default_rng(4)
    stops = stops_of(rng.weibull(3.0, 200) * 100)
    found = hazard(stops, 0, 0, int(stops.end[-1]))
    assert found.is_own
    assert found.law is not None
    assert found.law.wears_out
    early = replacement(found.law, 10.0)
    assert early is not None
    assert 20 < early.every < 90
    assert early.saving > 0.2


def test_stops_of_mere_chance_tell_of_no_wear_and_no_replacement():
    rng = np.random.default_rng(5)
    stops = stops_of(rng.exponential(100, 200))
    found = hazard(stops, 0, 0, int(stops.end[-1]))
    assert found.law is not None
    assert not found.law.wears_out
    assert replacement(found.law, 10.0) is None


def test_a_machine_of_few_stops_is_told_by_those_of_all_and_a_plant_of_few_by_none():
    few, many = stops_of([50, 60], 0), stops_of(np.random.default_rng(6).exponential(80, 40), 1)
    found = hazard(joined(few, many), 0, 0, int(many.end[-1]))
    assert not found.is_own
    assert found.law is not None
    assert found.age == pytest.approx((int(many.end[-1]) - int(few.end[-1])) / HOUR)
    assert hazard(few, 0, 0, int(few.end[-1])).law is None
    assert hazard(few, 7, 0, int(few.end[-1])).age is None


def test_the_cheapest_age_is_that_of_the_textbook():
    # shape 2, scale 1: with a failure ten times as dear, t* solves the renewal equation at 0.3364
    found = replacement(Weibull(2.0, 1000.0, 1.5, 2.5), 10.0)
    assert found is not None
    assert found.every == pytest.approx(336, rel=0.02)
    assert replacement(Weibull(2.0, 1000.0, 0.9, 3.1), 10.0) is None
    assert replacement(Weibull(2.0, 1000.0, 1.5, 2.5), 1.0) is None


@pytest.mark.parametrize(("shape", "ratio"), [(1.2, 10.0), (1.3, 5.0), (1.5, 3.0), (3.0, 20.0)])
def test_what_it_saves_is_held_against_waiting_for_good_and_not_for_three_lives(shape, ratio):
    found = replacement(Weibull(shape, 1000.0, 1.01, 9.0), ratio)
    assert found is not None

    def alive(age):
        return np.exp(-((age / 1000) ** shape))

    lived, _ = integrate.quad(alive, 0, found.every)
    cost = (alive(found.every) + ratio * (1 - alive(found.every))) / lived
    assert found.saving == pytest.approx(1 - cost * 1000 * stats.weibull_min.mean(shape) / ratio, abs=1e-4)


def test_what_would_hardly_save_anything_is_not_advised():
    # four percent of it were what three lives leave out
    assert replacement(Weibull(1.1, 1000.0, 1.01, 1.2), 10.0) is None


def test_machines_that_differ_do_not_fail_young_for_that():
    rng = np.random.default_rng(7)
    plant = joined(*(stops_of(rng.exponential(100 * np.exp(rng.normal(0, 0.8)), 7), of) for of in range(20)))
    found = hazard(plant, 0, 0, int(plant.end.max()))
    assert found.law is not None
    # together they look as if they did
    assert (found.is_own, found.law.shape_upper < 1) == (False, True)
    assert not found.fails_young
    own = stops_of(rng.weibull(0.5, 200) * 100)
    assert hazard(own, 0, 0, int(own.end.max())).fails_young


def test_of_a_run_in_which_nobody_knows_what_the_machine_did_only_the_part_before_counts():
    stops = stops_of([10, 20, 30])
    second, third = (int(each) for each in stops.end[:2])

    def seen(machine, begin, end):
        assert machine.tolist() == [0, 0, 0]
        return np.array([second + 5 * HOUR, third, end[2]])

    hours, is_over = lives(stops, 0, int(stops.end[-1]) + 5 * HOUR, seen)
    # of the one that was hidden from its begin on nothing is known
    assert hours.tolist() == [5, 5]
    assert is_over.tolist() == [False, False]


def test_a_gateway_that_was_away_hides_no_wear():
    rng = np.random.default_rng(8)
    stops = stops_of(rng.weibull(3.0, 200) * 100)
    kept = stops.take(np.arange(200) % 10 < 6)
    until = int(stops.end[-1])
    # the runs that nobody saw the end of look like long ones
    assert hazard(kept, 0, 0, until).law.shape < 1.5
    away = [(int(stops.end[place]), int(stops.at[place + 4])) for place in range(5, 200, 10)]

    def seen(machine, begin, end):
        return np.array(
            [
                min([max(at, b) for at, over in away if over > b and at < e] + [e])
                for b, e in zip(begin, end, strict=True)
            ]
        )

    found = hazard(kept, 0, 0, until, seen).law
    assert found.shape_lower < 3 < found.shape_upper
    assert found.shape_lower > 2


def test_one_that_stands_has_no_age():
    stops = stops_of([10, 20, 30])
    assert hazard(stops, 0, 0, int(stops.end[-1]) + HOUR).age == 1
    assert hazard(stops, 0, 0, int(stops.at[-1]) + HOUR // 2).age is None

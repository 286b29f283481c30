"""What the hours between stops tell of wear."""

import numpy as np
import pytest

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

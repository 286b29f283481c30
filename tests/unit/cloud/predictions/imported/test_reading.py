"""An imported past: several imports as one, and of what none of them tells."""

import uuid
from datetime import UTC, datetime, timedelta

import numpy as np

from cloud.predictions.history import HOUR, Spans
from cloud.predictions.imported.reading import Arrived, joined, since, unknown
from cloud.production.service.moments import us

NOW = datetime(2026, 6, 1, tzinfo=UTC)
A, B = uuid.UUID(int=1), uuid.UUID(int=2)


def spans(machine, hours, **columns):
    at = np.array(hours, np.int64) * HOUR
    values = {name: np.array(each, np.float64) for name, each in columns.items()}
    return Spans(np.array(machine, np.int32), at, at, values, HOUR)


def day(number):
    return us(NOW) - (100 - number) * 24 * HOUR


def arrived(*covered, whose=A):
    return Arrived(uuid.UUID(int=9), NOW, [1], {whose: [(day(begin), day(end)) for begin, end in covered]}, {})


def test_nothing_and_one_are_what_they_are():
    assert len(joined([])) == 0
    one = spans([0], [1], run=[5])
    assert joined([one]) is one


def test_of_a_value_that_two_have_the_firsts_counts_and_nothing_is_summed_twice():
    first = spans([0, 0, 1], [1, 2, 1], run=[10, np.nan, 30], good=[1, 2, 3])
    second = spans([0, 0, 1], [1, 2, 2], run=[99, 20, 40], scrap=[7, 8, 9])
    both = joined([first, second])
    assert set(both.columns) == {"run", "good", "scrap"}
    assert len(both) == 6
    assert np.array_equal(both.columns["run"], [10, np.nan, 30, np.nan, 20, 40], equal_nan=True)
    assert np.nansum(both.columns["good"]) == 6
    assert np.nansum(both.columns["scrap"]) == 24
    # three of the same say it once as well
    assert np.nansum(joined([first, first, first]).columns["run"]) == 40


def gaps(seen, live=None, until=100, machine=A):
    told = None if live is None else (live, day(until))
    return [
        ((begin - day(0)) / (24 * HOUR), (end - day(0)) / (24 * HOUR)) for begin, end in unknown(seen, machine, told)
    ]


def test_between_imports_and_after_them_nothing_is_known():
    assert gaps(arrived((0, 50))) == [(50, 100)]
    assert gaps(arrived((0, 50)), day(70)) == [(50, 70)]
    assert gaps(arrived((0, 50)), day(50)) == []
    assert gaps(arrived((0, 50)), day(10)) == []
    # in whatever order they came, overlapping or one within the other
    assert gaps(arrived((60, 80), (0, 50)), day(90)) == [(50, 60), (80, 90)]
    assert gaps(arrived((30, 100), (0, 50), (10, 20))) == []
    # what was known by itself first is no gap before
    assert gaps(arrived((0, 50)), day(-10)) == []
    # of a machine of which no import tells
    assert gaps(arrived((0, 50), whose=B)) == []
    assert gaps(arrived((0, 50), whose=B), day(70)) == []


def test_of_a_machine_that_fell_silent_nothing_is_known_since_whatever_an_import_tells():
    assert gaps(arrived((0, 50), whose=B), day(70), until=90) == [(90, 100)]
    assert gaps(arrived((0, 50)), day(70), until=90) == [(50, 70), (90, 100)]
    # from the machine's own first word on imports are not looked at
    assert gaps(arrived((0, 100)), day(70), until=90) == [(90, 100)]
    assert gaps(arrived((0, 50), (80, 100)), day(70), until=90) == [(50, 70), (90, 100)]


def test_a_machine_is_known_since_the_first_that_tells_of_it():
    seen = arrived((60, 80), (20, 50))
    own = {A: NOW - timedelta(days=90), B: NOW - timedelta(days=5)}
    assert since(seen, {}) == {A: day(20)}
    assert since(seen, own) == {A: day(10), B: day(95)}
    assert since(seen, {A: NOW}) == {A: day(20)}

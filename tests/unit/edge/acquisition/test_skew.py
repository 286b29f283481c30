"""A device's clock, by the freshest of its times."""

import numpy as np

from edge.acquisition.skew import Skews
from shared.reading import Flag, Readings, from_rows

NOW = 1_790_000_000_000_000
S = 1_000_000


def skews() -> Skews:
    found = Skews()
    found.extend(2)
    return found


def told(*ages_s: float, at: int = NOW, flags: int = 0) -> Readings:
    n = len(ages_s)
    return from_rows([0] * n, [at - int(age * S) for age in ages_s], at, [1.0] * n, 0, flags)


def first(readings: Readings) -> np.ndarray:
    return np.zeros(len(readings), np.intp)


def test_the_freshest_time_tells_and_old_values_do_not() -> None:
    mine = skews()
    for readings in (told(3600.0, 0.2, 50.0), told(0.1)):
        mine.note(first(readings), readings)
    assert (mine.of(0), mine.of(1)) == (-100_000, None)


def test_a_clock_that_is_ahead_or_behind_is_told_until_it_was_set() -> None:
    mine = skews()
    for at, skew in ((NOW, 7200.0), (NOW + 700 * S, -3600.0), (NOW + 1400 * S, -3600.0)):
        readings = told(-skew, at=at)
        mine.note(first(readings), readings)
    assert mine.of(0) == -3600 * S


def test_what_a_broker_had_kept_and_what_bears_no_time_tells_nothing() -> None:
    mine = skews()
    for readings in (told(0.1, flags=int(Flag.RETAINED)), from_rows([0], [0], NOW, [1.0])):
        mine.note(first(readings), readings)
    assert mine.of(0) is None


def test_a_gateway_clock_that_was_set_makes_it_unknown() -> None:
    mine = skews()
    readings = told(0.1)
    mine.note(first(readings), readings)
    mine.forget()
    assert mine.of(0) is None

"""Expected minutes are judged by bias, deviance and lift, by which who says none of any does not win."""

import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

from cloud.predictions.minutes import POWER, deviance, learned, score

RNG = np.random.default_rng(2)
# each machine has stops as often and as long as it has
CHANCE = RNG.beta(1, 6, 5000)
LASTS = RNG.choice([10.0, 90.0], 5000)
CAME = np.where(RNG.random(5000) < CHANCE, RNG.gamma(2, LASTS / 2), 0.0)


def test_deviance_is_that_of_the_reference_library():
    assert deviance(CHANCE * LASTS, CAME) == pytest.approx(mean_tweedie_deviance(CAME, CHANCE * LASTS, power=POWER))


def test_who_knows_the_mean_wins_and_who_says_none_loses():
    truth = score(CHANCE * LASTS, CAME)
    assert truth.bias == pytest.approx(0, abs=0.1)
    assert truth.lift > 2
    none = score(np.zeros(5000), CAME)
    # by the mean distance it would have won
    assert np.abs(CAME).mean() < np.abs(CAME - CHANCE * LASTS).mean()
    assert none.deviance > truth.deviance
    assert (none.bias, none.lift) == (-1, pytest.approx(1))
    assert score(2 * CHANCE * LASTS, CAME).bias == pytest.approx(2 * truth.bias + 1)
    assert truth.deviance < score(np.full(5000, CAME.mean()), CAME).deviance


def test_of_no_minutes_there_is_no_share():
    found = score(np.ones(20), np.zeros(20))
    assert np.isnan(found.bias)
    assert np.isnan(found.lift)
    # no JSON has what is no number
    assert found.written() == {"bias": None, "deviance": found.deviance, "lift": None}
    assert found.deviance > 0


def test_a_machine_of_few_stops_is_drawn_to_the_plant_and_one_that_is_unknown_is_the_plants():
    machine = np.array([0] * 100 + [1] * 2, np.int32)
    minutes = np.array([60.0] * 100 + [600.0] * 2)
    found = learned(np.ones(102, bool), minutes, machine)
    mean = minutes.mean()
    assert found.of(np.array([0, 1, 7], np.int32)) == pytest.approx(
        [(6000 + 5 * mean) / 105, (1200 + 5 * mean) / 7, mean]
    )
    assert learned(np.zeros(102, bool), minutes, machine).of(machine).tolist() == [0.0] * 102

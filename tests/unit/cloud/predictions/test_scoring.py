"""Scores say what their names say, and a gain is believed only where machines agree on it."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

from cloud.predictions.scoring import average_precision, calibration_error, gain, score, skill

RNG = np.random.default_rng(3)
SAID = np.round(RNG.beta(1, 9, 3000), 2)
CAME = RNG.random(3000) < SAID


def test_figures_are_those_of_the_reference_library():
    found = score(SAID, CAME)
    assert found.brier == pytest.approx(brier_score_loss(CAME, SAID))
    assert found.log_loss == pytest.approx(log_loss(CAME, np.clip(SAID, 1e-6, 1 - 1e-6)))
    assert found.pr_auc == pytest.approx(average_precision_score(CAME, SAID))
    assert found.rows == 3000
    assert found.lift > 1


def test_without_any_event_precision_means_nothing():
    assert np.isnan(average_precision(SAID, np.zeros(3000, bool)))


def test_what_is_said_as_often_as_it_comes_is_calibrated():
    assert calibration_error(SAID, CAME) < 0.02
    assert calibration_error(np.minimum(1, 2 * SAID), CAME) > 0.05


def test_a_gain_on_every_machine_is_sure_and_one_by_chance_is_not():
    machine = np.arange(3000, dtype=np.int32) % 20
    rate = np.full(3000, CAME.mean())
    assert gain(SAID, rate, CAME, machine).excludes_zero
    noise = np.clip(rate + RNG.normal(0, 0.002, 3000), 0, 1)
    assert not gain(noise, rate, CAME, machine).excludes_zero
    assert not gain(rate, rate, CAME, machine).excludes_zero


def test_a_gain_that_one_machine_in_ten_makes_is_not_sure():
    machine = np.repeat(np.arange(10, dtype=np.int32), 100)
    came = np.zeros(1000, bool)
    rival = np.full(1000, 0.1)
    said = np.where(machine == 0, 0.0, 0.1005)
    found = gain(said, rival, came, machine)
    assert found.value > 0
    assert found.lower < 0 < found.upper
    assert not found.excludes_zero


def test_rows_of_one_machine_are_no_twenty():
    machine = np.zeros(3000, np.int32)
    better = gain(SAID, np.full(3000, CAME.mean()), CAME, machine)
    assert better.lower == better.upper == pytest.approx(better.value)


def test_skill_is_one_for_the_truth_and_zero_for_the_rival():
    assert skill(CAME.astype(float), SAID, CAME) == 1
    assert skill(SAID, SAID, CAME) == 0

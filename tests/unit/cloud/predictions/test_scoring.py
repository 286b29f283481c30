"""Scores say what their names say, and a gain is believed only where machines agree on it."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

from cloud.predictions.scoring import average_precision, calibration_error, gain, over_machines, score, skill

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


def test_of_one_machine_nothing_is_sure():
    machine = np.zeros(3000, np.int32)
    better = gain(SAID, np.full(3000, CAME.mean()), CAME, machine)
    assert better.value > 0
    assert (better.lower, better.upper) == (-1.0, 1.0)
    assert not better.excludes_zero


@pytest.mark.parametrize("machines", [2, 3, 5, 8, 20])
def test_what_is_no_better_seems_so_no_more_often_than_the_level_says_however_few_the_machines(machines):
    rng = np.random.default_rng(8)
    machine = np.arange(machines, dtype=np.int32)
    sure = sum(over_machines(rng.normal(0, 0.1, machines), machine).excludes_zero for _ in range(600))
    # of 600 gains by chance 15 may be sure
    assert sure <= 33


def test_a_rule_that_says_the_same_of_all_is_judged_by_all_whatever_their_order():
    came = np.arange(1000) < 100
    found = score(np.full(1000, 0.1), came)
    assert found.calibration_error == pytest.approx(0, abs=1e-12)
    assert found.lift == pytest.approx(1)
    assert score(np.full(1000, 0.3), came).calibration_error == pytest.approx(0.2)
    # half of the top tenth is sure, the other half any of the rest
    said = np.where(np.arange(1000) >= 950, 0.9, 0.1)
    assert score(said, said > 0.5).lift == pytest.approx((50 + 0) / 100 / 0.05)


def test_skill_is_one_for_the_truth_and_zero_for_the_rival():
    assert skill(CAME.astype(float), SAID, CAME) == 1
    assert skill(SAID, SAID, CAME) == 0

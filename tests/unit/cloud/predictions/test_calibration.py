"""Probabilities said too boldly are corrected; right ones are left alone."""

import numpy as np

from cloud.predictions.calibration import Calibration, calibrated, log_odds

RNG = np.random.default_rng(8)
TRUE = RNG.beta(1, 8, 20_000)
CAME = RNG.random(20_000) < TRUE
AT = np.arange(20_000)


def test_a_bold_word_is_pulled_back():
    bold = 1 / (1 + np.exp(-2 * log_odds(TRUE)))
    line = calibrated(bold, CAME, AT, 0)
    assert 0.4 < line.slope < 0.6
    assert abs(line.apply(bold) - TRUE).mean() < 0.01


def test_a_right_word_is_left_as_it_is():
    assert calibrated(TRUE, CAME, AT, 0) == Calibration()


def test_a_correction_that_does_not_last_is_not_kept():
    drifted = np.where(AT < 10_000, np.clip(3 * TRUE, 0, 0.99), TRUE)
    assert calibrated(drifted, CAME, AT, 0).is_none


def test_a_half_without_events_corrects_nothing():
    assert calibrated(TRUE, CAME & (AT < 10_000), AT, 0).is_none


def test_looks_whose_horizon_reaches_over_the_cut_neither_make_nor_judge_it():
    def of(strange):
        return calibrated(1 / (1 + np.exp(-2 * log_odds(TRUE))), np.where(strange, ~CAME, CAME), AT, 3_000)

    # what came of looks before the cut is not known at the cut
    near = (AT >= 7_000) & (AT < 10_000)
    assert not of(near).is_none
    assert of(AT < 7_000).is_none

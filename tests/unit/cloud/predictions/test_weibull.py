"""The law of lifetimes is found again from lives drawn by it, those that still last included."""

import numpy as np
import pytest
from scipy import stats

from cloud.predictions.weibull import Weibull, fit_weibull


@pytest.mark.parametrize(("shape", "scale"), [(0.7, 40.0), (1.0, 100.0), (2.5, 300.0)])
def test_shape_and_scale_are_found_with_a_third_still_lasting(shape, scale):
    rng = np.random.default_rng(5)
    lives = scale * rng.weibull(shape, 4000)
    limit = np.quantile(lives, 0.67)
    law = fit_weibull(np.minimum(lives, limit), lives <= limit)
    assert law.shape == pytest.approx(shape, rel=0.06)
    assert law.scale == pytest.approx(scale, rel=0.06)
    assert law.shape_lower < shape < law.shape_upper
    assert law.wears_out == (shape > 1.5)


def test_too_few_lives_have_no_law():
    assert fit_weibull(np.ones(20), np.arange(20) < 7) is None


def test_a_life_of_constant_hazard_has_no_memory():
    law = Weibull(1.0, 50.0, 0.9, 1.1)
    young, old = law.within(np.array([0.0, 500.0]), 10.0)
    assert young == pytest.approx(old) == pytest.approx(1 - np.exp(-0.2))


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.5, 50.0])
def test_no_age_is_too_young_or_too_old_for_an_answer(shape):
    law = Weibull(shape, 40.0, shape, shape)
    said = law.within(np.array([-1e12, -1.0, 0.0, 1e-9, 1.0, 30.0, 1e4, 1e12]), 24.0)
    assert np.all((said >= 0) & (said <= 1))
    assert said[0] == said[1] == said[2] == pytest.approx(-np.expm1(-((24 / 40) ** shape)))
    assert said[5] == pytest.approx(-np.expm1((30 / 40) ** shape - (54 / 40) ** shape))
    # of a wear as sure as that, who is old fails, and of a youth as hard, hardly
    assert said[-1] == pytest.approx(1.0 if shape > 1 else said[-1])


@pytest.mark.parametrize(("lives", "seen"), [(8, 8), (16, 8), (20, 20)])
def test_of_few_lives_without_wear_no_more_seem_to_wear_out_than_the_level_says(lives, seen):
    rng = np.random.default_rng(4)
    wears = fails_young = 0
    for _ in range(600):
        hours = rng.exponential(100.0, lives)
        until = np.sort(hours)[seen - 1]
        law = fit_weibull(np.minimum(hours, until), hours <= until)
        wears += law.wears_out
        fails_young += law.shape_upper < 1
    # of 600 lives' laws 15 may lie on either side
    assert wears <= 27
    assert fails_young <= 27


def test_of_many_lives_the_law_is_that_of_the_reference_library():
    rng = np.random.default_rng(6)
    hours = 120 * rng.weibull(1.4, 3000)
    is_over = hours < 200
    data = stats.CensoredData(uncensored=hours[is_over], right=np.full((~is_over).sum(), 200.0))
    shape, _, scale = stats.weibull_min.fit(data, floc=0)
    law = fit_weibull(np.minimum(hours, 200.0), is_over)
    assert law.shape == pytest.approx(shape, rel=0.002)
    assert law.scale == pytest.approx(scale, rel=0.002)

"""Student's quantiles are those of the reference library."""

import pytest
from scipy import stats

from cloud.predictions.student import quantile, widening


@pytest.mark.parametrize("share", [0.9, 0.95, 0.975, 0.999])
@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 50, 199, 200, 201, 5000])
def test_quantiles_are_those_of_the_reference_library(share, degrees):
    assert quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), rel=2e-4)


def test_of_many_nothing_is_widened_and_of_two_much():
    assert widening(0.975, 100_000) == pytest.approx(1, abs=1e-4)
    assert widening(0.975, 2) > 9

"""The size of batches: it follows the line, not the cloud, and comes to rest where a request takes a few seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sync.fit import AIM_S, LEAST_ROWS, MOST_ROWS, USUAL_ROWS, Fit

BYTES_A_ROW = 8


def settled(fit: Fit, line: float, requests: int = 30) -> float:
    """Send batches as large as they may be over a line of so many bytes a second; return how long the last took."""
    took_s = 0.0
    for _ in range(requests):
        took_s = 0.1 + fit.rows * BYTES_A_ROW / line
        fit.brought(fit.rows, took_s)
    return took_s


@pytest.mark.parametrize("line", [700, 2_000, 5_000, 20_000])
def test_on_a_thin_line_a_request_comes_to_take_a_few_seconds(line: float) -> None:
    fit = Fit()
    assert settled(fit, line) <= max(AIM_S * 1.1, 0.1 + LEAST_ROWS * BYTES_A_ROW / line)
    assert fit.is_thin
    assert LEAST_ROWS <= fit.rows < USUAL_ROWS


def test_on_a_fast_line_batches_are_as_large_as_they_can_be() -> None:
    fit = Fit()
    settled(fit, 1_000_000)
    assert (fit.rows, fit.is_thin) == (MOST_ROWS, False)


def test_a_line_that_becomes_fast_again_is_noticed() -> None:
    fit = Fit()
    settled(fit, 2_000)
    settled(fit, 1_000_000)
    assert (fit.rows, fit.is_thin) == (MOST_ROWS, False)


def test_small_batches_that_are_quick_say_nothing_of_large_ones() -> None:
    fit = Fit()
    settled(fit, 5_000)
    before = fit.rows
    for _ in range(50):
        fit.brought(20, 0.3)
    assert fit.rows == before


def test_what_does_not_get_through_in_time_is_made_smaller_and_a_closed_door_says_nothing() -> None:
    fit = Fit()
    fit.failed(10_000, 0.2)
    assert (fit.rows, fit.is_thin) == (USUAL_ROWS, False)
    fit.failed(10_000, 30.0)
    assert (fit.rows, fit.is_thin) == (5_000, True)
    for _ in range(20):
        fit.failed(fit.rows, 30.0)
    assert fit.rows == LEAST_ROWS


@given(st.lists(st.tuples(st.integers(1, 200_000), st.floats(-1, 1_000), st.booleans())))
def test_it_stays_within_its_bounds_whatever_happens(requests: list[tuple[int, float, bool]]) -> None:
    fit = Fit()
    for rows, took_s, has_failed in requests:
        (fit.failed if has_failed else fit.brought)(rows, took_s)
        assert LEAST_ROWS <= fit.rows <= MOST_ROWS

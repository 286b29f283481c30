"""Queues hold what an outage brings, within reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.queues import covered_s, queue_size


@pytest.mark.parametrize(
    ("every_s", "asked", "expected"),
    [(1.0, None, 60), (0.1, None, 600), (0.01, None, 6000), (0.0, None, 10_000), (60.0, None, 10), (0.1, 7, 7)],
)
def test_a_queue_holds_the_outage_to_survive_within_reason_or_what_was_asked(
    every_s: float, asked: int | None, expected: int
) -> None:
    assert queue_size(every_s, 60.0, asked) == expected


def test_a_shortened_queue_says_how_long_a_cut_it_survives() -> None:
    assert covered_s(0.2, 10) == 2.0


@given(st.floats(0.007, 10), st.floats(1, 60))
def test_a_queue_that_was_not_asked_for_covers_the_outage(every_s: float, survive_s: float) -> None:
    assert covered_s(every_s, queue_size(every_s, survive_s, None)) >= survive_s - 1e-6

"""Lanes tell batches of one epoch apart by number, and no two lanes ever share one."""

from hypothesis import given
from hypothesis import strategies as st

from shared.wire.lane import SPAN, Lane


@given(st.sampled_from(Lane), st.integers(1, SPAN - 1))
def test_a_number_tells_its_lane(lane: Lane, number: int) -> None:
    seq = lane.seq(number)
    assert Lane.of(seq) is lane
    first, last = lane.seqs
    assert first <= seq <= last
    assert seq < 2**53, "readers of JSON hold it exactly"


@given(st.integers(0, 2**63 - 1))
def test_every_number_is_of_one_lane(seq: int) -> None:
    assert [lane for lane in Lane if lane.seqs[0] <= seq <= lane.seqs[1]] == [Lane.of(seq)]


def test_gateways_without_lanes_number_as_process_does() -> None:
    assert (Lane.PROCESS.seq(41), Lane.of(41)) == (41, Lane.PROCESS)

"""Lanes: every reading of a block lands in the lane of its tag, in its order, once."""

from hypothesis import given
from hypothesis import strategies as st

from edge.buffer.lanes import Lanes, joined
from shared.reading import empty, from_rows
from shared.wire.lane import Lane

LANES = st.lists(st.sampled_from(Lane), min_size=1, max_size=5)


@given(LANES, st.data())
def test_a_block_is_parted_by_the_lanes_of_its_tags(of: list[Lane], data: st.DataObject) -> None:
    tags = data.draw(st.lists(st.integers(0, len(of) - 1), max_size=40))
    lanes = Lanes()
    lanes.tell(dict(enumerate(of)), len(of))
    block = from_rows(
        tags, range(len(tags)), 0, [float(row) for row in range(len(tags))], text={0: "x"} if tags else {}
    )
    parts = lanes.part(block)
    for lane in Lane:
        expected = [float(row) for row, tag in enumerate(tags) if of[tag] is lane]
        assert (parts[lane].value.tolist() if lane in parts else []) == expected
    assert [text for part in parts.values() for text in part.text.values()] == (["x"] if tags else [])


def test_what_nobody_told_stands_in_process() -> None:
    lanes = Lanes()
    block = from_rows([0, 7], [1, 2], 0, [0.0, 1.0])
    assert lanes.part(block) == {Lane.PROCESS: block}
    lanes.tell({1: Lane.STATE}, 8)
    assert lanes.part(block) == {Lane.PROCESS: block}
    assert lanes.part(empty()) == {}


def test_a_lane_that_is_told_anew_holds_from_then_on() -> None:
    lanes = Lanes()
    lanes.tell({0: Lane.STATE}, 1)
    lanes.tell({0: Lane.DEBUG}, 1)
    lanes.tell({1: Lane.DEBUG}, 2)
    block = from_rows([0, 1], [1, 2], 0, [0.0, 1.0])
    assert lanes.part(block) == {Lane.DEBUG: block}
    assert joined({Lane.STATE: [block], Lane.DEBUG: [block, block]}) == [block] * 3

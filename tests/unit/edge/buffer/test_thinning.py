"""Thinning keeps the lowest, the highest and the last of each tag, window and quality, and nothing else."""

import math

from hypothesis import given
from hypothesis import strategies as st

from edge.buffer.thinning import kept
from shared.reading import Quality, empty, from_rows

ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 50),
        st.sampled_from([-1.0, 0.0, 2.5, math.nan, math.inf]),
        st.sampled_from([Quality.GOOD, Quality.BAD]),
    ),
    max_size=60,
)


@given(ROWS, st.integers(1, 20))
def test_of_each_group_lowest_highest_and_last_are_kept(
    rows: list[tuple[int, int, float, Quality]], window: int
) -> None:
    readings = from_rows(
        [row[0] for row in rows], [row[1] for row in rows], 0, [row[2] for row in rows], [row[3] for row in rows]
    )
    chosen = kept(readings, window).tolist()
    assert chosen == sorted(set(chosen)), "in their order, each once"
    groups: dict[tuple[int, int, int], list[int]] = {}
    for place, (tag, ts, _, quality) in enumerate(rows):
        groups.setdefault((tag, ts // window, quality), []).append(place)
    for places in groups.values():
        mine = [place for place in chosen if place in places]
        assert places[-1] in mine
        assert len(mine) <= 3
        numbers = [rows[place][2] for place in places if not math.isnan(rows[place][2])]
        told = [rows[place][2] for place in mine if not math.isnan(rows[place][2])]
        assert not numbers or (min(told), max(told)) == (min(numbers), max(numbers))


def test_a_window_begins_at_a_multiple_of_its_length() -> None:
    readings = from_rows([0] * 6, [58, 59, 60, 61, 119, 120], 0, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert kept(readings, 60).tolist() == [0, 1, 2, 4, 5]


def test_nothing_stays_nothing() -> None:
    assert kept(empty(), 60).tolist() == []

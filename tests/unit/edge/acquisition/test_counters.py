import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.acquisition.counters import Counters
from edge.acquisition.rules import Rules
from edge.drivers.spec import TagOptions
from shared.reading import from_rows

RULES = Rules.of(
    [
        TagOptions.model_validate(tag)
        for tag in ({"counter": {"rollover": "2^16"}}, {"counter": {}}, {}, {"counter": {}})
    ]
)


def resets(*values: float, tag: int = 0) -> int:
    return Counters(RULES).resets(from_rows([tag] * len(values), [0] * len(values), 1, values), RULES)


def test_a_counter_that_rolls_over_was_not_reset() -> None:
    assert resets(65_500, 65_535, 3, 9) == 0
    assert resets(65_500, 65_535, 3, 9, tag=1) == 1


def test_a_counter_that_falls_from_anywhere_else_was_reset() -> None:
    assert resets(100, 90, 0, 5, 4) == 3


def test_what_is_no_counter_or_no_number_is_not_looked_at() -> None:
    assert resets(5, 4, tag=2) == 0
    assert resets(5, float("nan"), 6, 5) == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 5.0, 40_000.0, 65_000.0, np.nan])), max_size=20),
    st.integers(1, 20),
)
def test_how_readings_are_cut_into_blocks_makes_no_difference(rows: list[tuple[int, float]], cut: int) -> None:
    def counted(size: int) -> int:
        counters, total = Counters(RULES), 0
        for at in range(0, len(rows), size):
            tags, values = zip(*rows[at : at + size], strict=True)
            total += counters.resets(from_rows(tags, [0] * len(tags), 1, values), RULES)
        return total

    assert counted(cut) == counted(len(rows) or 1)


def test_further_points_are_watched_from_their_first_reading() -> None:
    counters, more = Counters(RULES), RULES.and_then(RULES)
    counters.extend(more)
    assert counters.resets(from_rows([4, 4], [0, 0], 1, [7, 3]), more) == 1

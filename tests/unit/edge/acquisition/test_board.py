"""The board: the last word of each point, whatever the blocks it came in, and taps that never hold anything up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquisition import board as boards
from edge.acquisition.board import Board
from shared.reading import Flag, Quality, Readings, empty, from_rows
from tests.fakes.driver import NOW_US, points


def block(*rows: tuple[int, float], text: dict[int, str] | None = None, quality: int = 0, flags: int = 0) -> Readings:
    tags, values = [tag for tag, _ in rows], [value for _, value in rows]
    return from_rows(tags, [NOW_US - 5] * len(rows), NOW_US, values, quality, flags, 7, text)


def test_a_point_that_never_came_is_silent() -> None:
    (last,) = Board(points("a")).last([0])
    assert (last.quality, last.value, last.text, last.raw, last.time_us, last.read_us) == ("silent",) + (None,) * 5


def test_the_last_word_is_shown_before_and_after_shaping() -> None:
    board = Board(points("a", "b"))
    board.note(block((0, 215.0), (0, 216.0)), block((0, 21.6), flags=int(Flag.OUT_OF_RANGE)))
    (last,) = board.last([0])
    assert (last.value, last.raw, last.quality, last.flags) == (21.6, 216.0, "good", ("out_of_range",))
    assert (last.time_us, last.read_us, last.status) == (NOW_US - 5, NOW_US, 7)


def test_what_says_nothing_new_is_still_heard() -> None:
    board = Board(points("a"))
    board.note(block((0, 1.0)), block((0, 1.0)))
    again = from_rows([0], [0], NOW_US + 9, [1.0])
    board.note(again, empty())
    (last,) = board.last([0])
    assert (last.time_us, last.read_us) == (NOW_US - 5, NOW_US + 9)


def test_a_text_goes_when_a_number_comes() -> None:
    board = Board(points("a"))
    board.note(empty(), block((0, np.nan), text={0: "SN-1"}))
    assert board.last([0])[0].text == "SN-1"
    board.note(empty(), block((0, 5.0)))
    assert (board.last([0])[0].text, board.last([0])[0].value) == (None, 5.0)


def test_a_bad_reading_takes_the_value_away() -> None:
    board = Board(points("a"))
    board.note(empty(), block((0, 1.0)))
    board.note(empty(), block((0, np.nan), quality=int(Quality.BAD)))
    assert (board.last([0])[0].value, board.last([0])[0].quality) == (None, "bad")


def test_points_that_are_found_later_stand_behind() -> None:
    board = Board(points("a"))
    board.note(empty(), block((0, 1.0)))
    board.extend(points("b"))
    board.note(empty(), block((1, 2.0)))
    assert [last.value for last in board.last([0, 1])] == [1.0, 2.0]


def test_points_are_found_by_words_and_quality() -> None:
    board = Board([*points("Power_kW", "energy"), *points("power", device="Oven")])
    board.note(empty(), block((2, 1.0)))
    assert board.places() == [0, 1, 2]
    assert board.places("POWER press") == [0]
    assert board.places("power") == [0, 2]
    assert board.places("nothing") == []
    assert board.places("power", "good") == [2]
    assert board.places("", "silent") == [0, 1]


# a tag, its value, and maybe a text instead
ROWS = st.lists(st.tuples(st.integers(0, 3), st.floats(-9, 9), st.none() | st.text(max_size=2)), max_size=5)


@given(st.lists(ROWS, max_size=boards._MOST_BLOCKS + 9))
def test_whenever_blocks_are_folded_the_last_row_of_a_point_counts(
    parts: list[list[tuple[int, float, str | None]]],
) -> None:
    board, last = Board(points("a", "b", "c", "d")), dict[int, tuple[float, str | None]]()
    for part in parts:
        texts = {row: text for row, (_, _, text) in enumerate(part) if text is not None}
        rows = block(*((tag, value) for tag, value, _ in part), text=texts)
        board.note(rows, rows)
        last.update({tag: (value, text) for tag, value, text in part})
    assert [(item.value, item.text) for item in board.last(range(4))] == [
        last.get(place, (None, None)) for place in range(4)
    ]


def test_rounds_of_a_poller_that_share_their_array_leave_the_last_word_to_the_last() -> None:
    board, tag = Board(points("a", "b")), np.array([0, 1], np.uint32)
    for n in range(5):
        rows = replace(block((0, float(n)), (1, float(-n))), tag=tag)
        board.note(rows, rows)
    board.note(empty(), block((1, 9.0)))
    assert [item.value for item in board.last([0, 1])] == [4.0, 9.0]


def test_what_waits_to_be_folded_is_bounded() -> None:
    board = Board(points("a"))
    for _ in range(10 * boards._MOST_BLOCKS):
        board.note(block((0, 1.0)), empty())
        assert len(board._read) < boards._MOST_BLOCKS
    many = from_rows([0] * boards._MOST_ROWS, [0] * boards._MOST_ROWS, 0, [0.0] * boards._MOST_ROWS)
    board.note(many, empty())
    assert board._read == []


def test_a_tap_gets_its_points_rows_read_and_kept_and_nothing_afterwards() -> None:
    board = Board(points("a", "b"))
    with board.tapped([1]) as tap:
        board.note(block((0, 1.0), (1, 20.0)), block((1, 2.0), text={0: "two"}))
        assert [(row.point.name, row.is_kept, row.value, row.text) for row in tap.take()] == [
            ("b", False, 20.0, None),
            ("b", True, 2.0, "two"),
        ]
        assert tap.take() == []
    board.note(block((1, 1.0)), empty())
    assert tap.take() == []


def test_a_tap_whose_reader_dawdles_counts_what_it_leaves_out() -> None:
    board = Board(points("a"))
    rows = [(0, float(n)) for n in range(boards.TAP_ROWS + 10)]
    with board.tapped([0]) as tap:
        board.note(block(*rows), empty())
        assert (len(tap.take()), tap.dropped) == (boards.TAP_ROWS, 10)


@pytest.mark.parametrize("value", [np.nan, 3.5])
def test_no_number_is_none(value: float) -> None:
    board = Board(points("a"))
    board.note(block((0, value)), block((0, value)))
    assert board.last([0])[0].raw == (None if np.isnan(value) else value)

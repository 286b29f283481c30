"""Swinging doors: whoever joins what is kept by straight lines is nowhere off by more than the deviation."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.acquisition.shape import Shaper
from edge.drivers.spec import TagOptions
from shared.reading import Quality, Readings, concatenate, from_rows

START = 1_800_000_000_000_000
SECOND = 1_000_000
NAN = math.nan


def shaper(*tags: dict[str, object]) -> Shaper:
    return Shaper(
        [
            TagOptions.model_validate({"compress": {"deviation": 0.5, "max_interval": "60s"}} | tag)
            for tag in tags or ({},)
        ]
    )


def block(*rows: tuple[float, float], tag: int = 0, quality: int = 0, status: int = 0) -> Readings:
    times = [START + round(second * SECOND) for second, _ in rows]
    return from_rows([tag] * len(rows), times, times, [value for _, value in rows], quality, 0, status)


def kept(readings: Readings) -> list[tuple[float, float]]:
    return [
        ((ts - START) / SECOND, value) for ts, value in zip(readings.ts.tolist(), readings.value.tolist(), strict=True)
    ]


def joined(points: list[tuple[float, float]], second: float) -> float:
    """Read a value off the straight lines between kept readings."""
    for (t0, v0), (t1, v1) in pairwise(points):
        if t0 <= second <= t1:
            return v0 + (v1 - v0) * (second - t0) / (t1 - t0)
    (t0, v0) = points[0]
    assert (len(points), second) == (1, t0)
    return v0


steps = st.lists(
    st.tuples(
        st.integers(1, 5_000_000), st.sampled_from([0.0, 0.1, -0.1, 0.4, -0.5, 1.0, 7.0, -30.0]) | st.floats(-5, 5)
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps, st.sampled_from([0.1, 0.5, 2.0]))
def test_straight_lines_between_what_is_kept_are_within_the_deviation(
    walk: list[tuple[int, float]], deviation: float
) -> None:
    compressed = shaper({"compress": {"deviation": deviation, "max_interval": "30s"}})
    second, value, rows = 0.0, 10.0, []
    for gap_us, step in walk:
        second, value = second + gap_us / SECOND, value + step
        rows.append((second, value))
    told = concatenate([compressed.shape(block(*rows)), compressed.flush()])
    points = kept(told)
    assert points[0] == pytest.approx((round(rows[0][0], 6), rows[0][1]))
    assert points[-1] == pytest.approx((round(rows[-1][0], 6), rows[-1][1]))
    assert {time for time, _ in points} <= {round(time, 6) for time, _ in rows}
    for time, read in rows:
        assert abs(joined(points, round(time, 6)) - read) <= deviation * (1 + 1e-6) + 1e-6
    assert compressed.counts.kept == len(points)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-3, 3) | st.just(NAN)), max_size=30), st.integers(1, 30))
def test_how_readings_are_cut_into_blocks_makes_no_difference(walk: list[tuple[int, float]], cut: int) -> None:
    def told(size: int) -> list[tuple[int, int, str]]:
        doors, out = shaper({}, {}, {"compress": None}), []
        for at in range(0, len(walk), size):
            piece = walk[at : at + size]
            times = [START + (at + n) * SECOND for n in range(len(piece))]
            out.append(doors.shape(from_rows([tag for tag, _ in piece], times, times, [value for _, value in piece])))
        whole = concatenate([*out, doors.flush()])
        return sorted(zip(whole.tag.tolist(), whole.ts.tolist(), map(repr, whole.value.tolist()), strict=True))

    assert told(cut) == told(len(walk) or 1)


def test_a_steady_slope_is_its_two_ends() -> None:
    doors = shaper()
    assert kept(doors.shape(block(*((n, n * 0.3) for n in range(50))))) == [(0.0, 0.0)]
    assert kept(doors.flush()) == [(49.0, pytest.approx(14.7))]
    assert kept(doors.flush()) == []


def test_a_bend_keeps_the_reading_before_it() -> None:
    doors = shaper()
    assert kept(doors.shape(block((0, 0), (1, 0), (2, 0), (3, 9), (4, 9), (5, 9)))) == [
        (0.0, 0.0),
        (2.0, 0.0),
        (3.0, 9.0),
    ]


def test_a_change_of_quality_or_code_ends_the_line_on_both_sides() -> None:
    doors = shaper()
    doors.shape(block((0, 0), (1, 0)))
    assert kept(doors.shape(block((2, NAN), quality=Quality.BAD)))[0] == (1.0, 0.0)
    # bad as before says nothing new, until it is time
    assert kept(doors.shape(block((3, NAN), quality=Quality.BAD))) == []
    assert len(doors.shape(block((70, NAN), quality=Quality.BAD))) == 1
    assert kept(doors.shape(block((71, 0)))) == [(71.0, 0.0)]
    assert kept(doors.shape(block((72, 0), quality=Quality.UNCERTAIN, status=7))) == [(72.0, 0.0)]


def test_nothing_waits_longer_than_the_longest_interval() -> None:
    doors = shaper()
    found = kept(doors.shape(block(*((n, 5.0) for n in range(0, 150, 7)))))
    assert all(later[0] - earlier[0] <= 60 for earlier, later in pairwise(found))
    assert len(doors.overdue(START + 150 * SECOND)) == 0
    assert kept(doors.overdue(START + 210 * SECOND)) == [(147.0, 5.0)]
    assert len(doors.overdue(START + 999 * SECOND)) == 0
    # and the line goes on from there
    assert kept(doors.shape(block((220, 5.0)))) == []


def test_a_clock_that_goes_back_begins_a_new_line() -> None:
    doors = shaper()
    assert kept(doors.shape(block((10, 0), (11, 0), (5, 0), (6, 0)))) == [(10.0, 0.0), (11.0, 0.0), (5.0, 0.0)]


def test_what_is_to_be_said_again_is_kept() -> None:
    doors = shaper()
    doors.shape(block((0, 0), (1, 0)))
    assert (2.0, 0.0) in kept(doors.again(block((2, 0))))


def test_texts_and_other_points_are_kept_beside_doors_in_their_own_way() -> None:
    doors = shaper({}, {"compress": None})
    mixed = from_rows([0, 1, 0, 1], [START, START, START + 1, START + 1], START, [1.0, 2.0, 1.0, 2.0])
    assert kept(doors.shape(mixed)) == [(0.0, 2.0), (0.0, 1.0)]
    text = doors.shape(from_rows([0], [START + 2], START, [NAN], text={0: "off"}))
    assert text.text == {1: "off"}


def test_points_found_later_have_doors_of_their_own() -> None:
    doors = shaper()
    doors.shape(block((0, 0), (1, 0)))
    doors.extend([TagOptions.model_validate({"compress": {"deviation": 1}})])
    doors.shape(block((0, 3), (1, 3), tag=1))
    assert sorted(doors.flush().tag.tolist()) == [0, 1]

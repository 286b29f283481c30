"""Overflow bits and skipped notifications become gaps that say from when to when."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.config import OpcUaDevice, OpcUaTag
from edge.drivers.opcua.holes import Holes
from edge.drivers.spec import Point
from shared.reading import Flag, Gap, GapCause, Readings, from_rows

DEVICES = [OpcUaDevice(name=name, on="plc", tags={}) for name in ("press", "oven")]
POINTS = [Point(device.name, tag, 1.0, device, OpcUaTag(node=f"s={tag}")) for device in DEVICES for tag in ("a", "b")]
OPENED = 1_790_000_000_000_000
SECOND = 1_000_000


def readings(*rows: tuple[int, int, int]) -> Readings:
    """Make readings of (point, source time, flags)."""
    tags, times, flags = zip(*rows, strict=True)
    return from_rows(tags, times, OPENED + 9 * SECOND, [1.0] * len(rows), 0, flags)


def test_nothing_missing_leaves_no_gap() -> None:
    holes = Holes(POINTS, OPENED)
    assert holes.found(readings((0, OPENED, 0)), 1, OPENED) == []
    assert holes.found(readings((0, OPENED + SECOND, 0)), 2, OPENED + SECOND) == []


def test_an_overflow_is_a_gap_from_the_tags_last_value_to_the_first_one_kept() -> None:
    holes = Holes(POINTS, OPENED)
    holes.found(readings((1, OPENED + 1 * SECOND, 0), (0, OPENED + 2 * SECOND, 0)), 1, OPENED)
    (gap,) = holes.found(
        readings((0, OPENED + 3 * SECOND, 0), (1, OPENED + 7 * SECOND, Flag.OVERFLOW), (1, OPENED + 8 * SECOND, 0)),
        2,
        OPENED + 9 * SECOND,
    )
    assert (gap.cause, gap.device, gap.tag) == (GapCause.OVERFLOW, "press", "b")
    assert (gap.from_us, gap.to_us) == (OPENED + 1 * SECOND + 1, OPENED + 7 * SECOND)


def test_an_overflow_within_a_notification_reaches_from_the_value_before_it() -> None:
    holes = Holes(POINTS, OPENED)
    block = readings((2, OPENED + 1 * SECOND, 0), (3, OPENED + 2 * SECOND, 0), (2, OPENED + 5 * SECOND, Flag.OVERFLOW))
    (gap,) = holes.found(block, 1, OPENED)
    assert (gap.device, gap.tag, gap.from_us) == ("oven", "a", OPENED + 1 * SECOND + 1)


def test_an_overflow_before_any_value_reaches_from_the_subscriptions_begin() -> None:
    (gap,) = Holes(POINTS, OPENED).found(readings((0, OPENED + 5 * SECOND, Flag.OVERFLOW)), 1, OPENED)
    assert (gap.from_us, gap.to_us) == (OPENED + 1, OPENED + 5 * SECOND)


def test_a_clock_behind_ours_gives_a_short_gap_and_no_nonsense() -> None:
    (gap,) = Holes(POINTS, OPENED).found(readings((0, OPENED - 5 * SECOND, Flag.OVERFLOW)), 1, OPENED)
    assert (gap.from_us, gap.to_us) == (OPENED - 5 * SECOND - 1, OPENED - 5 * SECOND)


def test_without_a_plausible_source_time_the_gateways_own_counts() -> None:
    for time in (0, 4_200_000_000_000_000):
        (gap,) = Holes(POINTS, OPENED).found(readings((0, time, Flag.OVERFLOW)), 1, OPENED)
        assert gap.to_us == OPENED + 9 * SECOND


def test_a_skipped_notification_is_a_gap_of_every_device_since_the_last_one() -> None:
    holes = Holes(POINTS, OPENED)
    holes.found(readings((0, OPENED, 0)), 4, OPENED + SECOND)
    gaps = holes.found(readings((0, OPENED, 0)), 7, OPENED + 3 * SECOND)
    assert [(gap.cause, gap.device, gap.tag) for gap in gaps] == [
        (GapCause.COMMUNICATION_LOST, "press", None),
        (GapCause.COMMUNICATION_LOST, "oven", None),
    ]
    assert {(gap.from_us, gap.to_us) for gap in gaps} == {(OPENED + SECOND, OPENED + 3 * SECOND)}
    assert "7 where 5 was due" in gaps[0].detail


def test_sequence_numbers_go_on_at_one_after_the_highest() -> None:
    holes = Holes(POINTS, OPENED)
    holes.found(readings((0, OPENED, 0)), 2**32 - 1, OPENED)
    assert holes.found(readings((0, OPENED, 0)), 1, OPENED) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-(2**62), 2**62), st.sampled_from([0, Flag.OVERFLOW])), min_size=1
    ),
    st.integers(1, 2**32 - 1),
)
def test_whatever_a_server_sends_gaps_can_travel(rows: list[tuple[int, int, int]], sequence: int) -> None:
    holes = Holes(POINTS, OPENED)
    holes.found(readings((0, OPENED, 0)), 1, OPENED)
    block = readings(*rows)
    gaps: list[Gap] = holes.found(block, sequence, OPENED + 9 * SECOND)
    assert sum(gap.cause is GapCause.OVERFLOW for gap in gaps) == np.count_nonzero(block.flags)
    for gap in gaps:
        assert 0 <= gap.from_us < gap.to_us < 4_102_444_800_000_000


def test_a_node_that_is_back_leaves_a_gap_from_its_going_to_now() -> None:
    holes = Holes(POINTS, OPENED)
    (gap,) = holes.returned({2: OPENED + SECOND}, OPENED + 5 * SECOND)
    assert (gap.cause, gap.device, gap.tag) == (GapCause.COMMUNICATION_LOST, "oven", "a")
    assert (gap.from_us, gap.to_us) == (OPENED + SECOND, OPENED + 5 * SECOND)
    assert holes.returned({}, OPENED) == []

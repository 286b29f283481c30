"""Rows of a batch: their order, what the batch repeats, and which of a tag's readings is the newest."""

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.telemetry.rows import arrange, minutes, newest
from shared.reading import Flag, Readings, empty, from_rows

NOW = 1000


def block(*rows: tuple[int, int, int]) -> Readings:
    """Make readings of (tag, ts, received), each with its place as value."""
    tag, ts, received = zip(*rows, strict=True) if rows else ((), (), ())
    return from_rows(tag, ts, received, [float(place) for place in range(len(rows))])


rows_of_batch = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 1500)), max_size=25)


@given(rows_of_batch, st.lists(st.integers(1, 3), min_size=3, max_size=3))
def test_no_reading_is_lost_and_each_keeps_its_tag(rows, tag_ids):
    arranged = arrange(block(*rows), tag_ids, NOW)
    told = zip(arranged.tag_id.tolist(), arranged.readings.ts.tolist(), arranged.readings.value.tolist(), strict=True)
    assert Counter(told) == Counter((tag_ids[tag], ts, float(place)) for place, (tag, ts, _) in enumerate(rows))


@given(rows_of_batch)
def test_rows_are_by_tag_and_time_then_as_taken(rows):
    arranged = arrange(block(*rows), [7, 3, 5], NOW)
    keys = list(
        zip(arranged.tag_id.tolist(), arranged.readings.ts.tolist(), arranged.readings.value.tolist(), strict=True)
    )
    assert keys == sorted(keys)


@given(rows_of_batch, st.lists(st.integers(1, 3), min_size=3, max_size=3))
def test_the_rank_counts_the_readings_of_one_tag_at_one_time(rows, tag_ids):
    arranged = arrange(block(*rows), tag_ids, NOW)
    seen: Counter[tuple[int, int]] = Counter()
    for tag, ts, rank in zip(
        arranged.tag_id.tolist(), arranged.readings.ts.tolist(), arranged.rank.tolist(), strict=True
    ):
        assert rank == seen[tag, ts]
        seen[tag, ts] += 1
    assert arranged.has_repetitions == any(count > 1 for count in seen.values())


@given(rows_of_batch)
def test_the_newest_is_the_last_that_any_clock_vouches_for(rows):
    arranged = arrange(block(*rows), [7, 3, 5], NOW)
    told = {int(arranged.tag_id[row]): float(arranged.readings.value[row]) for row in newest(arranged).tolist()}
    expected: dict[int, tuple[int, int, int, int]] = {}
    for place, (tag, ts, received) in enumerate(rows):
        key = (min(ts, received, NOW), received, ts, place)
        expected[tag] = max(expected.get(tag, key), key)
    assert told == {[7, 3, 5][tag]: float(key[-1]) for tag, key in expected.items()}


def test_a_source_whose_clock_runs_ahead_does_not_stay_the_newest():
    ahead = arrange(block((0, 9_000_000, 100)), [1], NOW)
    later = arrange(block((0, 200, 201)), [1], NOW)
    assert ahead.as_of.tolist() == [100]
    assert later.as_of.tolist() == [200]


def test_a_gateway_whose_clock_runs_ahead_is_held_to_ours():
    assert arrange(block((0, 9_000_000, 9_000_001)), [1], NOW).as_of.tolist() == [NOW]


def test_an_infinity_becomes_no_number_and_is_flagged():
    arranged = arrange(from_rows([0] * 3, [1, 2, 3], 4, [math.inf, -math.inf, 5.0], flags=Flag.RETAINED), [1], NOW)
    assert np.isnan(arranged.readings.value).tolist() == [True, True, False]
    assert arranged.readings.flags.tolist() == [Flag.RETAINED | Flag.NOT_FINITE] * 2 + [Flag.RETAINED]


def test_texts_stay_with_their_rows():
    arranged = arrange(from_rows([0, 0, 0], [3, 1, 2], 9, [0.0, 1.0, 2.0], text={0: "c", 2: "b"}), [1], NOW)
    assert arranged.readings.text == {1: "b", 2: "c"}


def test_a_batch_of_nothing_has_no_newest():
    nothing = arrange(empty(), [], NOW)
    assert len(newest(nothing)) == 0
    assert not nothing.has_repetitions


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 300_000_000)), max_size=30))
def test_the_minutes_are_each_pair_of_tag_and_minute_once(said):
    block = from_rows([tag for tag, _ in said], [ts for _, ts in said], [ts for _, ts in said], [1.0] * len(said))
    tags, touched = minutes(arrange(block, [7, 5, 6], 0))
    expected = sorted({([7, 5, 6][tag], ts // 60_000_000) for tag, ts in said})
    assert list(zip(tags.tolist(), touched.tolist(), strict=True)) == expected


def test_a_batch_has_waited_when_its_gateway_had_all_of_it_ten_seconds_ago():
    now_us = 1_000_000_000
    old, new = (0, 1, now_us - 11_000_000), (1, 1, now_us - 9_000_000)
    assert arrange(block(old), [7, 5], now_us).has_waited
    assert not arrange(block(old, new), [7, 5], now_us).has_waited

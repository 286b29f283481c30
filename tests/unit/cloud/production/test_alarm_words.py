"""Which alarms a tag tells of: its word becomes another one, in whatever order its readings come."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.production.alarm_words import LONGEST, Word, changes, code
from shared.reading import Quality

GOOD, BAD = Quality.GOOD, Quality.BAD


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (4711.0, "4711"),
        (1.5, "1.5"),
        ("E12", "E12"),
        (" door  open ", "door open"),
        ("x" * 200, "x" * LONGEST),
        (0.0, None),
        (None, None),
        ("", None),
        ("0", None),
        ("No Alarm", None),
        ("yok", None),
    ],
)
def test_a_value_stands_for_a_code_or_for_none(said, meant):
    assert code(said) == meant


def test_a_code_that_is_repeated_is_one_alarm_and_one_that_comes_again_is_another():
    said = [(1, "E1"), (2, "E1"), (3, ""), (4, "E1"), (5, "E2"), (6, 0.0)]
    assert changes(Word(at, 0, value, GOOD) for at, value in said) == {
        1: "E1",
        3: None,
        4: "E1",
        5: "E2",
        6: None,
    }


def test_what_has_bad_quality_says_nothing_and_the_last_of_one_moment_counts():
    words = [Word(1, 0, "E1", GOOD), Word(2, 0, "", BAD), Word(3, 0, "E1", GOOD), Word(4, 0, "E2", GOOD)]
    assert changes([*words, Word(4, 1, "E3", GOOD)]) == {1: "E1", 4: "E3"}


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["", "E1", "E2"]), st.sampled_from([GOOD, BAD]))),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_make_no_alarms(said, chance):
    words = [Word(at, n, value, quality) for n, (at, value, quality) in enumerate(said)]
    told = changes(words)
    mixed = words * 2
    chance.shuffle(mixed)
    assert changes(mixed) == told
    codes = [told[at] for at in sorted(told)]
    assert all(one != next_one for one, next_one in itertools.pairwise(codes))

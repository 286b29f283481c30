"""How readings, rules and people make a machine's states."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.presets import codes, meaning
from cloud.kpi.spans import Span, overlaps, total, union
from cloud.production.rules import Said, Segment, Told, base, by_rules, by_tags, joined, overlay, spliced, without
from cloud.production.schemas import Rule, StateSource
from shared.reading import MachineState, Quality

WINDOW = Span(0, 100)
WORDS = st.sampled_from(["producing", "idle", "faulted", "no such word", None])
READ = by_tags([1, 2], lambda said: meaning(said, codes(None)))
READINGS = st.lists(st.builds(Said, st.integers(0, 99), st.sampled_from([1, 2]), WORDS), max_size=12)
SEGMENTS = st.builds(
    lambda edges, states: joined(
        Segment(Span(*pair), state) for pair, state in zip(itertools.pairwise(edges), states, strict=False)
    ),
    st.lists(st.integers(0, 100), unique=True).map(sorted),
    st.lists(st.sampled_from(list(MachineState)), max_size=40),
)
TOLD = st.lists(
    st.builds(
        Told,
        st.integers(1, 1000),
        st.builds(Span, st.integers(0, 100), st.integers(0, 100)).filter(lambda each: each.length),
        st.sampled_from([StateSource.OPERATOR, StateSource.IMPORT]),
        st.none() | st.sampled_from(list(MachineState)),
        st.none() | st.integers(1, 3),
    ),
    max_size=5,
    unique_by=lambda each: each.id,
)


@given(READINGS, st.randoms())
def test_states_depend_on_what_was_read_and_not_on_the_order_in_which_it_came(readings, chance):
    expected = base([], readings, READ, WINDOW)
    mixed = readings + (chance.choices(readings, k=4) if readings else [])
    chance.shuffle(mixed)
    assert base([], mixed, READ, WINDOW) == expected
    assert overlaps([each.span for each in expected]) == []


@given(READINGS, st.integers(1, 99))
def test_a_window_may_be_derived_in_two_parts(readings, cut):
    whole = base([], readings, READ, WINDOW)
    before = [each for each in readings if each.at < cut]
    last = {each.tag: each for each in sorted(before, key=lambda each: (each.at, each.tag, each.n))}
    first = base([], before, READ, Span(0, cut))
    # of several at one time the last one taken stands, as the database has them: one a time here
    if len({(each.at, each.tag) for each in readings}) == len(readings):
        second = base(last.values(), [each for each in readings if each.at >= cut], READ, Span(cut, 100))
        assert joined([*first, *second]) == whole


def test_of_several_tags_the_newest_speaks():
    said = [Said(1, 1, "producing"), Said(5, 2, "idle"), Said(9, 1, "producing")]
    found = base([], said, READ, WINDOW)
    assert [(each.span.start, each.state) for each in found] == [(1, "producing"), (5, "idle"), (9, "producing")]


def test_before_anything_was_said_nothing_is_known():
    assert base([], [], READ, WINDOW) == []
    assert base([Said(-5, 1, "idle")], [], READ, WINDOW) == [Segment(WINDOW, MachineState.IDLE)]


def test_a_rule_that_cannot_be_judged_is_no_data():
    rules = [
        Rule.model_validate({"state": "producing", "when": [{"tag": "rpm", "above": 5}, {"tag": "door", "equals": 0}]})
    ]
    read = by_rules(rules, MachineState.IDLE, lambda condition: {"rpm": 1, "door": 2}[condition.tag])
    assert read({}) is None
    assert read({1: Said(0, 1, 9.0)}) == (MachineState.NO_DATA, StateSource.RULE)
    assert read({1: Said(0, 1, 9.0), 2: Said(0, 2, 0.0)}) == (MachineState.PRODUCING, StateSource.RULE)
    assert read({1: Said(0, 1, 9.0), 2: Said(0, 2, 1.0)}) == (MachineState.IDLE, StateSource.RULE)
    assert read({1: Said(0, 1, 9.0, Quality.BAD), 2: Said(0, 2, 0.0)}) == (MachineState.NO_DATA, StateSource.RULE)
    assert read({1: Said(0, 1, "fast"), 2: Said(0, 2, 0.0)}) == (MachineState.NO_DATA, StateSource.RULE)


@given(SEGMENTS, st.lists(st.builds(Span, st.integers(0, 100), st.integers(0, 100)), max_size=5))
def test_holes_take_away_states_and_no_time(segments, holes):
    found = without(segments, holes)
    assert union(each.span for each in found) == union(each.span for each in segments)
    assert overlaps([each.span for each in found]) == []
    for each in found:
        covered = total(part.clip(each.span) for part in union(holes))
        assert each.state is MachineState.NO_DATA or covered == 0


@given(SEGMENTS, TOLD, st.randoms())
def test_words_are_laid_over_readings_in_whatever_order_they_come(segments, told, chance):
    found = overlay(segments, told, WINDOW)
    assert overlaps([each.span for each in found]) == []
    mixed = list(told)
    chance.shuffle(mixed)
    assert overlay(segments, mixed, WINDOW) == found
    states = [each for each in told if each.state is not None]
    assert total(each.span for each in found) == total(
        [*(each.span for each in segments), *(each.span for each in states)]
    )


def test_a_person_is_believed_before_a_file_and_the_newest_word_of_either():
    told = [
        Told(1, Span(0, 50), StateSource.OPERATOR, MachineState.SETUP),
        Told(2, Span(0, 80), StateSource.IMPORT, MachineState.OFF),
        Told(3, Span(20, 30), StateSource.OPERATOR, MachineState.HELD, 7),
    ]
    found = overlay([Segment(WINDOW, MachineState.PRODUCING)], told, WINDOW)
    assert [(each.span.start, each.state, each.reason) for each in found] == [
        (0, "setup", None),
        (20, "held", 7),
        (30, "setup", None),
        (50, "off", None),
        (80, "producing", None),
    ]


@given(SEGMENTS, SEGMENTS, st.builds(Span, st.integers(0, 100), st.integers(0, 100)).filter(lambda each: each.length))
def test_what_is_derived_replaces_its_window_and_nothing_else(kept, derived, window):
    inside = [Segment(part, each.state) for each in derived if (part := each.span.clip(window)).length]
    found = spliced(kept, window, inside)
    assert overlaps([each.span for each in found]) == []
    assert total(each.span for each in found) == total(each.span for each in inside) + sum(
        each.span.length - each.span.clip(window).length for each in kept
    )

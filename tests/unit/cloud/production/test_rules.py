"""How readings, rules and people make a machine's states."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.presets import Preset, codes, meaning
from cloud.kpi.spans import Span, overlaps, total, union
from cloud.production.rules import (
    SILENT_AFTER,
    STATUS_OF,
    Newest,
    Said,
    Segment,
    Told,
    Verdict,
    base,
    by_rules,
    by_tags,
    joined,
    overlay,
    present,
    spliced,
    without,
)
from cloud.production.schemas import Rule, StateSource
from cloud.telemetry.schemas import Doubt, RuntimeStatus
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


SILENT = SILENT_AFTER.total_seconds()
PACKML = codes(Preset.PACKML)


def newest(
    said: float | str | None = "producing",
    *,
    quality: int = 0,
    age_s: float = 5,
    heard_s: float | None = 1,
    tag: int = 1,
) -> Newest:
    """Return what a tag said some seconds ago, of a gateway that was heard some seconds ago."""
    heard = None if heard_s is None else -round(heard_s * 1e6)
    return Newest(Said(-round(age_s * 1e6), tag, said, quality), heard)


def now(*heard: Newest) -> Verdict:
    def means(said: float | str | None) -> MachineState | None:
        return meaning(said, PACKML)

    return present(heard, by_tags([1, 2, 3], means), means, 0)


def test_the_newest_of_several_state_tags_speaks():
    heard = [newest("faulted", age_s=9, tag=1), newest("setup", age_s=1, tag=2), newest("off", age_s=5, tag=3)]
    assert now(*heard) == Verdict(RuntimeStatus.SETUP, MachineState.SETUP)


def test_a_standards_code_says_what_a_machine_does_now():
    assert now(newest(6.0)) == Verdict(RuntimeStatus.RUNNING, MachineState.PRODUCING)
    assert now(newest(9.0)) == Verdict(RuntimeStatus.DOWN, MachineState.FAULTED)


def test_an_old_state_holds_while_its_gateway_is_heard_and_uncertain_is_still_known():
    assert now(newest(age_s=86_400)).status is RuntimeStatus.RUNNING
    assert now(newest(quality=1, heard_s=SILENT)).status is RuntimeStatus.RUNNING


@pytest.mark.parametrize(
    ("heard", "doubt"),
    [
        ([], Doubt.NO_STATE_TAG),
        ([newest("no_data")], Doubt.NO_DATA),
        ([newest(quality=2)], Doubt.BAD_QUALITY),
        ([newest("spinning")], Doubt.NOT_A_STATE),
        ([newest(None)], Doubt.NOT_A_STATE),
        ([newest(heard_s=SILENT + 1)], Doubt.GATEWAY_SILENT),
        ([newest(heard_s=None)], Doubt.GATEWAY_SILENT),
        # the newest says nothing: the one before it is not repeated
        ([newest("producing", age_s=9), newest(quality=2, age_s=1, tag=2)], Doubt.BAD_QUALITY),
    ],
)
def test_what_nobody_vouches_for_is_unknown_with_its_reason(heard, doubt):
    verdict = now(*heard)
    assert (verdict.status, verdict.doubt) == (RuntimeStatus.UNKNOWN, doubt)


def test_rules_say_what_a_machine_does_now_and_why_they_cannot():
    rule = Rule.model_validate({"state": "producing", "when": [{"tag": "rpm", "above": 100}]})
    read = by_rules([rule], MachineState.IDLE, lambda _: 1)
    assert present([newest(200.0)], read, None, 0) == Verdict(RuntimeStatus.RUNNING, MachineState.PRODUCING)
    assert present([newest(20.0)], read, None, 0).status is RuntimeStatus.IDLE
    assert present([newest(None, quality=2)], read, None, 0).doubt is Doubt.BAD_QUALITY
    assert present([newest("word")], read, None, 0).doubt is Doubt.NO_DATA
    assert present([newest(2.0)], by_rules([rule], None, lambda _: 1), None, 0).doubt is Doubt.NOT_A_STATE


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from([1, 2]), WORDS), min_size=1, max_size=12))
def test_the_present_is_what_is_derived_a_moment_later(told):
    readings = [Said(at, tag, word) for at, tag, word in dict.fromkeys(told)]
    if len({(each.at, each.tag) for each in readings}) < len(readings):
        return
    last = {each.tag: each for each in sorted(readings, key=lambda each: each.at)}
    derived = base([], readings, READ, Span(0, 1000))[-1].state
    verdict = present(
        [Newest(each, 1000) for each in last.values()], READ, lambda said: meaning(said, codes(None)), 1000
    )
    assert (verdict.state or MachineState.NO_DATA) is derived


def test_every_state_has_a_runtime_status_and_every_status_a_state():
    assert set(STATUS_OF) == set(MachineState)
    assert set(STATUS_OF.values()) == set(RuntimeStatus)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("producing", "running"),
        ("producing_slow", "running"),
        ("setup", "setup"),
        ("idle", "idle"),
        ("starved", "idle"),
        ("blocked", "idle"),
        ("held", "idle"),
        ("planned_stop", "idle"),
        ("faulted", "down"),
        ("maintenance", "maintenance"),
        ("off", "offline"),
    ],
)
def test_a_state_says_what_the_machine_is_doing(state: str, status: str):
    assert STATUS_OF[MachineState(state)] is RuntimeStatus(status)


def test_thousands_of_holes_in_thousands_of_segments_are_no_matter_of_hours() -> None:
    # each segment by itself looked at all holes: this took minutes, and a gateway's backlog hours
    number = 20_000
    segments = [
        Segment(Span(at * 100, at * 100 + 100), (MachineState.PRODUCING, MachineState.IDLE)[at % 2])
        for at in range(number)
    ]
    found = without(segments, [Span(at * 100 + 40, at * 100 + 60) for at in range(number)])
    assert len(found) == 3 * number
    assert sum(each.span.length for each in found if each.state is MachineState.NO_DATA) == 20 * number

"""The report on settled predictions."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.predictions import reliability
from cloud.predictions.judged import Gathered, Settled, look_at

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MACHINES = [uuid.UUID(int=number) for number in range(8)]
CHALLENGER = uuid.UUID(int=99)


def settled(*, days: int = 60, said: float = 0.2, rule: float = 0.2, truth: float = 0.2, seed: int = 1, **more):
    rng = np.random.default_rng(seed)
    return [
        Settled(
            machine_id=machine,
            at=BEGAN + timedelta(hours=6 * number),
            probability=said,
            baseline=rule,
            minutes=said * 30.0,
            minutes_lower=0.0,
            minutes_upper=60.0,
            outcome="stop" if (came := rng.random() < truth) else "none",
            came_minutes=30.0 if came else 0.0,
            **({"model_id": None, "served_by": "prevalence", "is_challenger": False} | more),
        )
        for number in range(days * 4)
        for machine in MACHINES
    ]


def look(rows):
    gathered = Gathered()
    for machine in sorted({row.machine_id for row in rows}):
        gathered.add([row for row in rows if row.machine_id == machine])
    return look_at(gathered.columns(), 24, BEGAN, 3, 2)


def test_of_nothing_nothing_is_said_and_what_is_pending_is_told():
    told = look([])
    assert (told.servers, told.concept, told.challenges, told.pending, told.left_out) == ([], None, [], 3, 2)
    assert not told.is_concept_drift
    assert not told.is_worse_than_rule


def test_words_that_come_true_are_no_trouble():
    told = look(settled())
    [served] = told.servers
    assert served.rows == 8 * 240
    assert served.calibration_error < 0.03
    assert served.coverage == 1.0
    assert served.minutes is not None
    assert served.minutes.bias == pytest.approx(0, abs=0.1)
    assert served.minutes.lift == pytest.approx(1)
    assert sum(each.rows for each in served.rolling) == served.rows
    assert [each.start for each in served.rolling] == sorted(each.start for each in served.rolling)
    assert not told.is_concept_drift
    assert not told.is_worse_than_rule


def test_minutes_that_were_expected_twice_too_often_are_told_as_such():
    [served] = look(settled(said=0.4)).servers
    assert served.minutes is not None
    assert served.minutes.bias == pytest.approx(1, abs=0.2)
    [of_none] = look(settled(truth=0.0)).servers
    assert of_none.minutes is not None
    assert (of_none.minutes.bias, of_none.minutes.lift) == (None, None)


def test_windows_of_a_day_said_every_six_hours_are_counted_once_a_day():
    told = look(settled(days=30))
    assert told.concept is not None
    assert told.concept.windows <= 8 * 30


def test_a_plant_that_stops_twice_as_often_is_concept_drift():
    told = look(settled(truth=0.4))
    assert told.is_concept_drift
    assert told.concept is not None
    assert told.concept.observed > told.concept.expected


def test_a_model_that_is_surely_worse_than_the_rule_is_told():
    assert look(settled(said=0.7, model_id=CHALLENGER, served_by="boosting 1")).is_worse_than_rule
    assert not look(settled(said=0.2, rule=0.7)).is_worse_than_rule
    # a few days are too few to say so
    assert not look(settled(said=0.7, days=3)).is_worse_than_rule


def test_a_challenger_is_held_against_who_served_on_the_same_moments_only():
    served = settled(said=0.6)
    better = settled(said=0.2, model_id=CHALLENGER, served_by="boosting 2", is_challenger=True)
    told = look([*served, *better[: len(better) // 2]])
    [challenge] = told.challenges
    assert (challenge.champion, challenge.challenger) == ("prevalence", "boosting 2")
    assert challenge.challenger_model_id == CHALLENGER
    assert challenge.rows == len(better) // 2
    assert challenge.is_better
    assert challenge.challenger_brier < challenge.champion_brier
    # the challenger's words are not what the plant was told
    assert told.concept is not None
    assert told.concept.expected == pytest.approx(0.6 * told.concept.windows)


def test_a_challenger_that_never_spoke_of_the_same_moment_is_held_against_nobody():
    other = settled(is_challenger=True, served_by="other")
    moved = [
        Settled(**{name: getattr(each, name) for name in Settled.COLUMNS} | {"at": each.at + timedelta(hours=1)})
        for each in other
    ]
    assert look([*settled(), *moved]).challenges == []


WORDS = st.tuples(
    st.integers(0, 2),
    st.integers(0, 9),
    st.sampled_from(["a", "b", "c"]),
    st.booleans(),
    st.floats(0, 1),
    st.booleans(),
)


@given(st.lists(WORDS, min_size=1, max_size=60, unique_by=lambda row: (row[0], row[1], row[2], row[3])))
def test_gathered_by_machine_the_figures_are_those_of_the_rows_one_by_one(words):
    rows = [
        Settled(
            MACHINES[m],
            None,
            name,
            is_challenger,
            BEGAN + timedelta(hours=6 * at),
            said,
            0.3,
            9.0,
            0.0,
            60.0,
            word,
            5.0,
        )
        for m, at, name, is_challenger, said, came in words
        for word in ["stop" if came else "none"]
    ]
    told = look(rows)
    by_server = Counter((row.is_challenger, row.served_by) for row in rows)
    assert {(each.is_challenger, each.name): each.rows for each in told.servers} == by_server
    for each in told.servers:
        own = [row for row in rows if (row.is_challenger, row.served_by) == (each.is_challenger, each.name)]
        assert each.brier == pytest.approx(np.mean([(row.probability - (row.outcome == "stop")) ** 2 for row in own]))
        assert each.stops == sum(row.outcome == "stop" for row in own)
    # the last that was said of a moment, where two served
    ordered = sorted((row for row in rows if not row.is_challenger), key=lambda row: row.machine_id)
    served = {(row.machine_id, row.at): row for row in ordered}
    for name in ("a", "b", "c"):
        mine = [
            row for row in sorted(rows, key=lambda row: row.machine_id) if row.is_challenger and row.served_by == name
        ]
        both = [(served[row.machine_id, row.at], row) for row in mine if (row.machine_id, row.at) in served]
        [found] = [each for each in told.challenges if each.challenger == name] or [None]
        if not both:
            assert found is None
            continue
        came = np.array([champion.outcome == "stop" for champion, _ in both])
        champion, challenger = (np.array([pair[side].probability for pair in both]) for side in (0, 1))
        gain = reliability.against(challenger, champion, came, np.array([pair[0].machine_id.int for pair in both]))
        assert (found.rows, found.champion) == (len(both), ", ".join(sorted({each.served_by for each, _ in both})))
        assert found.champion_brier == pytest.approx(reliability.brier(champion, came))
        assert (found.gain is None) == (gain is None)
        if gain is not None:
            assert (found.gain.lower, found.gain.upper) == pytest.approx((gain.lower, gain.upper))

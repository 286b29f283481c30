"""A prediction as of an instant is the same, to the bit, with and without all that was known later."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.predictions.calendar import Calendar
from cloud.predictions.features import JOB_TIMES, MOST_KINDS, WINDOWS, features
from cloud.predictions.history import DAY, HOUR, Events, Spans, no_spans
from cloud.predictions.outcomes import grid
from cloud.shifts.service.telling import always
from tests.unit.cloud.predictions.plant import BEGIN, plant

LATE = plant(seed=3, machines=3, days=40, late_share=0.3, has_jobs=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 45 * 24))
def test_what_is_known_later_changes_no_earlier_row(hours):
    now = BEGIN + hours * HOUR
    instants = grid(3, max(BEGIN, now - 3 * DAY), now + 1, 7 * HOUR)
    whole, known = features(LATE, instants), features(LATE.as_known(now), instants)
    at_now = instants.at >= now - 7 * HOUR
    shared = [name for name in known.names if name in whole.names]
    assert shared == list(known.names)
    for name in shared:
        mine, theirs = (each.values[:, each.names.index(name)] for each in (whole, known))
        assert np.array_equal(mine[at_now], theirs[at_now], equal_nan=True), name
        assert np.array_equal(mine, theirs, equal_nan=True), name


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 100), st.integers(-60, 60)), min_size=1),
    st.integers(0, 300),
)
def test_hours_that_are_told_as_differences_add_up_to_what_was_known(told, hours):
    now = BEGIN + hours * HOUR
    at, late, run = np.array(told, np.int64).T
    at = BEGIN + at * HOUR
    work = Spans(np.zeros(len(at), np.int32), at, at + late * HOUR, {"run": run.astype(float)})
    history = replace(LATE, work=work)
    instants = grid(3, now, now + 1)
    whole, known = features(history, instants), features(history.as_known(now), instants)
    seen = (at <= now) & (work.known <= now) & (at > now - 3 * DAY)
    assert whole.values[0, whole.names.index("run_minutes_72h")] == run[seen].sum()
    for name in known.names:
        mine, theirs = (each.values[:, each.names.index(name)] for each in (whole, known))
        assert np.array_equal(mine, theirs, equal_nan=True), name


def test_of_many_kinds_of_alarms_the_most_frequent_have_columns_and_a_model_gets_its_own():
    codes = tuple(f"E{number:02}" for number in range(MOST_KINDS + 5))
    # the first five come once, the others twice
    kind = np.array([*range(len(codes)), *range(5, len(codes))], np.int16)
    at = BEGIN + np.arange(len(kind), dtype=np.int64)
    history = replace(LATE, alarms=Events(np.zeros(len(kind), np.int32), at, at, kind, codes))
    instants = grid(3, BEGIN + HOUR, BEGIN + HOUR + 1)
    told = [name for name in features(history, instants).names if name.startswith("alarms_hours_since_")]
    assert told == [f"alarms_hours_since_{code}" for code in codes[5:]]
    matrix = features(history, instants, wanted=["alarms_hours_since_E00", "alarms_E00_8h"])
    told = [name for name in matrix.names if name.startswith("alarms_hours_since_")]
    assert told == ["alarms_hours_since_E00"]
    assert matrix.values[0, matrix.names.index("alarms_8h")] == len(kind)


def test_of_one_machine_the_same_is_told_as_of_all_together():
    instants = grid(3, BEGIN + 30 * DAY, BEGIN + 30 * DAY + 1)
    together = features(LATE, instants)
    for row in range(3):
        alone = features(LATE, instants.take(np.array([row])))
        assert alone.names == together.names
        assert alone.values.tobytes() == together.values[[row]].tobytes()


def test_a_machine_that_tells_nothing_of_work_and_jobs_looks_in_service_as_it_did_in_training():
    instants = grid(3, BEGIN + 30 * DAY, BEGIN + 30 * DAY + 1)
    rest = {name: getattr(LATE, name).take(getattr(LATE, name).machine < 2) for name in ("work", "jobs")}
    trained = features(replace(LATE, **rest), instants)
    alone = replace(LATE, work=no_spans(), jobs=no_spans())
    served = features(alone, instants.take(np.array([2])), wanted=trained.names)
    for name in trained.names:
        mine, theirs = trained.values[2, trained.names.index(name)], served.values[0, served.names.index(name)]
        assert np.array_equal(mine, theirs, equal_nan=True), name
        assert trained.groups[name] == served.groups[name]
    row = dict(zip(served.names, served.values[0].tolist(), strict=True))
    assert (row["run_minutes_7d"], row["jobs_7d"]) == (0, 0)


def test_columns_say_what_they_are_named():
    instants = grid(3, BEGIN + 20 * DAY, BEGIN + 20 * DAY + 1)
    matrix = features(LATE, instants)
    row = dict(zip(matrix.names, matrix.values[1], strict=True))
    at = BEGIN + 20 * DAY
    alarms = LATE.alarms
    mine = (alarms.machine == 1) & (alarms.known <= at) & (alarms.at > at - DAY)
    assert row["alarms_24h"] == mine.sum()
    assert row["local_hour"] == 0
    assert row["local_weekday"] == 6  # a Sunday
    assert row["maintenance_hours_since_service"] == 10 * 24
    assert row["age"] == 1
    assert abs(row["vib_off_usual_72h"]) < 0.2
    assert 0 < row["scrap_share_7d"] < 0.06
    assert len(set(matrix.names)) == len(matrix.names) == len(matrix.groups)


def test_the_sites_own_time_gives_the_hour():
    instants = grid(1, BEGIN, BEGIN + 1)
    matrix = features(replace(LATE, calendar=Calendar([always(ZoneInfo("Europe/Istanbul"))])), instants)
    assert matrix.values[0, matrix.names.index("local_hour")] == 3


def test_a_machine_that_was_never_seen_has_nothing_but_the_calendar():
    lonely = LATE.as_known(BEGIN - 1)
    matrix = features(lonely, grid(3, BEGIN, BEGIN + 1))
    assert {name for name, group in matrix.groups.items() if group == "calendar"} == {
        "local_hour",
        "local_weekday",
        "shift",
        "hours_into_shift",
        *(f"shift_hours_next_{name}" for name in WINDOWS),
    }
    assert matrix.values[0, matrix.names.index("stops_7d")] == pytest.approx(0)


def test_the_last_job_tells_what_it_was_and_who_did_it_and_the_twelve_times_add_up():
    at = BEGIN + 20 * DAY
    matrix = features(LATE, grid(3, at, at + 1))
    row, jobs = dict(zip(matrix.names, matrix.values[1], strict=True)), LATE.jobs
    mine = np.flatnonzero((jobs.machine == 1) & (jobs.known <= at))
    last = mine[np.argmax(jobs.at[mine])]
    for name in ("product", "complexity", "setup_complexity"):
        assert row[f"last_job_{name}"] in {
            np.float32(jobs.columns[name][each]) for each in mine[jobs.at[mine] == jobs.at[last]]
        }
        assert matrix.groups[f"last_job_{name}"] == "jobs"
    assert matrix.groups["last_job_experience"] == "operators"
    week = mine[jobs.at[mine] > at - 7 * DAY]
    assert row["jobs_7d"] == len(week)
    assert len(JOB_TIMES) == 12
    for name in JOB_TIMES:
        assert row[f"job_{name}_minutes_7d"] == pytest.approx(jobs.columns[name][week].sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("hour", "shift", "into"), [(5, 2, 7), (6, 0, 0), (13, 0, 7), (14, 1, 0), (23, 2, 1), (0, 2, 2)]
)
def test_a_shift_goes_on_over_midnight(hour, shift, into):
    matrix = features(LATE, grid(1, BEGIN + hour * HOUR, BEGIN + hour * HOUR + 1))
    row = dict(zip(matrix.names, matrix.values[0], strict=True))
    assert (row["shift"], row["hours_into_shift"]) == (shift, into)


def test_a_model_gets_the_columns_it_was_trained_with_whatever_is_told_of_shifts_now():
    at = grid(1, BEGIN + 20 * DAY + 5 * HOUR, BEGIN + 20 * DAY + 5 * HOUR + 1)
    removed = replace(LATE, calendar=Calendar([always(ZoneInfo("Europe/Istanbul"))]))
    assert "shift" not in features(removed, at).names
    matrix = features(removed, at, wanted=features(LATE, at).names)
    told = dict(zip(matrix.names, matrix.values[0].tolist(), strict=True))
    assert np.isnan([told["shift"], told["hours_into_shift"], told["shift_hours_next_24h"]]).all()
    assert matrix.groups["shift"] == "calendar"
    # one of before the site's clock was known looks at UTC
    matrix = features(removed, at, wanted=["hour", "weekday"])
    told = dict(zip(matrix.names, matrix.values[0].tolist(), strict=True))
    assert (told["hour"], told["weekday"], told["local_hour"]) == (5, 6, 8)

"""What a row of a job log means, as dirty as it comes."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.imports.cells import Refused
from cloud.imports.joblog import rules
from cloud.joblogs.schemas import Flag, JobState

ISTANBUL = ZoneInfo("Europe/Istanbul")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
STATES = {"opened": "OPENED", "closed": "CLOSED"}
CLEAN = {
    "id": "7",
    "machine": "Machine0001",
    "start_time": "2026-03-02 08:00:00",
    "end_time": "2026-03-02 09:00:00",
    "job_number": "2026/00113",
    "state": "CLOSED",
    "part_number": "P-1",
    "emp_id": "E1",
    "operator_name": "Işıl",
    "op_number": "10",
    "parts_produced": "80",
    "job_duration": "3600",
    "running": "3000",
    "setup": "600",
}
EIGHT, NINE = datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC)
EPOCH = "1970-01-01 00:00:00"


def judge(**over):
    return rules.judge(CLEAN | over, ISTANBUL, STATES, NOW)


def test_a_clean_row_comes_as_it_is():
    judged = judge()
    entry = judged.entry
    assert (entry.start_time, entry.end_time, entry.job_duration_s) == (EIGHT, NINE, 3600)
    assert (entry.source_id, entry.state, entry.parts_produced) == ("7", JobState.CLOSED, 80)
    assert (entry.seconds["running"], entry.seconds["setup"], entry.seconds["idle"]) == (3000, 600, 0)
    assert (list(judged.notes), entry.flags) == ([], [])


@pytest.mark.parametrize(
    "over",
    [
        {"end_time": None},
        {"end_time": EPOCH},
        {"end_time": "0000-00-00 00:00:00"},
        {"start_time": EPOCH},
        {"start_time": None},
        {"job_duration": "0"},
        {"job_duration": "-3600"},
        {"job_duration": None},
        {"job_duration": "soon"},
        {"job_duration": "1:00:00"},
        {"job_duration": "60 dk"},
        {"end_time": "2026-03-02 07:00:00"},
        {"end_time": None, "job_duration": None},
    ],
    ids=str,
)
def test_of_start_end_and_duration_each_is_found_from_the_others(over):
    judged = judge(**over)
    entry = judged.entry
    assert (entry.start_time, entry.end_time, entry.job_duration_s) == (EIGHT, NINE, 3600)
    assert Flag.REPAIRED in entry.flags


@pytest.mark.parametrize(
    ("over", "column"),
    [
        ({"start_time": EPOCH, "end_time": EPOCH}, "start_time"),
        ({"start_time": None, "end_time": None}, "start_time"),
        ({"start_time": "yesterday", "end_time": None}, "start_time"),
        ({"start_time": "2026-07-01 00:00:00", "end_time": None}, "start_time"),
        ({"machine": " "}, "machine"),
        ({"machine": None}, "machine"),
        ({"end_time": "2026-03-02 08:00:00", "job_duration": "0"}, "end_time"),
        ({"end_time": None, "job_duration": None, "running": "0", "setup": None}, "end_time"),
        ({"end_time": "2027-03-02 08:00:00", "job_duration": None}, "job_duration"),
        ({"end_time": "2150-03-02 08:00:00"}, "end_time"),
    ],
    ids=str,
)
def test_what_can_mean_nothing_is_refused_by_name(over, column):
    with pytest.raises(Refused) as refused:
        judge(**over)
    assert refused.value.note.column == column


def test_an_open_row_has_no_end_and_is_in_no_figure():
    entry = judge(state="opened", end_time=None, job_duration=None).entry
    assert (entry.state, entry.end_time, entry.job_duration_s) == (JobState.OPENED, None, None)


def test_what_no_column_accounts_for_is_flagged_and_never_scaled_away():
    assert judge(running="2940").entry.flags == []
    flagged = judge(running="2939").entry
    assert flagged.flags == [Flag.UNACCOUNTED]
    assert flagged.seconds["running"] == 2939
    assert judge(running="3061").entry.flags == [Flag.UNACCOUNTED]


def test_a_negative_column_is_nothing_and_what_it_hid_is_unaccounted():
    judged = judge(setup="-30")
    assert judged.entry.seconds["setup"] == 0
    assert judged.entry.flags == [Flag.REPAIRED, Flag.UNACCOUNTED]
    assert [note.column for note in judged.notes] == ["setup"]


def test_a_missing_operator_is_told_and_a_name_stands_for_a_number():
    nobody = judge(emp_id=None, operator_name=None).entry
    assert (nobody.emp_id, nobody.flags) == (None, [Flag.NO_OPERATOR])
    named = judge(emp_id="").entry
    assert (named.emp_id, named.flags) == ("Işıl", [Flag.REPAIRED])


@pytest.mark.parametrize(
    ("given_", "kept"), [("80.0", 80), ("-1", None), ("many", None), ("1.5", None), ("1e12", None)]
)
def test_pieces_are_counted_or_unknown(given_, kept):
    assert judge(parts_produced=given_).entry.parts_produced == kept


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("90", 90), ("1:30", 5400), ("01:02:03", 3723), ("-1:00:00", -3600), ("0:00:01,5", 1.5), ("45 min", 2700),
        ("1,5 h", 5400), ("1h 30m", 5400), ("2 sa 5 dk", 7500), ("", None), ("soon", None), ("5 apples", None),
        ("1h x", None),
    ],
)  # fmt: skip
def test_a_duration_may_be_text(words, seconds):
    assert rules.seconds_of(words) == seconds


def test_a_row_without_an_id_is_known_by_what_it_says():
    first, again, other = judge(id=None), judge(id=None), judge(id=None, op_number="20")
    assert first.entry.source_id == again.entry.source_id != other.entry.source_id
    assert judge(id="1").content == judge(id="2").content


cells = st.one_of(st.none(), st.text(max_size=20), st.integers().map(str), st.floats().map(str), st.just(EPOCH))


@given(st.dictionaries(st.sampled_from(sorted(CLEAN)), cells))
def test_whatever_stands_in_a_row_it_comes_whole_or_is_refused(over):
    try:
        entry = judge(**over).entry
    except Refused:
        return
    assert entry.machine
    assert all(seconds >= 0 for seconds in entry.seconds.values())
    assert entry.end_time is None or entry.end_time > entry.start_time
    assert entry.job_duration_s is None or entry.job_duration_s > 0
    assert entry.state is JobState.OPENED or None not in {entry.end_time, entry.job_duration_s}


minutes = st.integers(0, 60)


@given(st.lists(st.tuples(st.sampled_from("AB"), minutes, st.integers(1, 30)), max_size=12))
def test_overlapping_time_is_that_which_more_than_one_row_covers(drawn):
    def at(minute: int) -> datetime:
        return EIGHT + timedelta(minutes=minute)

    spans = [(machine, at(start), at(start + lasted), str(n)) for n, (machine, start, lasted) in enumerate(drawn)]
    found = list(rules.overlaps(spans))
    covered = Counter((machine, minute) for machine, start, lasted in drawn for minute in range(start, start + lasted))
    beyond_one = sum(times - 1 for times in covered.values())
    assert (not found) == (beyond_one == 0)
    assert sum(seconds for *_, seconds in found) <= beyond_one * 60

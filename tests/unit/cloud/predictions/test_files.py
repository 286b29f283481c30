"""A plant's exports become its history; no row is left out without a line that says why."""

import gzip

import numpy as np
import pytest

from cloud.errors import BadRequest
from cloud.predictions.files import read_history
from cloud.predictions.history import HOUR
from cloud.predictions.mapping import Mapping

NINE = 1_767_247_200_000_000  # 2026-01-01 09:00 in Istanbul, which is 06:00 UTC


@pytest.fixture
def mapping():
    return Mapping.model_validate(
        {
            "timezone": "Europe/Istanbul",
            "stops": {"file": "stops.csv", "machine": "m", "start": "s", "minutes": "min", "kind": "why", "known": "k"},
            "alarms": {"file": "alarms.csv", "machine": "m", "at": "ts", "kind": "code"},
            "maintenance": {"file": "hours.csv.gz", "machine": "m", "at": "ts", "above_zero": "pm"},
            "work": {"file": "hours.csv.gz", "machine": "m", "start": "ts", "columns": {"run": "run"}},
            "telemetry": {"file": "hours.csv.gz", "machine": "m", "start": "ts", "columns": ["vib"]},
            "machines": {"file": "machines.csv", "machine": "m", "traits": ["age"]},
        }
    )


@pytest.fixture
def exports(tmp_path):
    (tmp_path / "stops.csv").write_text(
        "m,s,min,why,k\n"
        "P1,2026-01-01 09:00:00,30,mech,2026-01-01 09:40:00\n"
        "P1,2026-01-01T06:00:00Z,30,mech,\n"  # the same instant
        "P2,2026-01-01 09:00:00.123456789,0,elec,\n"
        ",2026-01-01 09:00:00,5,mech,\n"
        "P1,yesterday,5,mech,\n"
        "P1,1970-01-01 00:00:00,5,mech,\n"
        "P1,2026-01-02 09:00:00,-5,mech,\n"
        "P1,2026-01-03\n"
        "P2,2026-01-04 09:00:00,5,elec,2026-01-01 09:00:00\n"
    )
    (tmp_path / "alarms.csv").write_text("ts,m,code\n2026-01-01 09:00:00,P1,W1\n2026-01-01 09:00:00,P1,W1\n")
    with gzip.open(tmp_path / "hours.csv.gz", "wt") as file:
        file.write("m,ts,run,vib,pm\n")
        for hour, pm in enumerate([0, 60, 60, 0, 5]):
            file.write(f"P1,2026-01-01 0{hour}:00:00,{50 + hour},{'' if hour == 2 else 1.5},{pm}\n")
    (tmp_path / "machines.csv").write_text("m,age\nP1,7\nP3,x\n")
    return tmp_path


def test_rows_become_columns(exports, mapping):
    history, verdict = read_history(exports, mapping)
    assert history.machines == ("P1", "P2", "P3")
    stops = history.stops
    assert stops.machine.tolist() == [0, 1, 1]
    assert stops.at.tolist() == [NINE, NINE + 123456, NINE + 3 * 24 * HOUR]
    assert stops.known[0] == NINE + 40 * 60_000_000
    assert stops.end.tolist()[:2] == [NINE + 30 * 60_000_000, NINE + 123456]
    assert stops.end_known[0] == stops.known[0]
    # nobody knew of a stop before it began
    assert stops.known[2] == stops.at[2]
    assert stops.kinds == ("mech", "elec")
    assert history.alarms.at.tolist() == [NINE]
    # where it begins, each time: hours 1 and 4
    assert ((history.maintenance.at - NINE) // HOUR).tolist() == [-8, -5]
    assert history.work.columns["run"].tolist() == [50, 51, 52, 53, 54]
    assert history.work.at[0] == NINE - 8 * HOUR  # the end of its hour
    assert np.isnan(history.measured.columns["vib"]).tolist() == [False, False, True, False, False]
    assert history.traits["age"].tolist()[0] == 7
    taken = {each.table: (each.read, each.taken) for each in verdict.tables}
    assert taken == {
        "stops": (9, 3),
        "alarms": (2, 1),
        "maintenance": (5, 5),
        "work": (5, 5),
        "telemetry": (5, 5),
        "machines": (2, 1),
    }


def test_each_row_that_is_left_out_has_its_line_and_the_reason(exports, mapping):
    _, verdict = read_history(exports, mapping)
    reasons = {(each.file, each.line): each.reason for each in verdict.refused}
    assert reasons == {
        ("stops.csv", 3): "another row tells of the same stop",
        ("stops.csv", 5): "it names no machine",
        ("stops.csv", 6): "'yesterday' is no time; one is 2026-03-01 06:30:00",
        ("stops.csv", 7): "'1970-01-01 00:00:00' is not between 2000 and 2100",
        ("stops.csv", 8): "'-5' is no number of 0 or more",
        ("stops.csv", 9): "it has 2 cells, 5 are needed",
        ("alarms.csv", 3): "another row says the same",
        ("machines.csv", 3): "'x' is no number",
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda to: (to / "alarms.csv").unlink(), "alarms.csv cannot be read"),
        (lambda to: (to / "alarms.csv").write_text("ts,machine,code\n"), "no column 'm'"),
        (lambda to: (to / "hours.csv.gz").write_bytes(b"not compressed"), "hours.csv.gz, line 1: it cannot be read"),
    ],
    ids=["absent", "column", "gzip"],
)
def test_a_file_that_is_not_as_the_mapping_says_is_named(exports, mapping, change, why):
    change(exports)
    with pytest.raises(BadRequest, match=why):
        read_history(exports, mapping)


def test_no_file_outside_the_directory_is_read(exports, mapping):
    mapping.stops.file = "../stops.csv"
    with pytest.raises(BadRequest, match="is not within"):
        read_history(exports, mapping)


def test_a_job_log_tells_its_times_its_product_and_who_worked(exports, mapping):
    (exports / "jobs.csv").write_text(
        "m,end,run,part,years\nP1,2026-01-01 09:00:00,30,A,7\nP1,2026-01-01 10:00:00,,B,\nP2,never,10,A,1\n"
    )
    columns = {"running": "run", "product": "part", "experience": "years"}
    given = {"file": "jobs.csv", "machine": "m", "end": "end", "columns": columns}
    told = Mapping.model_validate(mapping.model_dump(exclude_none=True) | {"jobs": given, "shift_hours": [6, 14, 22]})
    history, verdict = read_history(exports, told)
    jobs = history.jobs
    assert jobs.at.tolist() == [NINE, NINE + HOUR]
    assert jobs.columns["product"].tolist() == [0, 1]
    assert jobs.columns["running"][0] == 30
    assert np.isnan(jobs.columns["experience"][1])
    assert [each.line for each in verdict.refused if each.file == "jobs.csv"] == [4]
    clock = history.calendar.clock(history.machines, jobs.machine, jobs.at, {"8h": 8 * HOUR})
    assert (clock.shift[0], clock.into[0], clock.ahead["8h"][0]) == (0, 3, 8)


def test_a_column_of_a_job_log_that_means_nothing_is_named(mapping):
    given = {"file": "jobs.csv", "machine": "m", "end": "end", "columns": {"coffee": "c"}}
    with pytest.raises(ValueError, match="there is no coffee; there are setup, waiting_setup"):
        Mapping.model_validate(mapping.model_dump(exclude_none=True) | {"jobs": given})


def maintained(tmp_path, rows):
    (tmp_path / "stops.csv").write_text("m,s\n")
    (tmp_path / "hours.csv").write_text(
        "m,ts,pm\n" + "".join(f"{m},2026-01-01 {hour:02}:00,{pm}\n" for m, hour, pm in rows)
    )
    told = Mapping.model_validate(
        {
            "stops": {"file": "stops.csv", "machine": "m", "start": "s"},
            "maintenance": {"file": "hours.csv", "machine": "m", "at": "ts", "above_zero": "pm"},
        }
    )
    history, verdict = read_history(tmp_path, told)
    done = history.maintenance
    hours = (done.at // HOUR % 24).tolist()
    assert verdict.refused == []
    return sorted(zip((history.machines[each] for each in done.machine), hours, strict=True))


def test_a_spell_of_maintenance_begins_where_it_does_whatever_the_order_of_the_rows(tmp_path):
    rows = [("P1", 0, 0), ("P1", 1, 5), ("P1", 2, 5), ("P1", 3, 0), ("P1", 4, 5), ("P2", 1, 0), ("P2", 2, 9)]
    begun = [("P1", 1), ("P1", 4), ("P2", 2)]
    assert maintained(tmp_path, rows) == begun
    assert maintained(tmp_path, rows[::-1]) == begun
    # of a spell that goes on already nobody knows when it began: nor does the second part of an export
    assert maintained(tmp_path, [("P1", 2, 5), ("P1", 3, 0), ("P1", 4, 5)]) == [("P1", 4)]


def test_a_machine_is_described_once(exports, mapping):
    (exports / "machines.csv").write_text("m,age\nP1,7\nP1,8\n")
    history, verdict = read_history(exports, mapping)
    assert history.traits["age"][0] == 7
    assert [each.reason for each in verdict.refused if each.file == "machines.csv"] == [
        "another row tells of the same machine"
    ]


def test_minutes_of_no_length_of_time_are_refused_and_not_a_defect(exports, mapping):
    (exports / "stops.csv").write_text(
        "m,s,min,why,k\n"
        + "".join(f"P1,2026-01-01 09:00,{minutes},mech,\n" for minutes in ("1e308", "nan", "inf", "1e12"))
    )
    _, verdict = read_history(exports, mapping)
    assert [each.reason for each in verdict.refused if each.file == "stops.csv"] == [
        "'1e308' minutes are more than a century",
        "'nan' is no number of 0 or more",
        "'inf' is no number of 0 or more",
        "'1e12' minutes are more than a century",
    ]

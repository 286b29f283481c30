"""The command an engineer runs on a plant's exports: a judgement, or what is wrong with them, in a sentence."""

import csv
import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cloud.cli import app
from cloud.errors import BadRequest
from tests.unit.cloud.predictions.plant import plant

MAPPING = """
[stops]
file = "stops.csv"
machine = "machine"
start = "start"
minutes = "minutes"
[alarms]
file = "alarms.csv"
machine = "machine"
at = "at"
kind = "code"
"""


def when(us):
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat()


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    directory, history = tmp_path_factory.mktemp("exports"), plant()
    with (directory / "stops.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "start", "minutes"])
        stops = history.stops
        writer.writerows(zip(stops.machine, map(when, stops.at), (stops.end - stops.at) / 6e7, strict=True))
    with (directory / "alarms.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "at", "code"])
        alarms = history.alarms
        writer.writerows(zip(alarms.machine, map(when, alarms.at), [f"W{kind}" for kind in alarms.kind], strict=True))
    (directory / "mapping.toml").write_text(MAPPING)
    return directory


def run(directory, *options):
    words = ["predictions", "judge", str(directory), "--mapping", str(directory / "mapping.toml"), *options]
    return CliRunner().invoke(app, words)


SIMPLE = ("--algorithm", "logistic_regression", "--step", "3", "--horizon", "12")


def test_it_says_what_was_read_and_how_well_it_works(exports):
    result = run(exports, *SIMPLE)
    assert result.exit_code == 0, result.output
    assert "stops.csv" in result.output
    assert "better than the best rule" in result.output


def test_a_program_gets_json(exports):
    result = run(exports, *SIMPLE, "--json")
    told = json.loads(result.stdout)
    assert told["may_serve"] is True
    assert told["scores"]["model"]["brier"] < told["scores"][told["best_rival"]]["brier"]
    assert told["refused"] == []


def test_of_stops_without_minutes_none_are_told(exports, tmp_path):
    for name in ("stops.csv", "alarms.csv"):
        (tmp_path / name).write_bytes((exports / name).read_bytes())
    (tmp_path / "mapping.toml").write_text(MAPPING.replace('minutes = "minutes"\n', ""))
    result = run(tmp_path, *SIMPLE, "--step", "12")
    assert result.exit_code in {0, 2}, result.output
    assert "nan" not in result.output
    assert "minutes such stops take nothing is said" in result.output


def test_too_little_is_said(exports, tmp_path):
    (tmp_path / "stops.csv").write_text("machine,start,minutes\n1,2026-01-01 00:00,5\n1,2026-03-01 00:00,5\n")
    (tmp_path / "mapping.toml").write_text(MAPPING.split("[alarms]", maxsplit=1)[0])
    result = run(tmp_path)
    assert isinstance(result.exception, BadRequest)
    assert "unplanned stops, 30 are needed" in result.exception.message

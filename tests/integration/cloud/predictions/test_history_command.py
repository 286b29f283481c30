"""`tezgah-cloud import history`, as an engineer calls it: what comes, and what is refused with its line."""

import csv
import json
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app, main
from tests.integration.cloud.predictions import azure

OWN = (
    "history_import WHERE organization_id = ({o})",
    "history_layout WHERE organization_id = ({o})",
    "machine WHERE organization_id = ({o})",
    "change WHERE organization_id = ({o})",
    *(
        f"{each} JOIN machine ON machine.id = machine_id WHERE organization_id = ({{o}})"
        for each in ("history_machine", "history_stop", "history_event", "history_span")
    ),
)


@pytest.fixture
def acme(database_url: str) -> str:
    """An organization of this test's own: what was done is never taken out of the record."""
    name = f"Acme {uuid.uuid4()}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO organization (name) VALUES (%s)", [name])
    return name


@pytest.fixture
def kept(database_url, acme):
    """A function that returns how many rows of each table are there."""

    def count() -> list[int]:
        whose = "SELECT id FROM organization WHERE name = %s"
        with psycopg.connect(database_url, autocommit=True) as connection:
            asked = [f"SELECT count(*) FROM {each.format(o=whose)}" for each in OWN]
            return [connection.execute(each, [acme]).fetchone()[0] for each in asked]

    return count


@pytest.fixture
def run(database_url, acme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEZGAH_DATABASE_URL", database_url)

    def call(directory: Path, *words: str, width: int = 200, organization: str = acme) -> Result:
        monkeypatch.setenv("COLUMNS", str(width))
        given = ("-o", organization, "--mapping", str(directory / "mapping.toml"))
        return CliRunner().invoke(app, ["import", "history", str(directory), *given, *words])

    return call


@pytest.fixture
def directory(tmp_path) -> Path:
    return azure.write(tmp_path / "pdm")


def figures(result: Result) -> dict[str, tuple[int, ...]]:
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    names = ("rows_read", "imported", "already_here", "passed_over", "refused", "changed")
    return {each["table"]: tuple(each[name] for name in names) for each in said["tables"]}


def test_a_dry_run_writes_nothing_and_says_what_would_come(run, directory, kept, tmp_path):
    whole = {table: (rows, rows, 0, 0, 0, 0) for table, rows in azure.ROWS.items()}
    dry = run(directory, "--dry-run", "--json")
    assert figures(dry) == whole
    assert sum(kept()) == 0
    assert list(tmp_path.iterdir()) == [directory]
    said = run(directory, "--dry-run").stderr
    assert "3 machines (3 new), 12 unplanned stops, from 2015-01-01 06:00 to 2015-03-02 00:00 (UTC)." in said
    assert said.endswith("A dry run: nothing was kept.\n")
    assert figures(run(directory, "--json")) == whole
    # the machine of 1 and that of 1.0 are one
    assert kept() == [1, 1, 3, 4, 3, 12, 102, 180]
    before = kept()
    again = run(directory, "--json")
    assert figures(again) == {table: (rows, 0, rows, 0, 0, 0) for table, rows in azure.ROWS.items()}
    assert json.loads(again.stdout)["is_new"] is False
    assert run(directory).stderr.endswith("Nothing in it is new: nothing was written.\n")
    assert kept() == before


def test_what_became_of_each_row_is_told_with_its_line(run, directory, kept, tmp_path):
    with (directory / "PdM_errors.csv").open("a") as file:
        file.write("2015-01-01 06:00:00,1,error9\nyesterday,2,error1\n=1+1,2,error1\n")
    lines = (directory / "telemetry_daily_mean.csv").read_text().splitlines()
    lines[3] = lines[2]
    lines[4] = lines[4].replace(",450.0,", ",NaN,")
    (directory / "telemetry_daily_mean.csv").write_text("\n".join(lines))
    result = run(directory, "--report", "left out.csv")
    assert result.exit_code == 0, result.output
    assert "      2 x PdM_errors.csv: a cell is no time; one is 2026-03-01 06:30:00" in result.stderr
    assert "refused: PdM_errors.csv:93: 'yesterday' is no time; one is 2026-03-01 06:30:00" in result.stderr
    assert "All 3 refused rows are in left out.csv." in result.stderr
    with (tmp_path / "left out.csv").open(newline="") as file:
        assert [row[:2] for row in csv.reader(file)] == [
            ["file", "line"],
            ["PdM_errors.csv", "93"],
            ["PdM_errors.csv", "94"],
            ["telemetry_daily_mean.csv", "4"],
        ]
    # one that says something else of what is here is counted, and left out
    lines[2] = lines[2].replace(",450.0,", ",451.0,")
    (directory / "telemetry_daily_mean.csv").write_text("\n".join([*lines[:3], *lines[4:]]))
    before = kept()
    changed = run(directory, "--json", "--report", str(tmp_path / "again.csv"))
    assert figures(changed)["telemetry"] == (179, 0, 179, 0, 0, 1)
    assert figures(changed)["alarms"] == (93, 0, 91, 0, 2, 0)
    assert kept() == before


def test_that_shift_hours_are_told_elsewhere_is_said(run, directory):
    mapped("[stops]", "shift_hours = [6, 14, 22]\n[stops]")(directory)
    assert "`shift_hours` are not brought: models know the shifts that the organization tells" in (
        " ".join(run(directory, "--dry-run").stderr.split())
    )


def put(name: str, content: bytes):
    return lambda to: (to / name).write_bytes(content)


def mapped(old: str, new: str):
    return lambda to: (to / "mapping.toml").write_text(azure.MAPPING.replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (put("PdM_errors.csv", b""), "PdM_errors.csv is empty; its first line should name the columns machineID"),
        (put("PdM_errors.csv", b"when,machineID,errorID\n"), "PdM_errors.csv has no column 'datetime'; there are when"),
        (put("PdM_maint.csv", b"datetime,machineID,comp\n\xff,1,x\n"), "PdM_maint.csv, line 2: byte 0xff at 1 is not"),
        (lambda to: (to / "PdM_maint.csv").unlink(), "PdM_maint.csv cannot be read: No such file or directory."),
        (
            mapped("[stops]", "[stop]"),
            "mapping.toml: stops: it is missing, and needed; stop: there is no such key; there are timezone, stops,",
        ),
        (mapped('"1d"', '"2d"'), "telemetry.every: Input should be '1h', '8h', '12h', '24h' or '1d'."),
        (mapped("[stops]", "stops"), "mapping.toml is no TOML"),
        (mapped("[stops]", 'shift_hours = [25]\n[codes]\n1 = ""\n[stops]'), "codes.1: String should have at least 1"),
        (lambda to: (to / "mapping.toml").unlink(), "mapping.toml cannot be read: No such file or directory."),
        (mapped("PdM_errors", "../pdm2/PdM_errors"), "../pdm2/PdM_errors.csv is not within"),
        (
            mapped("[machines]", '[jobs]\nfile="j"\nmachine="m"\nend="e"\ncolumns={running="r"}\n[machines]'),
            "a job log is brought by `tezgah-cloud import joblog`; leave [jobs] out.",
        ),
    ],
    ids=["empty", "column", "bytes", "absent", "unknown", "span", "toml", "code", "no mapping", "outside", "jobs"],
)
def test_what_cannot_be_taken_is_named_and_nothing_comes(run, directory, kept, spoil, why):
    spoil(directory)
    result = run(directory)
    assert (type(result.exception).__name__, result.exit_code) == ("BadRequest", 1)
    assert why in result.exception.message
    assert sum(kept()) == 0


def test_an_organization_or_a_report_that_cannot_be_is_named_and_nothing_comes(run, directory, kept, tmp_path):
    assert "There is no organization named Nobody" in str(run(directory, organization="Nobody").exception)
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "mapping.toml").write_text(azure.MAPPING)
    # before anything is read
    assert "There is no organization named Nobody" in str(run(bare, organization="Nobody").exception)
    with (directory / "PdM_errors.csv").open("a") as file:
        file.write("yesterday,2,error1\n")
    failed = run(directory, "--report", str(tmp_path / "none" / "report.csv"))
    assert "report.csv cannot be written: No such file or directory. Say another one by --report." in str(
        failed.exception
    )
    assert sum(kept()) == 0


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_narrow_screen_no_figure_is_cut_off(run, directory, width):
    shown = run(directory, "--dry-run", width=width).stdout
    assert max(map(len, shown.splitlines())) <= width
    cells = "".join(shown.split())
    for table, rows in azure.ROWS.items():
        assert str(rows) in cells, shown
        assert "…" not in shown
        assert table[:3] in shown


def test_the_command_ends_with_its_exit_code_and_a_sentence(database_url, acme, directory, monkeypatch, capsys):
    monkeypatch.setenv("TEZGAH_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")
    words = ["tezgah-cloud", "import", "history", str(directory), "-o", acme, "--mapping"]

    def ended(*more: str) -> tuple[int | None, str]:
        monkeypatch.setattr(sys, "argv", [*words, *more])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, " ".join(capsys.readouterr().err.split())

    assert ended(str(directory / "none.toml")) == (
        1,
        f"error: {directory / 'none.toml'} cannot be read: No such file or directory.",
    )
    assert ended(str(directory / "mapping.toml"), "--dry-run")[0] == 0
    assert ended()[0] == 2
    monkeypatch.setenv("TEZGAH_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, said = ended(str(directory / "mapping.toml"))
    assert (code, "does not answer" in said) == (69, True)

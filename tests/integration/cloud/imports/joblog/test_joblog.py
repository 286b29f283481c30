"""A job log of the table `joblog_ob`, brought in from a real MariaDB: what became of each row is held to the truth."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from cloud.db import Database
from cloud.errors import BadRequest, Unavailable
from cloud.identity import service as identity
from cloud.imports.joblog import service, source
from cloud.imports.joblog.mapping import ColumnMapping
from cloud.imports.joblog.schemas import Finding, Verdict
from cloud.imports.joblog.service import AT_ONCE, Wanted
from simulators.joblog import LOST, Dirt, Made, joblog
from tests.integration.cloud.imports.joblog import mariadb
from tests.integration.cloud.test_cli import environment

NEEDED = os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") or mariadb.IS_THERE
ROWS = 2_200
NOW = datetime(2026, 11, 1, tzinfo=UTC)
COUNTS = "SELECT (SELECT count(*) FROM joblog), (SELECT count(*) FROM machine), (SELECT count(*) FROM operator)"
pytestmark = pytest.mark.parametrize("server", ["mariadb"] if NEEDED else [], indirect=True)


@pytest.fixture(scope="module")
def made() -> list[Made]:
    return list(joblog(7, ROWS, datetime(2026, 3, 2)))  # noqa: DTZ001 - as such tables hold it


@pytest.fixture(scope="module")
def server(request, made) -> Iterator[Path]:
    with mariadb.serving() as socket:
        mariadb.fill(socket, [each.row for each in made])
        yield socket


@pytest.fixture
def acme(fresh_database_url: str) -> str:
    with psycopg.connect(fresh_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO organization (name) VALUES ('Acme')")
    return fresh_database_url


@pytest.fixture
def rows(acme: str) -> Callable[..., list[tuple[Any, ...]]]:
    def ask(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(acme, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    return ask


def address(server: Path) -> str:
    return f"mariadb://root@localhost/mdc?unix_socket={server}"


@pytest.fixture
def bring(acme: str, server: Path) -> Callable[..., tuple[Verdict, list[Finding]]]:
    """A function that brings the server's job log in, or another one's, in this process."""

    async def run(where: str, how: ColumnMapping, dry_run: bool, tell: Any) -> tuple[Verdict, list[Finding]]:
        said: list[Finding] = []
        wanted = Wanted("joblog", ZoneInfo("Europe/Istanbul"), how.state_words(), dry_run)
        database = Database(acme, pool_size=1)
        try:
            async with database.transaction() as session:
                owner = await identity.organization_named(session, "Acme")
            with source.opened(where, how) as opened:
                verdict = await service.bring(database, owner.id, opened, wanted, NOW, tell, said.append)
            return verdict, said
        finally:
            await database.close()

    def bring_in(
        where: str | None = None, dry_run: bool = False, how: ColumnMapping | None = None, tell: Any = lambda *_: None
    ) -> tuple[Verdict, list[Finding]]:
        with ThreadPoolExecutor(1) as alone:
            words = (where or address(server), how or ColumnMapping(), dry_run, tell)
            return alone.submit(asyncio.run, run(*words)).result()

    return bring_in


def test_what_became_of_each_row_is_the_truth(bring, rows, made):
    verdict, said = bring()
    truth = Counter(each.dirt for each in made)
    lost = sum(truth[dirt] for dirt in LOST)
    assert verdict.rows_read == ROWS
    assert verdict.duplicates == truth[Dirt.DUPLICATE]
    assert verdict.refused == lost - truth[Dirt.DUPLICATE]
    assert verdict.imported == ROWS - lost
    assert verdict.epoch_dates == truth[Dirt.END_EPOCH] + truth[Dirt.START_EPOCH] + truth[Dirt.BOTH_EPOCH]
    assert verdict.no_operator == truth[Dirt.NO_OPERATOR]
    assert verdict.open == truth[Dirt.OPEN]
    unharmed = {Dirt.NONE, Dirt.NO_OPERATOR, Dirt.UNACCOUNTED, Dirt.OVERLAP, Dirt.OPEN}
    assert verdict.repaired == ROWS - lost - sum(truth[dirt] for dirt in unharmed)
    assert verdict.unaccounted_rows >= truth[Dirt.UNACCOUNTED] > 0
    assert verdict.overlaps > 0
    # each row that did not come as it was has its line
    lines = {finding.id for finding in said}
    assert {each.row["id"] for each in made if each.dirt not in unharmed} <= lines
    assert rows(COUNTS) == [(ROWS - lost, 12, verdict.operators_added)]
    assert verdict.operators_added == 20
    kept = rows("SELECT count(*) FROM joblog WHERE flags @> '[\"repaired\"]'")
    assert kept == [(verdict.repaired,)]
    assert rows("SELECT DISTINCT source FROM machine UNION SELECT source FROM part") == [("import",)]


def test_no_second_of_a_row_is_lost_or_made(bring, rows, made):
    bring()
    clean = {each.row["id"]: each.row for each in made if each.dirt in {Dirt.NONE, Dirt.END_NULL, Dirt.DURATION_TEXT}}
    found = rows(
        "SELECT source_id, job_duration_s, running_s, idle_s, unaccounted_s, end_time - start_time, start_time "
        "FROM joblog"
    )
    kept = {row[0]: row[1:] for row in found}
    zone = ZoneInfo("Europe/Istanbul")
    for key, row in clean.items():
        duration, running, idle, unaccounted, lasted, start = kept[key]
        assert (running, idle, unaccounted) == (float(row["RunningTime"]), float(row["IdleTime"]), 0)
        assert duration == lasted.total_seconds()
        assert start == datetime.fromisoformat(row["StartTime"]).replace(tzinfo=zone)


def test_run_again_it_changes_nothing_and_tells_the_same(bring, rows):
    first, said = bring()
    before = rows(COUNTS + ", (SELECT revision FROM joblog_revision)")
    again, said_again = bring()
    assert again.imported == again.updated == 0
    assert again.already_here == first.imported
    assert again.reasons == first.reasons
    assert said_again == said
    assert rows(COUNTS + ", (SELECT revision FROM joblog_revision)") == before


def test_a_dry_run_tells_the_same_and_keeps_nothing(bring, rows):
    dry, said = bring(dry_run=True)
    assert rows(COUNTS) == [(0, 0, 0)]
    real, said_really = bring()
    assert dry.model_dump(exclude={"is_dry_run"}) == real.model_dump(exclude={"is_dry_run"})
    assert said == said_really


class Cut(Exception):
    """The power is gone."""


def test_stopped_in_the_middle_it_goes_on_where_it_was(bring, rows, made):
    def cut(done: int, _: int | None) -> None:
        if done >= 2 * AT_ONCE:
            raise Cut

    with pytest.raises(Cut):
        bring(tell=cut)
    [(kept, *_)] = rows(COUNTS)
    assert AT_ONCE <= kept < ROWS
    verdict, _ = bring()
    assert verdict.already_here == kept
    assert verdict.already_here + verdict.imported == ROWS - sum(each.dirt in LOST for each in made)


def test_a_row_that_was_closed_there_since_is_written_anew(bring, rows, server, made):
    bring()
    ended = next(each.row for each in made if each.dirt is Dirt.OPEN)
    change = "UPDATE mdc.joblog_ob SET State = 'CLOSED', JobDuration = '7200' WHERE id = %s"
    back = "UPDATE mdc.joblog_ob SET State = 'OPENED', JobDuration = NULL WHERE id = %s"
    with mariadb.connected(server) as connection:
        connection.cursor().execute(change, (ended["id"],))
        connection.commit()
        verdict, said = bring()
        connection.cursor().execute(back, (ended["id"],))
        connection.commit()
    assert (verdict.updated, verdict.imported) == (1, 0)
    assert [finding.id for finding in said if finding.outcome == "changed"] == [ended["id"]]
    state = rows(f"SELECT state::text, job_duration_s FROM joblog WHERE source_id = '{ended['id']}'")
    assert state == [("CLOSED", 7200.0)]


def test_a_file_of_the_same_rows_gives_the_same(bring, made, tmp_path):
    from_server, _ = bring(dry_run=True)
    path = tmp_path / "joblog.csv"
    lines = [",".join("NULL" if cell is None else cell for cell in each.row.values()) for each in made]
    path.write_text("\n".join([",".join(made[0].row), *lines]), encoding="cp1254")
    from_file, _ = bring(str(path), dry_run=True)
    apart = {"source", "reasons"}
    assert from_file.model_dump(exclude=apart) == from_server.model_dump(exclude=apart)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"where": "mysql://root@localhost/other?unix_socket={server}"}, BadRequest, "other"),
        ({"where": "mysql://nobody:hush@localhost/mdc?unix_socket={server}"}, BadRequest, "does not let us in"),
        ({"where": "mysql://root@localhost/mdc?unix_socket={server}x"}, Unavailable, "does not answer"),
        ({"how": ColumnMapping(table="none")}, BadRequest, "none"),
        ({"how": ColumnMapping(columns={"machine": "Tezgah"})}, BadRequest, "no column Tezgah; it has id, machine"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(bring, server, change, error, words):
    if "where" in change:
        change = {"where": change["where"].format(server=server)}
    with pytest.raises(error, match=words) as told:
        bring(**change)
    assert "hush" not in str(told.value)


def test_the_command_shows_the_verdict_and_keeps_the_lines(acme, server, rows, tmp_path):
    (tmp_path / "map.toml").write_text('[states]\nCLOSED = ["CLOSED", "bitti"]\n', encoding="utf-8")
    words = [
        "import",
        "joblog",
        address(server),
        "-o",
        "Acme",
        "--timezone",
        "Europe/Istanbul",
        "--report",
        "lines.csv",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "cloud", *words, "--mapping", "map.toml"],
        env=environment(acme),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    assert shown["rows_read"] == f"{ROWS:,}"
    assert shown["imported"].replace(",", "") == str(rows("SELECT count(*) FROM joblog")[0][0])
    written = (tmp_path / "lines.csv").read_text(encoding="utf-8").splitlines()
    assert written[0] == "row,id,outcome,column,value,reason"
    assert f"All {len(written) - 1} lines are in lines.csv." in done.stderr

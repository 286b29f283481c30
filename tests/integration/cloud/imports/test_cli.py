"""`tezgah-cloud import sqlite` as an operator calls it."""

import sqlite3
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.integration.cloud.imports import old_backend
from tests.integration.cloud.imports.conftest import COUNTS, words_of
from tests.integration.cloud.imports.old_backend import EVENING, MORNING
from tests.integration.cloud.test_cli import environment
from tests.integration.cloud.test_serving import until


def test_a_run_shows_counts_and_lines_and_keeps_them_in_a_file(run_import, rows, tmp_path):
    old = old_backend.dirty(tmp_path / "OLD.db")
    done = run_import(old, "--report", "lines.csv")
    assert done.returncode == 0, done.stderr
    assert ["users", "7", "6", "0", "0", "1", "0", "6"] in [line.split() for line in done.stdout.splitlines()]
    assert "refused: work_orders 11 (row 11): qty 'a lot' is no whole number" in done.stderr
    assert "repaired: and " in done.stderr
    assert "--assign-open" in done.stderr
    written = (tmp_path / "lines.csv").read_text(encoding="utf-8").splitlines()
    assert written[0] == "table,row,old_id,new_id,outcome,column,value,reason"
    assert f"All {len(written) - 1} lines are in lines.csv." in done.stderr


def test_strict_keeps_nothing_when_one_row_cannot_come(run_import, rows, tmp_path):
    before = rows(COUNTS)
    refused = run_import(old_backend.dirty(tmp_path / "OLD.db"), "--strict")
    assert refused.returncode == 1
    assert "8 rows cannot be brought" in refused.stderr
    assert rows(COUNTS) == before


def test_an_import_that_is_killed_leaves_nothing(run_import, rows, fresh_database_url, tmp_path):
    old = old_backend.clean(tmp_path / "OLD.db")
    before = rows(COUNTS)
    with psycopg.connect(fresh_database_url) as other:
        # the import waits for this row when all but the last is written
        other.execute(
            "INSERT INTO imported_row (organization_id, source, kind, old_id, new_id, digest) "
            "SELECT id, 'sqlite', 'issues', '5', 5, '' FROM organization"
        )
        process = psutil.Popen(
            words_of(old),
            env=environment(fresh_database_url),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY \"imported_row\"%' \
            AND datname = current_database()"
        )
        until(lambda: process.poll() is not None or rows(waiting), 30)
        assert process.poll() is None
        process.kill()
        process.wait(timeout=60)
        process.stdout.close()
        process.stderr.close()
        gone = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"
        other.rollback()
        until(lambda: rows(gone) == [(0,)], 30)
    assert rows(COUNTS) == before
    assert run_import(old).returncode == 0


def test_rows_in_the_write_ahead_log_come_too_and_what_is_left_is_said(run_import, rows, tmp_path):
    old = old_backend.clean(tmp_path / "OLD.db")
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("ALTER TABLE work_orders ADD COLUMN colour")
    connection.execute("INSERT INTO work_orders VALUES (30, 'P', 'L', 1, ?, ?, 'red')", (MORNING, EVENING))
    connection.execute("CREATE TABLE shifts (id INTEGER)")
    connection.execute("INSERT INTO shifts VALUES (1)")
    connection.commit()
    assert Path(f"{old}-wal").stat().st_size > 0
    answer = run_import(old)
    connection.close()
    assert answer.returncode == 0, answer.stderr
    assert "work_orders.colour: a column that is not brought, filled in 1 rows" in answer.stderr
    assert "shifts: a table that is not brought, 1 rows" in answer.stderr
    assert rows("SELECT count(*) FROM work_order") == [(3,)]


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--timezone", "Europe/Atlantis"], "is no time zone"), (["--organization", "Nobody"], "Nobody")],
)
def test_a_wrong_option_is_named(run_import, tmp_path, options, said):
    refused = run_import(old_backend.clean(tmp_path / "OLD.db"), *options)
    assert refused.returncode == 1
    assert said in refused.stderr

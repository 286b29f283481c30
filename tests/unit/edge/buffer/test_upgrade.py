"""Upgrades: a file of an older format goes on in place, loses nothing, and no kill leaves it half-way."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge.buffer import file, upgrade
from edge.buffer.opening import open_store
from shared.wire.lane import Lane
from tests.fakes import format_1
from tests.fakes.format_1 import EPOCH, GAP, NOW_US
from tests.fakes.readings import TAGS, gaps, numbered, numbers
from tests.fakes.sqlite import GATEWAY

ROOM = file.divide(50_000_000)
ROOT = Path(__file__).parents[4]
# opens the file and dies before the so-many-th statement since
DYING = """
import os, sys
from pathlib import Path
from edge.buffer import file
from edge.buffer.upgrade import upgrade
import sqlite3

db = sqlite3.connect(sys.argv[1], isolation_level=None)
left = int(sys.argv[2])

def count(_: str) -> None:
    global left
    left -= 1
    if left < 0:
        os._exit(9)

db.set_trace_callback(count)
upgrade(db, db.execute("PRAGMA user_version").fetchone()[0])
# closing would write the log into the file, as only an orderly end does
os._exit(0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "buffer.db"
    format_1.make(path)
    return path


def check(path: Path) -> None:
    """Open it as it is found, and see that all of format 1 is there and goes on."""
    store, told = open_store(path, ROOM, GATEWAY, NOW_US + 60)
    assert store.register(TAGS, NOW_US + 60) == [0, 1, 2]
    assert (store.figures.epoch, store.figures.batches, store.figures.rows) == (EPOCH, 2, 20)
    assert (store.figures.tail_rows, store.figures.quarantined) == (5, 1)
    sealed = store.write([numbered(25, 5, NOW_US + 60, tag=1)], told, NOW_US + 60)
    assert [lease.id.seq for lease in sealed] == [Lane.STATE.seq(1), 5], "it goes on where format 1 stopped"
    assert gaps(sealed[0].body)[0] == GAP
    found = []
    while lease := store.oldest(set(), NOW_US + 60):
        found += numbers(lease.body)
        store.sweep([lease.id], [], NOW_US + 60)
    assert found == list(range(30))
    store.close(NOW_US + 60)


def test_a_file_of_format_1_goes_on_with_all_that_it_holds(path: Path) -> None:
    check(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (upgrade.FORMAT,)
        assert db.execute("SELECT count(*) FROM quarantine").fetchone() == (1,)


def test_an_upgraded_file_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    def tables(of: Path) -> dict[str, list[tuple[object, ...]]]:
        with closing(file.connect(of, ROOM)) as db:
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in names}

    assert tables(path) == tables(tmp_path / "new.db")


def test_a_kill_at_any_statement_leaves_a_file_that_goes_on(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    deaths = 0
    for statement in range(40):
        victim = tmp_path / f"victim-{statement}.db"
        victim.write_bytes(content)
        child = subprocess.run([sys.executable, "-c", DYING, str(victim), str(statement)], cwd=ROOT, check=False)
        check(victim)
        if child.returncode == 0:
            break
        assert child.returncode == 9
        deaths += 1
    assert deaths > 8, "it must die at each of its statements"


def test_a_step_without_its_transaction_would_be_found_out(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("ALTER TABLE tail RENAME TO tail_1")
    with pytest.raises(AssertionError):
        check(path)


def test_a_state_that_is_damaged_is_told_after_the_upgrade_too(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE state SET crc = crc + 1")
    store, _ = open_store(path, ROOM, GATEWAY, NOW_US)
    assert store.figures.epoch != EPOCH
    assert (store.figures.batches, store.figures.rows) == (2, 20)
    store.close(NOW_US)


def test_what_an_older_gateway_left_may_have_been_sent(path: Path) -> None:
    with closing(file.connect(path, ROOM)) as db:
        (body,) = db.execute("SELECT body FROM state").fetchone()
    assert b'"lent_upto":4' in body

"""The embedded server, in directories short and long, held by one process and by several."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from cloud.errors import DatabaseUnavailable
from cloud.postgres import embedded

HOLDER = """
import pathlib, sys
from cloud.postgres import embedded
with embedded(pathlib.Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # not pytest's own, which is too long for a socket
    with tempfile.TemporaryDirectory(prefix="tz-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@contextmanager
def holder(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds the server."""
    words = [sys.executable, "-c", HOLDER, str(data_dir)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def answer(url: str) -> int:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute("SELECT 41 + 1").fetchone()[0]


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def test_a_server_runs_as_long_as_it_is_held_and_keeps_its_data(data_dir):
    with embedded(data_dir) as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        process = psutil.Process(postmaster(data_dir))
        assert process.is_running()
    process.wait(timeout=60)
    with embedded(data_dir) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)


def test_two_processes_share_a_server_and_the_last_one_stops_it(data_dir):
    with embedded(data_dir) as url:
        server = psutil.Process(postmaster(data_dir))
        with holder(data_dir) as (other, other_url):
            assert answer(other_url) == 42
            other.stdin.close()
            assert other.wait(timeout=60) == 0
        assert answer(url) == 42
    server.wait(timeout=60)


def test_a_holder_that_was_killed_does_not_hold_for_ever(data_dir):
    with holder(data_dir) as (unreaped, _), embedded(data_dir):
        server = psutil.Process(postmaster(data_dir))
        with holder(data_dir) as (other, _):
            other.kill()
            other.wait(timeout=60)
        # its parent does not ask how it ended: a zombie stays
        unreaped.kill()
        os.waitid(os.P_PID, unreaped.pid, os.WEXITED | os.WNOWAIT)
    server.wait(timeout=60)


def test_a_directory_too_long_for_a_socket_is_no_trouble(data_dir):
    long = data_dir / ("d" * 60) / ("e" * 60)
    with embedded(long) as url:
        assert answer(url) == 42
        socket = Path(make_url(url).query.get("host", "."))
        assert not socket.is_relative_to(long)
        assert socket.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    assert not socket.exists()


def test_nobody_else_reaches_the_socket(data_dir):
    with embedded(data_dir) as url, psycopg.connect(url) as connection:
        if sys.platform != "win32":
            assert connection.execute("SHOW unix_socket_permissions").fetchone() == ("0700",)
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_it_is_set_up_for_readings_and_an_operator_has_the_last_word(data_dir):
    def shown(url):
        with psycopg.connect(url) as connection:
            names = ("max_wal_size", "fsync", "full_page_writes", "synchronous_commit")
            return [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]

    with embedded(data_dir) as url:
        assert shown(url) == ["4GB", "on", "on", "on"]
    with (data_dir / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("max_wal_size = 1GB\n")
    with embedded(data_dir) as url:
        assert shown(url) == ["1GB", "on", "on", "on"]


def test_a_directory_that_cannot_be_written_is_named(data_dir):
    taken = data_dir / "file"
    taken.write_text("not a directory")
    with pytest.raises(DatabaseUnavailable, match="TEZGAH_DATA_DIR"), embedded(taken / "data"):
        pass


def test_a_server_that_does_not_start_shows_the_end_of_its_log(data_dir):
    with embedded(data_dir):
        pass
    with (data_dir / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("max_connections = none\n")
    with pytest.raises(DatabaseUnavailable, match="max_connections"), embedded(data_dir):
        pass

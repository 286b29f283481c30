"""The process in the background: beside `serve`, alone, after a kill, and through a database that goes away."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import structlog

from cloud import background
from cloud.db import Database
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import NOON, SECOND, rows
from tests.integration.cloud.test_serving import POSIX, data_dir, serving, until

__all__ = ["data_dir", "gateway", "new_gateway"]


def background_of(process: psutil.Process, besides: int | None = None) -> psutil.Process:
    """Return the child that works in the background, once there is one."""
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found.clear()
        for child in process.children():
            # one that was killed may go while it is looked at
            with suppress(psutil.NoSuchProcess):
                if child.pid != besides and "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return bool(found)

    until(is_there, 60)
    return found[0]


def test_one_that_is_killed_is_followed_by_another_and_none_outlives_the_service(data_dir):
    with serving(data_dir, "--migrate") as (process, _):
        first = background_of(process)
        first.kill()
        second = background_of(process, besides=first.pid)
        process.send_signal(signal.SIGTERM if POSIX else signal.CTRL_BREAK_EVENT)
        assert process.wait(timeout=60) == 0
        assert not second.is_running()
    assert "background_died" in (data_dir / "serve.log").read_text()


def test_it_runs_alone_and_ends_when_told(database_url):
    words = [sys.executable, "-m", "cloud", "work"]
    given = os.environ | {"TEZGAH_DATABASE_URL": database_url, "TEZGAH_LOG_FORMAT": "json"}
    with subprocess.Popen(words, env=given, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "background_started" in process.stderr.readline()
        process.send_signal(signal.SIGINT if POSIX else signal.CTRL_BREAK_EVENT)
        assert process.wait(timeout=60) == 0


class AfterRounds(asyncio.Event):
    """An end that comes after some rounds."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds

    def is_set(self) -> bool:
        self.rounds -= 1
        return self.rounds < 0


async def test_a_database_that_is_away_is_told_once_and_tried_again():
    nowhere = Database("postgresql://127.0.0.1:1/none", pool_size=1)
    with structlog.testing.capture_logs() as told:
        await background.work(nowhere, AfterRounds(3), every_s=0.0)
    assert [line["event"] for line in told] == ["background_waits"]


async def test_what_is_due_is_settled(gateway, database):
    await gateway.send(rows(1.0, ts=NOON - 86_400 * SECOND))
    await gateway.query("UPDATE touched SET due_at = now() RETURNING 1")
    await background.work(database, AfterRounds(1), every_s=0.0)
    assert await gateway.query("SELECT 1 FROM touched WHERE gateway_id = :gateway") == []

"""`tezgah-cloud serve` as a process: its embedded server, its workers, its end."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

POSIX = os.name == "posix"


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tz-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def environment(data_dir: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEZGAH_", "SECRET_KEY"))}
    return kept | {"TEZGAH_DATA_DIR": str(data_dir), "SECRET_KEY": "0123456789abcdef" * 2, "TEZGAH_LOG_FORMAT": "json"}


@contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[tuple[psutil.Popen, str]]:
    """Run the service; gives its process and address once it is ready."""
    log = data_dir / "serve.log"
    words = [sys.executable, "-m", "cloud", "serve", "--port", "0", *options]
    with log.open("w") as output:
        process = psutil.Popen(words, env=environment(data_dir), stderr=output, cwd=data_dir)
    try:
        yield process, _ready(process, log)
    finally:
        with suppress(psutil.NoSuchProcess):
            for each in [*process.children(recursive=True), process]:
                each.kill()


def refused(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "cloud", "serve", *options]
    return subprocess.run(
        words, env=environment(data_dir), cwd=data_dir, capture_output=True, text=True, timeout=60, check=False
    )


def _ready(process: psutil.Popen, log: Path) -> str:
    def address() -> str | None:
        assert process.poll() is None, log.read_text()
        events = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        found = next((event["address"] for event in events if event["event"] == "serving"), None)
        return found if found and _status(f"{found}/health/ready") == 200 else None

    return until(address, 60)


def _status(url: str) -> int | None:
    with suppress(httpx.TransportError):
        return httpx.get(url, timeout=60).status_code
    return None


def until(happened: Callable[[], object], seconds: float):
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen in time"
    return found


def postmaster(data_dir: Path) -> psutil.Process:
    return psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def test_a_new_directory_is_served_after_one_command_and_left_without_a_process(data_dir):
    with serving(data_dir, "--migrate") as (process, address):
        server = postmaster(data_dir)
        assert httpx.get(f"{address}/openapi.json", timeout=60).json()["info"]["title"] == "Tezgah"
        process.send_signal(signal.SIGTERM if POSIX else signal.CTRL_BREAK_EVENT)
        assert process.wait(timeout=60) == 0
        server.wait(timeout=60)


def spread(address: str, workers: list[psutil.Process]) -> None:
    """See that callers who keep their connections are shared among the workers, however they come."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    with ExitStack() as held:
        for _ in range(40):
            held.enter_context(socket.create_connection((host, int(port)), timeout=60))

        def shares() -> list[int]:
            kept = (worker.net_connections() for worker in workers)
            return [sum(each.status == psutil.CONN_ESTABLISHED for each in mine) for mine in kept]

        # by chance one of two gets less than five of forty once in a million
        until(lambda: sum(shares()) >= 40 and min(shares()) >= 5, 60)


def test_a_killed_worker_is_replaced_and_the_others_serve_on(data_dir, tmp_path):
    with serving(data_dir, "--workers", "2", "--migrate", "--no-background") as (process, address):
        server = postmaster(data_dir)

        def workers() -> list[psutil.Process]:
            found = []
            for child in process.children():
                # one may go while it is looked at
                with suppress(psutil.NoSuchProcess):
                    if "spawn_main" in " ".join(child.cmdline()):
                        found.append(child)
            return found

        first = workers()
        assert len(first) == 2
        spread(address, first)
        beside = refused(tmp_path, "--migrate", "--port", address.rpartition(":")[2], "--workers", "2")
        assert (beside.returncode, "Cannot listen on" in beside.stderr) == (69, True), beside.stderr
        first[0].kill()
        first[0].wait(timeout=60)
        until(lambda: _status(f"{address}/health/ready") == 200, 60)
        until(lambda: len([worker for worker in workers() if worker.is_running()]) == 2, 60)
        figures = httpx.get(f"{address}/metrics", timeout=60).text
        assert "tezgah_http_requests_total" in figures
        process.send_signal(signal.SIGTERM if POSIX else signal.CTRL_BREAK_EVENT)
        assert process.wait(timeout=60) == 0
        server.wait(timeout=60)


def test_workers_of_a_killed_parent_end_and_the_next_start_has_port_and_database(data_dir):
    with serving(data_dir, "--workers", "2", "--migrate") as (process, address):
        left = process.children(recursive=True)
        server = postmaster(data_dir)
        workers = [child for child in left if "spawn_main" in " ".join(child.cmdline())]
        assert len(workers) == 3  # one of them works in the background
        process.kill()
        assert psutil.wait_procs(workers, timeout=60)[1] == []
        assert server.is_running()
    with serving(data_dir, "--port", address.rpartition(":")[2]) as (process, again):
        assert again == address
        assert postmaster(data_dir).pid == server.pid
        process.send_signal(signal.SIGTERM if POSIX else signal.CTRL_BREAK_EVENT)
        assert process.wait(timeout=60) == 0
        server.wait(timeout=60)


def test_the_services_own_database_is_started_again_when_it_was_killed(data_dir):
    with serving(data_dir, "--migrate", "--no-background") as (process, address):
        first = postmaster(data_dir)
        first.kill()
        until(lambda: not first.is_running(), 60)
        until(lambda: _status(f"{address}/health/ready") == 200, 60)
        second = postmaster(data_dir)
        assert second.pid != first.pid
        assert "postgres_started_again" in (data_dir / "serve.log").read_text()
        process.send_signal(signal.SIGTERM if POSIX else signal.CTRL_BREAK_EVENT)
        assert process.wait(timeout=60) == 0
        second.wait(timeout=60)


def test_a_taken_port_is_said_in_one_sentence(data_dir):
    with serving(data_dir, "--migrate") as (_, address):
        port = address.rpartition(":")[2]
        words = [sys.executable, "-m", "cloud", "serve", "--port", port]
        second = subprocess.run(
            words, env=environment(data_dir), cwd=data_dir, capture_output=True, text=True, check=False
        )
        assert second.returncode == 69
        assert f"Cannot listen on 127.0.0.1 port {port}" in second.stderr
        assert "Traceback" not in second.stderr
        # the second one shared the database, and left it to the first
        assert _status(f"{address}/health/ready") == 200


def test_a_database_without_this_versions_schema_is_refused():
    with tempfile.TemporaryDirectory(prefix="tz-", ignore_cleanup_errors=True) as other:
        words = [sys.executable, "-m", "cloud", "serve", "--port", "0"]
        refused = subprocess.run(
            words, env=environment(Path(other)), cwd=other, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 78
        assert "run `tezgah-cloud migrate`" in refused.stderr

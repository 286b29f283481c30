"""The demo as its user meets it: a verdict at the end, a clear refusal of a second one, and nothing left behind."""

import contextlib
import json
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from simulators.demo.children import script
from simulators.demo.workspace import Ports
from tests.system.walk import until


@pytest.fixture
def place() -> Iterator[list[str]]:
    """The options that give a demo a directory and ports of its own."""
    with tempfile.TemporaryDirectory(prefix="tz-demo-", ignore_cleanup_errors=True) as directory:
        yield ["--dir", directory, "--first-port", str(Ports.free().api)]


def start(place: list[str], *words: str) -> subprocess.Popen[str]:
    command = [script("tezgah-sim"), "demo", *place, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(place: list[str]) -> int:
    """Return how many bytes the simulators' ledger has; 0 before they have begun it."""
    ledger = Path(place[1]) / "run" / "ledger.csv"
    return ledger.stat().st_size if ledger.exists() else 0


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be buried does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_timed_demo_ends_with_an_exact_verdict(place: list[str]) -> None:
    demo = start(place, "--for", "4s", "--json")
    out, words = demo.communicate(timeout=100)
    assert demo.returncode == 0, words
    verdict = json.loads(out)
    assert verdict["exact"]
    assert verdict["buffered"] == verdict["verdict"]["emitted"] == verdict["verdict"]["stored"] > 500
    assert 0 < verdict["lag_p50_s"] < verdict["lag_p99_s"] < 60


def test_a_second_demo_is_refused_and_ctrl_c_stops_all_in_order_and_leaves_no_process(
    place: list[str],
) -> None:
    demo = start(place)
    family = psutil.Process(demo.pid)
    until(lambda: len(family.children(recursive=True)) >= 3, "cloud, simulators and gateway to run")
    until(lambda: said(place) > 30_000, "readings to be said")
    second = start(place, "--for", "1s")
    _, refusal = second.communicate(timeout=100)
    assert second.returncode == 1
    assert "another demo is running" in refusal
    assert "Traceback" not in refusal
    children = family.children(recursive=True)
    postmaster = int((Path(place[1]) / "cloud" / "postgres" / "postmaster.pid").read_text().split()[0])
    demo.send_signal(signal.SIGINT)
    out, words = demo.communicate(timeout=100)
    assert demo.returncode == 0, words
    assert "every reading is stored once" in out
    assert not [child for child in children if runs(child.pid)]
    until(lambda: not runs(postmaster), "PostgreSQL to end")


def test_further_ctrl_c_while_it_stops_costs_the_count_and_leaves_no_process_behind(place: list[str]) -> None:
    demo = start(place)
    family = psutil.Process(demo.pid)
    until(lambda: len(family.children(recursive=True)) >= 3, "cloud, simulators and gateway to run")
    until(lambda: said(place) > 30_000, "readings to be said")
    children = family.children(recursive=True)
    postmaster = int((Path(place[1]) / "cloud" / "postgres" / "postmaster.pid").read_text().split()[0])
    for _ in range(3):  # the second may come before the first has had its way, and is then one with it
        demo.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            demo.wait(0.3)
    out, words = demo.communicate(timeout=100)
    assert demo.returncode == 130, words
    assert "nothing was counted" in out
    assert "Traceback" not in words
    assert not [child for child in children if runs(child.pid)]
    until(lambda: not runs(postmaster), "PostgreSQL to end")

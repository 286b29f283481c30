"""`buffer ..` while no gateway runs: what is on disk is shown and exported as it is, and the quarantine dealt with."""

import csv
import io
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.buffer import file
from edge.buffer.opening import open_store
from edge.buffer.refusing import Refusal
from edge.buffer.store import Store
from shared.reading import GapCause
from tests.fakes.readings import TAGS, gaps, numbered, numbers
from tests.fakes.terminal import Tezgah

NOW_US = 1_800_000_000_000_000
GATEWAY = "hall-2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "buffer.db"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    written = tmp_path / "edge.yaml"
    # no more of it needs to be sound, and no secret be at hand
    written.write_text("buffer: {path: state/buffer.db}\ncloud: {token: '${env:NOBODY}'}\n", encoding="utf-8")
    return written


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep what the store logs out of what the commands print."""
    with capture_logs():
        yield


def opened(path: Path) -> Store:
    store, _ = open_store(path, file.divide(50_000_000), GATEWAY, NOW_US)
    store.register(TAGS, NOW_US)
    return store


def filled(path: Path) -> None:
    """Leave a file with two batches, a commit that is not sealed, and two readings in quarantine."""
    store = opened(path)
    store.write([numbered(0, 5, NOW_US)], [], NOW_US, seal=True)
    sealed = [store.write([numbered(n, 1, NOW_US + n, 1)], [], NOW_US, seal=True)[0] for n in (50, 51)]
    store.sweep([], [Refusal(lease.id, "422 too hot") for lease in sealed], NOW_US)
    block = numbered(5, 3, NOW_US + 9, 2)
    block.text[1] = 'Störung: "Öl"'
    store.write([block], [], NOW_US, seal=True)
    store.write([numbered(8, 2, NOW_US + 20)], [], NOW_US)
    # as after a kill: the log is not emptied
    store.abandon()


def sent(path: Path) -> list[bytes]:
    """Return what the next life would send."""
    store = opened(path)
    store.write([], [], NOW_US, seal=True)
    taken: set[int] = set()
    bodies = []
    while lease := store.oldest(taken, NOW_US):
        bodies.append(lease.body)
        taken.add(lease.id.seq)
    store.abandon()
    return bodies


def test_stat_tells_what_is_held_and_changes_nothing(tezgah: Tezgah, config: Path, path: Path) -> None:
    filled(path)
    before = path.read_bytes()
    shown = tezgah("buffer", "stat", config)
    assert shown.returncode == 0
    assert "gateway      hall-2, epoch" in shown.stdout
    assert "quarantine   2 entries, the first since 2027-01-15" in shown.stdout
    found = json.loads(tezgah("buffer", "stat", config, "--json").stdout)
    assert (found["batches"], found["readings"], found["quarantined"], found["oldest_us"]) == (3, 8, 2, NOW_US)
    assert {name: lane["batches"] for name, lane in found["lanes"].items()} == {"process": 2, "state": 1, "debug": 0}
    assert path.read_bytes() == before
    assert not path.with_name("buffer.db-shm").exists()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_export_writes_every_reading_that_waits(tezgah: Tezgah, config: Path, path: Path, form: str) -> None:
    filled(path)
    target = config.with_name("readings")
    shown = tezgah("buffer", "export", config, "--format", form, "--output", target)
    assert (shown.returncode, shown.stdout) == (0, "")
    text = target.read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else [*map(json.loads, text.splitlines())]
    assert [float(row["value"]) for row in rows] == [float(number) for number in range(10)]
    assert rows[6]["text"] == 'Störung: "Öl"'
    assert (rows[0]["time"], rows[0]["device"], rows[0]["tag"]) == ("2027-01-15T08:00:00.000000Z", "press-1", "force")
    assert (rows[0]["quality"], rows[0]["unit"], rows[0]["machine"]) == ("good", "kN", "PRESS-01")
    again = tezgah("buffer", "export", config, "--output", target)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert target.read_text(encoding="utf-8") == text


def test_the_quarantine_is_listed_and_exported(tezgah: Tezgah, config: Path, path: Path) -> None:
    filled(path)
    shown = tezgah("buffer", "quarantine", "list", config)
    assert shown.stdout.count("422 too hot") == 2
    assert "1 readings" in shown.stdout
    assert "press-1/cycles" in shown.stdout
    exported = tezgah("buffer", "quarantine", "export", config, "2", "--format", "jsonl")
    assert [json.loads(line)["value"] for line in exported.stdout.splitlines()] == [51.0]


def test_what_is_retried_is_sent_again_once_and_is_in_quarantine_no_longer(
    tezgah: Tezgah, config: Path, path: Path
) -> None:
    filled(path)
    assert tezgah("buffer", "quarantine", "retry", config, "1").stdout.startswith("1 readings of 1 entries")
    bodies = sent(path)
    assert sorted(number for body in bodies for number in numbers(body)) == [*range(10), 50]
    assert tezgah("buffer", "quarantine", "retry", config, "--all").stdout.startswith("1 readings of 1 entries")
    assert sorted(number for body in sent(path) for number in numbers(body)) == [*range(10), 50, 51]
    assert tezgah("buffer", "quarantine", "list", config).stdout == "nothing is in quarantine\n"


def test_what_is_dropped_is_gone_and_told(tezgah: Tezgah, config: Path, path: Path) -> None:
    filled(path)
    refused = tezgah("buffer", "quarantine", "drop", config, "--all")
    assert refused.returncode == 64
    assert "--yes" in refused.stderr
    assert tezgah("buffer", "quarantine", "drop", config, "2", "--yes").returncode == 0
    told = [gap for body in sent(path) for gap in gaps(body) if "dropped from quarantine by hand" in gap.detail]
    assert [(gap.cause, gap.tag, gap.from_us) for gap in told] == [(GapCause.REFUSED, "cycles", NOW_US + 51)]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT n FROM quarantine").fetchall() == [(1,)]
    db.close()


def test_a_damaged_entry_is_listed_left_out_of_an_export_and_not_retried(
    tezgah: Tezgah, config: Path, path: Path
) -> None:
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE quarantine SET body = zeroblob(100) WHERE n = 1")
    db.close()
    assert "100 bytes that cannot be read" in tezgah("buffer", "quarantine", "list", config).stdout
    exported = tezgah("buffer", "quarantine", "export", config, "--format", "jsonl")
    assert "entry 1 is left out" in exported.stderr
    assert len(exported.stdout.splitlines()) == 1
    retried = tezgah("buffer", "quarantine", "retry", config, "--all")
    assert retried.returncode == 1
    assert "entry 1 was damaged" in retried.stderr


def test_an_export_names_what_is_damaged_and_goes_on(tezgah: Tezgah, config: Path, path: Path) -> None:
    filled(path)
    whole = tezgah("buffer", "export", config, "--format", "jsonl")
    assert whole.stderr == f"{len(whole.stdout.splitlines())} readings\n"
    with sqlite3.connect(path) as db:
        (seq,) = db.execute("SELECT min(seq) FROM batch").fetchone()
        db.execute("UPDATE batch SET body = zeroblob(100) WHERE seq = ?", (seq,))
    db.close()
    exported = tezgah("buffer", "export", config, "--format", "jsonl")
    assert exported.returncode == 0
    named, counted = exported.stderr.splitlines()
    assert named.startswith(f"batch {seq} is left out: ")
    assert counted == f"{len(exported.stdout.splitlines())} readings; 1 damaged are left out"
    assert len(exported.stdout.splitlines()) < len(whole.stdout.splitlines())


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["quarantine", "retry", "edge.yaml", "7"], "there is no entry 7", 1),
        (["quarantine", "retry", "edge.yaml"], "name entries by the numbers", 64),
        (["quarantine", "drop", "edge.yaml", "1", "--all", "--yes"], "name entries by the numbers", 64),
        (["export", "edge.yaml", "--format", "xml"], "xml", 64),
        (["export", "edge.yaml", "--output", "nowhere/x.csv"], "cannot be written", 1),
        (["stat", "edge.yaml", "--state-dir", "elsewhere"], "there is no state directory", 1),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    tezgah: Tezgah, config: Path, path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str, code: int
) -> None:
    filled(path)
    monkeypatch.chdir(config.parent)
    done = tezgah("buffer", *words)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_buffer_that_is_not_there_or_is_something_else_is_named(tezgah: Tezgah, config: Path, path: Path) -> None:
    path.parent.mkdir()
    assert f"there is no buffer at {path}" in tezgah("buffer", "stat", config).stderr
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE other (a)")
    db.close()
    assert "is no buffer" in tezgah("buffer", "stat", config).stderr
    path.write_bytes(os.urandom(8192))
    assert "the next start of the gateway salvages" in tezgah("buffer", "stat", config).stderr


@pytest.mark.parametrize(("version", "told"), [(99, "has format 99.*upgrade it"), (1, "has format 1.*next start")])
def test_a_file_of_another_format_is_not_read_as_if_it_were_ours(
    tezgah: Tezgah, config: Path, path: Path, version: int, told: str
) -> None:
    filled(path)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    for command in (["stat", config], ["export", config], ["quarantine", "retry", config, "--all"]):
        done = tezgah("buffer", *command)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.search(told, done.stderr)


@pytest.mark.parametrize("command", ["list", "export"])
def test_an_entry_that_is_not_there_is_not_passed_over(tezgah: Tezgah, config: Path, path: Path, command: str) -> None:
    filled(path)
    done = tezgah("buffer", "quarantine", command, config, 1, 77)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no entry 77 in quarantine" in done.stderr


def test_an_export_that_cannot_be_begun_leaves_no_file(
    tezgah: Tezgah, config: Path, path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    assert tezgah("buffer", "export", config, "--output", output).returncode == 1
    assert not output.exists(), "the next attempt would stumble over it"
    filled(path)
    assert tezgah("buffer", "export", config, "--output", output).returncode == 0

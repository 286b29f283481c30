"""The log's file: turned by size and day, by any number of processes, with no line lost or torn."""

import logging
import multiprocessing
import os
from pathlib import Path

from cloud.logfile import RotatedFile

DAY = 86_400


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("t", logging.INFO, "", 0, text, None, None)


def on_no_later_day() -> float:
    """A time before any file's, so that midnight turns none."""
    return 0.0


def lines(path: Path) -> list[str]:
    files = [each for each in path.parent.iterdir() if not each.name.endswith(".lock")]
    return [line for each in files for line in each.read_text(encoding="utf-8").splitlines()]


def write_many(path: Path, writer: int, count: int) -> None:
    handler = RotatedFile(path, max_bytes=1500, keep=400)
    for number in range(count):
        handler.emit(record(f"{writer}:{number}:{'x' * (number % 97)}"))
    handler.close()


def test_lines_are_appended_to_what_is_there(tmp_path):
    path = tmp_path / "cloud.log"
    for text in ("one", "iki: ğüşıöç", "\ud800"):
        handler = RotatedFile(path, max_bytes=1000, keep=2, now=on_no_later_day)
        handler.emit(record(text))
        handler.close()
    assert path.read_text(encoding="utf-8").splitlines() == ["one", "iki: ğüşıöç", "\\ud800"]


def test_a_file_is_turned_before_it_is_too_large_and_only_so_many_are_kept(tmp_path):
    path = tmp_path / "cloud.log"
    handler = RotatedFile(path, max_bytes=100, keep=2, now=on_no_later_day)
    for number in range(40):
        handler.emit(record(f"{number:09}"))
    handler.close()
    assert path.stat().st_size <= 100
    turned = sorted(each.name for each in tmp_path.iterdir() if not each.name.endswith(".lock"))
    assert turned == ["cloud.log", "cloud.log.1", "cloud.log.2"]
    assert lines(path)[-1:] != []
    # the newest are in the file, the next in .1
    assert path.read_text().splitlines()[-1] == f"{39:09}"
    assert (tmp_path / "cloud.log.1").read_text() < path.read_text()


def test_a_file_is_turned_when_its_day_is_over(tmp_path):
    path = tmp_path / "cloud.log"
    clock = [0.0]
    handler = RotatedFile(path, max_bytes=10_000, keep=3, now=lambda: clock[0])
    handler.emit(record("yesterday"))
    os.utime(path, (10 * DAY - 1, 10 * DAY - 1))
    clock[0] = 10 * DAY - 0.5
    handler.emit(record("still"))
    os.utime(path, (10 * DAY - 1, 10 * DAY - 1))
    clock[0] = 10 * DAY + 1
    handler.emit(record("today"))
    handler.close()
    assert path.read_text() == "today\n"
    assert (tmp_path / "cloud.log.1").read_text() == "yesterday\nstill\n"


def test_four_processes_lose_and_tear_no_line_while_they_turn_it(tmp_path):
    path = tmp_path / "cloud.log"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_many, args=(path, writer, 1500)) for writer in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
        assert each.exitcode == 0
    expected = {f"{writer}:{number}:{'x' * (number % 97)}" for writer in range(4) for number in range(1500)}
    found = lines(path)
    assert len(found) == len(expected)
    assert set(found) == expected
    assert len(list(tmp_path.iterdir())) > 10


def test_who_keeps_the_file_open_follows_when_another_turned_it(tmp_path):
    path = tmp_path / "cloud.log"
    clock = [0.0]
    mine = RotatedFile(path, max_bytes=1_000_000, keep=2, now=lambda: clock[0])
    mine.emit(record("before"))
    path.rename(tmp_path / "taken-away")
    clock[0] = 60
    mine.emit(record("after"))
    mine.close()
    assert path.read_text() == "after\n"

"""What was learned outlives a run, and never does harm."""

from pathlib import Path

import pytest

from edge.drivers.modbus.memory import Memory
from edge.drivers.modbus.refusals import Extent

NOW_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
LEARNED = {Extent(1, 3, 20, 1), Extent(1, 3, 0, 62)}


def memory(state: Path | None, place: str = "/dev/ttyUSB0", connection: str = "hall 2/line") -> Memory:
    return Memory(state, connection, place)


def test_what_is_written_is_read_in_the_next_run(tmp_path: Path) -> None:
    memory(tmp_path).write(LEARNED, NOW_US)
    assert set(memory(tmp_path).read(NOW_US + DAY_US)) == LEARNED
    assert memory(tmp_path, connection="other").read(NOW_US) == []
    assert [path.name for path in (tmp_path / "modbus").iterdir()] == ["hall%202%2Fline.json"]


def test_it_is_forgotten_after_a_month_however_often_it_is_written_again(tmp_path: Path) -> None:
    first = memory(tmp_path)
    first.write(LEARNED, NOW_US)
    second = memory(tmp_path)
    second.read(NOW_US + 20 * DAY_US)
    second.write(LEARNED, NOW_US + 20 * DAY_US)
    assert memory(tmp_path).read(NOW_US + 29 * DAY_US)
    assert memory(tmp_path).read(NOW_US + 31 * DAY_US) == []
    assert memory(tmp_path).read(NOW_US - 1) == [], "a clock that went back"


def test_another_place_is_another_device(tmp_path: Path) -> None:
    memory(tmp_path).write(LEARNED, NOW_US)
    assert memory(tmp_path, place="/dev/ttyUSB1").read(NOW_US) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"since_us": "x"}', '{"since_us": 1, "place": "/dev/ttyUSB0"}'])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    memory(tmp_path).write(LEARNED, NOW_US)
    next((tmp_path / "modbus").iterdir()).write_text(text, encoding="utf-8")
    assert memory(tmp_path).read(NOW_US) == []


def test_without_a_place_to_write_nothing_is_kept_and_nothing_breaks(tmp_path: Path) -> None:
    memory(None).write(LEARNED, NOW_US)
    assert memory(None).read(NOW_US) == []
    (tmp_path / "file").write_text("")
    memory(tmp_path / "file").write(LEARNED, NOW_US)
    assert memory(tmp_path / "file").read(NOW_US) == []

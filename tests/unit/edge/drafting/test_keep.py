from pathlib import Path

import pytest

from edge.drafting.keep import NotWritten, checked, write
from edge.errors import ConfigError

SOUND = """\
version: 1
gateway: {id: g}
cloud: {url: "http://h", token: "${env:T}"}
buffer: {path: b.db}
"""


def test_a_draft_is_read_where_it_will_stand_and_leaves_nothing_there(tmp_path: Path) -> None:
    assert checked(SOUND, tmp_path, {"T": "t"}).gateway.id == "g"
    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_would_not_be_taken_is_told_and_leaves_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is written: line 2: gateway"):
        checked(SOUND.replace("id: g", "idd: g"), tmp_path, {"T": "t"})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    write("a", file)
    with pytest.raises(NotWritten, match="--force"):
        write("b", file)
    assert file.read_text(encoding="utf-8") == "a"
    write("b", file, force=True)
    assert file.read_text(encoding="utf-8") == "b"
    assert [path.name for path in tmp_path.iterdir()] == ["edge.yaml"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="No such file or directory"):
        write("a", tmp_path / "no" / "edge.yaml")


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="nowhere cannot be written: No such file or directory; choose another place"):
        checked(SOUND, tmp_path / "nowhere", {"T": "t"})

import os
from pathlib import Path

import pytest

from edge.live.memory import Good, Memory, Rejected, Remembered

REMEMBERED = Remembered(Good("/etc/edge.yaml", {"/etc/edge.yaml": b"\xff\x00"}), "trial", Rejected("f", "why", 7))


def test_what_is_kept_is_recalled_and_is_its_owners_alone(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert memory.recall() == Remembered()
    memory.keep(Remembered())
    memory.keep(REMEMBERED)
    assert Memory(tmp_path).recall() == REMEMBERED
    assert [path.name for path in tmp_path.iterdir()] == ["applied.json"]
    if os.name == "posix":
        assert (tmp_path / "applied.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b'{"good": 7}', b"\xff"])
def test_a_damaged_memory_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "applied.json").write_bytes(content)
    assert Memory(tmp_path).recall() == Remembered()


def test_a_disk_that_refuses_does_not_stop_the_gateway(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "not-there")
    memory.keep(REMEMBERED)
    assert memory.recall() == Remembered()

from pathlib import Path

from edge.doctor import disk
from edge.drivers.inspection import Severity


def test_a_disk_with_room_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    section = disk.examine(tmp_path, 10_000_000, 0, {})
    facts = dict(section.facts)
    assert "free" in facts["room"]
    assert facts["flush"].startswith("median ")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_judged_by_where_it_will_be(tmp_path: Path) -> None:
    section = disk.examine(tmp_path / "state" / "deep", 10_000_000, 0, {})
    assert dict(section.facts)["directory"].endswith("not made yet")
    assert not (tmp_path / "state").exists()


def test_a_buffer_larger_than_its_volume_is_told_with_the_size_that_fits(tmp_path: Path) -> None:
    found = [item for item in disk.examine(tmp_path, 10**15, 0, {}).findings if item.about == "buffer.max_size"]
    assert found[0].severity is Severity.WARNING
    assert "max_size: " in found[0].fix


def test_what_intercepts_flushes_is_an_error(tmp_path: Path) -> None:
    section = disk.examine(tmp_path, 10_000_000, 0, {"LD_PRELOAD": "/usr/lib/libeatmydata.so"})
    assert section.worst is Severity.ERROR

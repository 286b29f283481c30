"""What is remembered of an unset clock holds within one boot of the machine."""

from pathlib import Path

from edge.unset import NAME, Unset, boot_id, recall, remember

LEFT = Unset("boot-1", 1_790_000_000_000_000, 1_790_000_000_500_000)


def test_it_is_recalled_within_the_same_boot_until_it_is_forgotten(tmp_path: Path) -> None:
    assert recall(tmp_path, "boot-1") is None
    remember(tmp_path, LEFT)
    assert recall(tmp_path, "boot-1") == LEFT
    assert recall(tmp_path, "boot-2") is None
    remember(tmp_path, None)
    remember(tmp_path, None)
    assert recall(tmp_path, "boot-1") is None


def test_a_machine_without_a_boot_id_and_a_torn_file_recall_nothing(tmp_path: Path) -> None:
    assert boot_id(tmp_path / "none") == ""
    remember(tmp_path, Unset("", 1, 1))
    assert recall(tmp_path, "") is None
    (tmp_path / NAME).write_bytes(b'{"boot": "boot-1"')
    assert recall(tmp_path, "boot-1") is None


def test_a_directory_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    remember(tmp_path / "none", LEFT)

"""The notes of a tortured gateway, and what several lives' notes come to."""

from pathlib import Path

from edge.torture.notes import SUFFIX, Block, Notes, read


def test_notes_of_several_lives_come_to_one_account(tmp_path: Path) -> None:
    for first in (100, 0):
        with Notes(tmp_path / f"life-{first}{SUFFIX}") as notes:
            notes.said(Block(first, 3, 1, 1_000))
            notes.said(Block(first + 3, 1, 0, 2_000))
            notes.promised(Block(first, 3, 1, 1_000))
    account = read(tmp_path)
    assert account.number.tolist() == [0, 1, 2, 3, 100, 101, 102, 103]
    assert account.tag.tolist() == [1, 1, 1, 0] * 2
    assert account.ts_us.tolist() == [1_000, 1_001, 1_002, 2_000] * 2
    assert account.is_promised.tolist() == [True, True, True, False] * 2


def test_a_line_that_a_kill_cut_off_is_none(tmp_path: Path) -> None:
    (tmp_path / f"life-0{SUFFIX}").write_text("said 0 2 0 5\nsaid 2 1 0 9\npromised 0 2\npromised 2")
    assert read(tmp_path).is_promised.tolist() == [True, True, False]
    assert read(tmp_path / "nowhere").number.tolist() == []

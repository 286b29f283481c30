"""Where the token stands: in its file if that can be written, else beside the buffer; another one in the file wins."""

import stat
from pathlib import Path

import pytest

from edge.sync.token import RENEWED, Replacement, TokenStore


def test_a_token_is_written_into_its_file_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "edge-token"
    file.write_text("old\n", encoding="ascii")
    file.chmod(0o644)
    store = TokenStore("old", file, tmp_path)
    store.keep("new")
    assert store.current() == "new"
    assert file.read_text(encoding="ascii") == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edge-token"]


def test_what_is_written_into_the_file_meanwhile_counts(tmp_path: Path) -> None:
    file = tmp_path / "edge-token"
    file.write_text("old\n", encoding="ascii")
    store = TokenStore("old", file, tmp_path)
    file.write_text("other\n", encoding="ascii")
    assert store.current() == "other"
    file.unlink()
    assert store.current() == "other", "what was there last is better than nothing"


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    file, link = tmp_path / "real" / "token", tmp_path / "edge-token"
    file.write_text("old\n", encoding="ascii")
    link.symlink_to(file)
    TokenStore("old", link, tmp_path).keep("new")
    assert link.is_symlink()
    assert file.read_text(encoding="ascii") == "new\n"


@pytest.mark.parametrize("has_file", [False, True])
def test_where_its_place_cannot_be_written_a_renewed_token_stands_beside_the_buffer(
    tmp_path: Path, has_file: bool
) -> None:
    # no directory of that name: as little writable as a credential of systemd's
    file = tmp_path / "credentials" / "edge-token" if has_file else None
    store = TokenStore("old", file, tmp_path)
    store.keep("new")
    assert store.current() == "new"
    assert stat.S_IMODE((tmp_path / RENEWED).stat().st_mode) == 0o600
    assert TokenStore("old", file, tmp_path).current() == "new", "also after a restart"
    store.keep("newer")
    assert TokenStore("old", file, tmp_path).current() == "newer"


def test_a_token_that_somebody_configures_wins_over_a_renewed_one(tmp_path: Path) -> None:
    TokenStore("old", None, tmp_path).keep("renewed")
    assert TokenStore("enrolled-anew", None, tmp_path).current() == "enrolled-anew"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"replaces": 1}', b"\xff"])
def test_a_damaged_note_of_a_renewed_token_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RENEWED).write_bytes(content)
    assert TokenStore("old", None, tmp_path).current() == "old"


def test_where_nothing_can_be_written_the_present_one_stays(tmp_path: Path) -> None:
    store = TokenStore("old", None, tmp_path / "nowhere")
    with pytest.raises(OSError, match="No such file"):
        store.keep("new")
    assert store.current() == "old"


def test_what_is_left_undone_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "edge-token"
    file.write_text("old\n", encoding="ascii")
    Replacement(file).leave()
    assert [path.name for path in tmp_path.iterdir()] == ["edge-token"]
    assert file.read_text(encoding="ascii") == "old\n"


def test_the_owner_of_the_file_stays_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "edge-token"
    file.write_text("old\n", encoding="ascii")
    before = file.stat()
    Replacement(file).put(b"new\n")
    assert (file.stat().st_uid, file.stat().st_gid) == (before.st_uid, before.st_gid)
    assert file.stat().st_ino != before.st_ino

"""The buffer file: who may open it, what its failures are called, and that nothing is destroyed."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from edge.buffer import file, upgrade
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word

ROOM = file.divide(50_000_000)


def made(path: Path) -> Path:
    """Make an empty buffer file."""
    file.connect(path, ROOM).close()
    return path


def test_a_new_file_is_made_with_its_directory_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "state" / "buffer.db"
    db = file.connect(path, ROOM)
    settings = {
        "journal_mode": "wal",
        "synchronous": 2,
        "auto_vacuum": 2,
        "secure_delete": 0,
        "max_page_count": ROOM.file // 4096,
        "application_id": file.APPLICATION_ID,
        "user_version": upgrade.FORMAT,
    }
    for name, value in settings.items():
        assert db.execute(f"PRAGMA {name}").fetchone() == (value,), name
    db.close()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = made(tmp_path / "buffer.db")
    # on Windows the directory's access list decides
    assert os.name != "posix" or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_holder_is_refused_and_the_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    db = file.connect(path, ROOM)
    with pytest.raises(BufferError, match="another process has it open") as refusal:
        file.connect(path, ROOM)
    assert not isinstance(refusal.value, BufferDamaged)
    db.execute("SELECT * FROM batch")
    db.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["buffer.db"]


@pytest.mark.parametrize("content", [b"x" * 5000, bytes(8192), b"SQLite format 3\0" + b"\xff" * 4080])
def test_what_is_no_database_is_called_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "buffer.db"
    path.write_bytes(content)
    with pytest.raises(BufferDamaged, match=r"buffer\.db"):
        file.connect(path, ROOM)
    assert path.read_bytes() == content


def test_a_file_whose_tables_are_gone_is_called_damaged(tmp_path: Path) -> None:
    path = made(tmp_path / "buffer.db")
    db = sqlite3.connect(path)
    db.execute("DROP TABLE tail")
    db.close()
    with pytest.raises(BufferDamaged, match="tail"):
        file.connect(path, ROOM)


def test_an_empty_file_beside_a_log_is_called_damaged_and_the_log_is_kept(tmp_path: Path) -> None:
    path, log = tmp_path / "buffer.db", tmp_path / "buffer.db-wal"
    path.touch()
    log.write_bytes(b"7" * 4152)
    with pytest.raises(BufferDamaged, match="empty"):
        file.connect(path, ROOM)
    assert log.stat().st_size == 4152


def test_somebody_elses_database_is_refused_not_moved(tmp_path: Path) -> None:
    path = tmp_path / "grafana.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE dashboard (id INTEGER)")
    db.close()
    with pytest.raises(BufferError, match=r"something else.*dashboard.*buffer\.path") as refusal:
        file.connect(path, ROOM)
    assert not isinstance(refusal.value, BufferDamaged)


def test_a_newer_format_is_refused_not_moved(tmp_path: Path) -> None:
    path = made(tmp_path / "buffer.db")
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {upgrade.FORMAT + 1}")
    db.close()
    with pytest.raises(BufferError, match="upgrade") as refusal:
        file.connect(path, ROOM)
    assert not isinstance(refusal.value, BufferDamaged)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(BufferError, match="state") as refusal:
        file.connect(tmp_path / "state" / "buffer.db", ROOM)
    assert refusal.value.retryable


def test_a_cap_too_small_to_work_with_is_refused() -> None:
    with pytest.raises(BufferError, match="1000000"):
        file.divide(999_999)


@pytest.mark.parametrize("cap", [1_000_000, 50_000_000, 8_000_000_000])
def test_the_cap_covers_file_and_log_and_keeps_a_reserve(cap: int) -> None:
    room = file.divide(cap)
    assert room.file + room.log <= cap
    assert 0 < room.rows < room.file
    assert room.rows >= 0.6 * cap


def test_a_transaction_is_done_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    db = file.connect(path, ROOM)
    with file.transaction(db, path):
        db.execute("INSERT INTO tag VALUES (1, x'00', 0)")

    def half_way() -> None:
        with file.transaction(db, path):
            db.execute("INSERT INTO tag VALUES (2, x'00', 0)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_way()
    assert db.execute("SELECT id FROM tag").fetchall() == [(1,)]
    assert not db.in_transaction
    db.close()


def test_a_full_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    db = file.connect(path, ROOM)
    db.execute("PRAGMA max_page_count=20")
    with pytest.raises(BufferError, match=r"full; .*buffer\.max_size") as full, file.transaction(db, path):
        db.execute("INSERT INTO tag VALUES (1, zeroblob(200000), 0)")
    assert full.value.retryable
    assert not db.in_transaction
    db.close()


def test_a_number_used_twice_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    db = file.connect(path, ROOM)
    with pytest.raises(BufferDamaged), file.transaction(db, path):
        db.execute("INSERT INTO tag VALUES (1, x'00', 0), (1, x'00', 0)")
    db.close()


def test_a_defect_of_ours_is_not_called_by_another_name(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), file.naming(tmp_path):
        sqlite3.connect(":memory:").execute("SELECT * FROM missing")


def test_free_pages_go_back_to_the_volume_after_a_long_outage(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    db = file.connect(path, ROOM)
    for number in range(80):
        db.execute("INSERT INTO tag VALUES (?, zeroblob(400000), 0)", (number,))
    full = file.used_bytes(db)
    db.execute("DELETE FROM tag")
    assert file.used_bytes(db) < full / 100
    for _ in range(60):
        file.shrink(db)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert 8_000_000 < path.stat().st_size < 20_000_000, "16 MB are kept for the next outage"
    db.close()

"""The older backend's file: what is no such file is named, and what there is is read as it is."""

import sqlite3

import pytest

from cloud.errors import BadRequest
from cloud.imports import source
from tests.integration.cloud.imports import old_backend


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 a zip file, say", "is no SQLite database"),
        (b"SQLite format 3\x00" + bytes(84), "cannot be read"),
        (None, "is not there"),
    ],
)
def test_a_file_that_is_no_database_is_named(tmp_path, content, said):
    file = tmp_path / "OLD.db"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadRequest, match=said):
        source.read(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE issues", "has no table issues"),
        ("ALTER TABLE work_orders DROP COLUMN qty", "has no column qty; it has id, product_code"),
    ],
)
def test_a_table_or_column_that_is_not_there_is_named(tmp_path, change, said):
    old = old_backend.clean(tmp_path / "OLD.db")
    with sqlite3.connect(old) as connection:
        connection.execute(change)
    with pytest.raises(BadRequest, match=said):
        source.read(old)


def test_a_table_may_be_called_otherwise_and_be_without_row_numbers(tmp_path):
    old = old_backend.clean(tmp_path / "OLD.db")
    with sqlite3.connect(old) as connection:
        connection.execute("ALTER TABLE users RENAME TO User")
        connection.execute('ALTER TABLE User RENAME COLUMN hashed_password TO "password_hash"')
        connection.execute("DROP TABLE issues")
        connection.execute("CREATE TABLE issue (id TEXT PRIMARY KEY, stage_id, issue_type, description) WITHOUT ROWID")
        connection.execute("INSERT INTO issue VALUES ('a-1', 70, 'quality', CAST(x'DE' AS TEXT))")
    read = source.read(old)
    assert [row.values["username"] for row in read.rows["users"]] == ["yonetici", "Mehmet", "planci"]
    (issue,) = read.rows["issues"]
    assert issue.values == {"id": "a-1", "work_order_stage_id": 70, "type": "quality", "description": "Ş"}


def test_a_digest_is_of_what_is_read(tmp_path):
    old = old_backend.clean(tmp_path / "OLD.db")
    before = [row.digest for row in source.read(old).rows["work_orders"]]
    with sqlite3.connect(old) as connection:
        connection.execute("ALTER TABLE work_orders ADD COLUMN colour DEFAULT 'red'")
        connection.execute("UPDATE work_orders SET qty = 6 WHERE id = 9")
    after = [row.digest for row in source.read(old).rows["work_orders"]]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False]

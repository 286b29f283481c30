"""An older backend's SQLite file, as it made its tables, clean or as dirty as years make one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import bcrypt

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR NOT NULL, hashed_password VARCHAR, role VARCHAR);
CREATE TABLE work_orders (
    id INTEGER PRIMARY KEY, product_code VARCHAR, lot_no VARCHAR, qty INTEGER, planned_start DATETIME,
    planned_end DATETIME
);
CREATE TABLE work_order_stages (
    id INTEGER PRIMARY KEY, work_order_id INTEGER REFERENCES work_orders(id), stage_name VARCHAR,
    planned_start DATETIME, planned_end DATETIME, actual_start DATETIME, actual_end DATETIME, status VARCHAR
);
CREATE TABLE issues (
    id INTEGER PRIMARY KEY, work_order_stage_id INTEGER REFERENCES work_order_stages(id), type VARCHAR,
    description TEXT, created_by INTEGER REFERENCES users(id), created_at DATETIME
);
"""
PASSWORD = "eski parola 1"
MORNING, NOON, EVENING = "2026-03-02 08:00:00.000000", "2026-03-02 12:00:00.000000", "2026-03-02 16:00:00.000000"


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def fill(path: Path, **tables: list[tuple[object, ...]]) -> Path:
    """Make the file if it is not there, and put rows into it."""
    is_new = not path.exists()
    with closing(sqlite3.connect(path)) as connection, connection:
        if is_new:
            connection.executescript(SCHEMA)
        for table, rows in tables.items():
            connection.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
    return path


def clean(path: Path) -> Path:
    return fill(
        path,
        users=[
            (1, "yonetici", hashed(PASSWORD), "admin"),
            (2, "Mehmet", hashed(PASSWORD), "worker"),
            (3, "planci", hashed(PASSWORD), "planner"),
        ],
        work_orders=[(7, "KAPAK-12", "L-1", 100, MORNING, EVENING), (9, "KAPAK-3", "L-2", 5, MORNING, EVENING)],
        work_order_stages=[
            (70, 7, "Enjeksiyon", MORNING, NOON, MORNING, NOON, "done"),
            (71, 7, "Montaj", NOON, EVENING, NOON, None, "in_progress"),
            (90, 9, "Enjeksiyon", MORNING, NOON, None, None, "planned"),
        ],
        issues=[(5, 71, "quality", "Çapak var", 2, NOON)],
    )


def dirty(path: Path) -> Path:
    """A clean one, and beside it rows of every kind of dirt."""
    return fill(
        clean(path),
        users=[
            (4, "MEHMET", hashed("another one"), "worker"),
            (5, "ayşe yılmaz", "sha256:0f0f", "İşçi"),
            (6, "", hashed(PASSWORD), "worker"),
            (7, "odd", hashed(PASSWORD), "kahraman"),
        ],
        work_orders=[
            (10, "P-1", "", "250 adet", "02.03.2026 08:00", "02.03.2026 16:00"),
            (11, "P-2", "L", "a lot", MORNING, EVENING),
            (12, "P-3", "L", 3, EVENING, MORNING),
            (13, "P-4", "L", 0, MORNING, EVENING),
            (14, "P\x005", "L", 1.0, 1772434800, None),
            (15, "P-6", "L", 1, "soon", EVENING),
            (16, None, "L", 1, MORNING, EVENING),
            (4_000_000_000, "P-7", "L", 1, MORNING, EVENING),
        ],
        work_order_stages=[
            (100, 10, "Enjeksiyon", None, None, None, None, "Tamamlandı"),
            (101, 11, "Enjeksiyon", MORNING, NOON, None, None, "planned"),
            (102, 999, "Montaj", MORNING, NOON, None, None, "planned"),
            (103, 12, "", MORNING, NOON, NOON, MORNING, "???"),
            (104, 12, "Montaj", MORNING, NOON, None, None, "in_progress"),
        ],
        issues=[
            (6, 102, "quality", "of an orphan", 2, NOON),
            (7, 100, "Kalıp", "worn", 99, None),
            (8, 100, "gremlins", None, 6, NOON),
        ],
    )

"""Owns reading an older backend's SQLite file: which tables and columns it has, and its rows as they are.

It is opened for reading only and read in one transaction, so that the old backend may run meanwhile, and nothing in it
is changed. What its write-ahead log holds is read as well.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloud.errors import BadRequest

_MAGIC = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class Shape:
    """A table that is looked for.

    Attributes:
        name: As reports call it.
        spellings: What it may be called in the file.
        needed: Columns without which nothing can be read of it, each with its spellings.
        optional: Those that it may have.
        is_optional: There may be no such table.
    """

    name: str
    spellings: Sequence[str]
    needed: Mapping[str, Sequence[str]]
    optional: Mapping[str, Sequence[str]]
    is_optional: bool = False


USERS = Shape(
    "users",
    ("users", "user", "app_users"),
    {"id": ("id",), "username": ("username", "user_name", "name")},
    {
        "password_hash": ("password_hash", "hashed_password", "passwordhash", "password"),
        "role": ("role",),
        "is_active": ("is_active", "active"),
        "created_at": ("created_at",),
    },
)
ORDERS = Shape(
    "work_orders",
    ("work_orders", "workorders", "work_order", "workorder"),
    {
        "id": ("id",),
        "product_code": ("product_code", "product"),
        "lot_no": ("lot_no", "lot"),
        "qty": ("qty", "quantity"),
        "planned_start": ("planned_start",),
        "planned_end": ("planned_end",),
    },
    {},
)
STAGES = Shape(
    "work_order_stages",
    ("work_order_stages", "workorderstages", "work_order_stage", "workorderstage", "stages"),
    {
        "id": ("id",),
        "work_order_id": ("work_order_id", "workorder_id", "wo_id"),
        "stage_name": ("stage_name", "name"),
        "status": ("status",),
    },
    {
        "op_number": ("op_number", "sequence", "seq"),
        "planned_start": ("planned_start",),
        "planned_end": ("planned_end",),
        "actual_start": ("actual_start",),
        "actual_end": ("actual_end",),
    },
)
ISSUES = Shape(
    "issues",
    ("issues", "issue"),
    {
        "id": ("id",),
        "work_order_stage_id": ("work_order_stage_id", "stage_id", "wos_id"),
        "type": ("type", "issue_type"),
        "description": ("description",),
    },
    {
        "created_by": ("created_by", "user_id", "reported_by"),
        "created_at": ("created_at",),
        "status": ("status",),
        "severity": ("severity",),
    },
)
ASSIGNMENTS = Shape(
    "assignments",
    ("assignments", "stage_assignments", "assignment", "stage_assignment", "work_order_stage_assignments"),
    {"work_order_stage_id": ("work_order_stage_id", "stage_id", "wos_id"), "user_id": ("user_id", "worker_id")},
    {"id": ("id",)},
    is_optional=True,
)
SHAPES = (USERS, ORDERS, STAGES, ISSUES, ASSIGNMENTS)


@dataclass(frozen=True, slots=True)
class OldRow:
    """A row as it is in the file.

    Attributes:
        number: SQLite's own number of it.
        digest: Of what is read of it, to notice a change.
    """

    number: int
    values: Mapping[str, object]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Old:
    """What is in the file.

    Attributes:
        rows: By the table's name in `SHAPES`, in the file's order.
        left: Tables and columns that hold something and are not brought, a sentence each.
    """

    rows: Mapping[str, Sequence[OldRow]]
    left: Sequence[str]


def read(path: Path) -> Old:
    """Read a file as it is at this moment.

    Raises:
        BadRequest: It is no SQLite database, cannot be opened or is damaged, or a table or column is not there.
    """
    with _opened(path) as connection:
        connection.execute("BEGIN")
        problems = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
        if problems != ["ok"]:
            raise BadRequest(f"{path} is damaged: {problems[0]}. Restore a backup, or recover it with `.recover`.")
        tables = {
            row[0].lower(): row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        }
        rows, left = {}, []
        for shape in SHAPES:
            name = next((tables.pop(spelling) for spelling in shape.spellings if spelling in tables), None)
            if name is None and not shape.is_optional:
                there = ", ".join(sorted(tables.values())) or "none"
                raise BadRequest(f"{path} has no table {shape.name}, which the old backend has; its tables: {there}.")
            columns = {} if name is None else _columns(connection, path, name, shape)
            if name is not None:
                left += _unread_columns(connection, name, columns)
            rows[shape.name] = [] if name is None else list(_rows(connection, name, columns))
        left += _unread_tables(connection, tables)
        return Old(rows, left)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise BadRequest(f"{path} is not there." if not path.exists() else f"{path} is no file.")
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start != _MAGIC:
        raise BadRequest(f"{path} is no SQLite database: {'it is empty' if not start else 'it begins otherwise'}.")
    try:
        # not `immutable`: that would pass over the write-ahead log beside it
        opened = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5)
        with closing(opened) as connection:
            connection.text_factory = _text
            yield connection
    except sqlite3.Error as error:
        raise BadRequest(
            f"{path} cannot be read: {error}. If another program holds it, stop that; a database with a write-ahead "
            f"log (a -wal file beside it) needs a directory that can be written. "
            f"`sqlite3 {path.name} '.backup copy.db'` makes a copy that stands alone."
        ) from error


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        # what Windows wrote in Turkey
        return content.decode("cp1254", "replace")


def _columns(connection: sqlite3.Connection, path: Path, table: str, shape: Shape) -> dict[str, str]:
    there = {row[1].lower(): row[1] for row in connection.execute(f"PRAGMA table_xinfo({_quoted(table)})")}
    found = {
        name: column
        for name, spellings in {**shape.needed, **shape.optional}.items()
        if (column := next((there[each] for each in spellings if each in there), None)) is not None
    }
    missing = [name for name in shape.needed if name not in found]
    if missing:
        raise BadRequest(
            f"{path}: the table {table} has no column {', '.join(missing)}; it has {', '.join(there.values())}."
        )
    return found


def _rows(connection: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> Iterator[OldRow]:
    wanted = ", ".join(_quoted(column) for column in columns.values())
    try:
        cursor = connection.execute(f"SELECT rowid, {wanted} FROM {_quoted(table)} ORDER BY rowid")  # noqa: S608 - quoted
    except sqlite3.OperationalError:
        # a table WITHOUT ROWID
        cursor = connection.execute(f"SELECT row_number() OVER (), {wanted} FROM {_quoted(table)}")  # noqa: S608 - quoted
    for number, *cells in cursor:
        values = dict(zip(columns, cells, strict=True))
        yield OldRow(number, values, hashlib.sha256(repr(sorted(values.items())).encode("utf-8", "replace")).digest())


def _unread_columns(connection: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> list[str]:
    read_ones = set(columns.values())
    left = []
    for row in connection.execute(f"PRAGMA table_xinfo({_quoted(table)})").fetchall():
        if row[1] not in read_ones:
            counted = connection.execute(f"SELECT count({_quoted(row[1])}) FROM {_quoted(table)}").fetchone()[0]  # noqa: S608 - quoted
            if counted:
                left.append(f"{table}.{row[1]}: a column that is not brought, filled in {counted} rows")
    return left


def _unread_tables(connection: sqlite3.Connection, tables: Mapping[str, str]) -> list[str]:
    left = []
    for name in tables.values():
        counted = connection.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0]  # noqa: S608 - quoted
        if counted and not name.startswith("sqlite_") and name != "alembic_version":
            left.append(f"{name}: a table that is not brought, {counted} rows")
    return left


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

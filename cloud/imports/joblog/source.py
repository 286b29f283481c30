"""Owns reading a job log where it lies: a table of MySQL or MariaDB, or a CSV file, row by row, as text.

Nothing is changed there: a database is read in one transaction that may only read, and sees one moment of it.
"""

import csv
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from cloud.errors import BadRequest, Unavailable
from cloud.imports.joblog import mapping
from cloud.imports.joblog.mapping import ColumnMapping

SCHEMES = ("mysql", "mariadb")
PASSWORD_VARIABLE = "TEZGAH_JOBLOG_PASSWORD"  # noqa: S105 - where it is, not what
_CONNECT_S, _READ_S = 10, 60
_PORT = 3306
# one that only reads, and of one moment; the last, for a job log of millions is read for minutes
_SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)
# every cell as the text that it is: what it means is judged here, dirt and all
_AS_TEXT: Any = dict(encoders)
_PARAMETERS = frozenset({"unix_socket", "ssl_ca"})


@dataclass(frozen=True, slots=True)
class Raw:
    """A row as it lies there.

    Attributes:
        number: Of the row, from 1; of a file, of its line.
        cells: By our names; what the source has no column for is absent.
    """

    number: int
    cells: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Source:
    """A job log that is open.

    Attributes:
        name: Where it is, without secrets.
        total: How many rows it has; None if that is only known at its end.
        rows: In the order of their ids, or of the file.
    """

    name: str
    total: int | None
    rows: Generator[Raw]


@contextmanager
def opened(address: str, how: ColumnMapping) -> Iterator[Source]:
    """Open a job log.

    Args:
        address: `mysql://user@host/database`, `mariadb://...`, or the path of a CSV file.
        how: Which column means what.

    Raises:
        BadRequest: It cannot be what is meant, or lacks a table or a column.
        Unavailable: The server does not answer.
    """
    if urlsplit(address).scheme in SCHEMES:
        with _translating(address), _connected(address) as connection:
            source = _table(connection, address, how)
            # while its connection is open: it reads what the server still has to say
            with closing(source.rows):
                yield source
    elif "://" in address:
        raise BadRequest(f"{_plain(address)} begins with neither mysql:// nor mariadb://, and is no file.")
    else:
        with _file(Path(address)) as lines:
            yield _csv(Path(address), lines, how)


@contextmanager
def _translating(address: str) -> Iterator[None]:
    name = _plain(address)
    try:
        yield
    except pymysql.err.OperationalError as error:
        code, words = error.args[0], error.args[-1]
        if code in {1044, 1045, 1698}:
            said = f"{name} does not let us in: {words}. The password comes with the address or in {PASSWORD_VARIABLE}."
            raise BadRequest(said) from error
        if code == 1049:
            raise BadRequest(f"{name}: {words}.") from error
        raise Unavailable(f"{name} does not answer, or no more: {words}. Rows that came so far stay.") from error
    except pymysql.err.ProgrammingError as error:
        raise BadRequest(f"{name}: {error.args[-1]}.") from error
    except (pymysql.err.Error, OSError) as error:
        raise Unavailable(f"{name} cannot be read: {error}. Rows that came so far stay.") from error


@contextmanager
def _connected(address: str) -> "Iterator[pymysql.Connection[SSCursor]]":
    parts = urlsplit(address)
    database = parts.path.strip("/")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not database or unknown_in(options):
        raise BadRequest(
            f"{_plain(address)} should read mysql://user@host:3306/database, behind it ?ssl_ca=FILE or "
            "?unix_socket=PATH if need be."
        )
    try:
        port = parts.port or _PORT
    except ValueError as error:
        raise BadRequest(f"{_plain(address)}: {error}.") from error
    connection = pymysql.connect(
        host=parts.hostname or "localhost",
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password) if parts.password else os.environ.get(PASSWORD_VARIABLE, ""),
        database=unquote(database),
        unix_socket=options.get("unix_socket"),
        ssl_ca=options.get("ssl_ca"),
        ssl_verify_identity="ssl_ca" in options,
        charset="utf8mb4",
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        conv=_AS_TEXT,
        cursorclass=SSCursor,
        autocommit=False,
    )
    try:
        yield connection
    finally:
        connection.close()


def unknown_in(options: dict[str, str]) -> set[str]:
    """Return which of an address's options are not known."""
    return set(options) - _PARAMETERS


def _table(connection: "pymysql.Connection[SSCursor]", address: str, how: ColumnMapping) -> Source:
    for statement in _SESSION:
        _ask(connection, statement)
    table = _quoted(how.table)
    there = [row[0] for row in _ask(connection, f"SHOW COLUMNS FROM {table}")]
    columns = mapping.found([str(each) for each in there], how, f"{_plain(address)}, table {how.table},")
    total = int(_ask(connection, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - quoted
    wanted = ", ".join(map(_quoted, columns.values()))
    order = f" ORDER BY {_quoted(columns['id'])}" if "id" in columns else ""
    return Source(
        f"{_plain(address)}, table {how.table}",
        total,
        _rows(connection, f"SELECT {wanted} FROM {table}{order}", list(columns)),  # noqa: S608 - quoted
    )


def _ask(connection: "pymysql.Connection[SSCursor]", statement: str) -> Sequence[Sequence[str]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [[_text(cell) or "" for cell in row] for row in cursor.fetchall()]


def _rows(connection: "pymysql.Connection[SSCursor]", statement: str, names: Sequence[str]) -> Generator[Raw]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        for number, row in enumerate(cursor, 1):
            yield Raw(number, dict(zip(names, map(_text, row), strict=True)))


def _text(cell: object) -> str | None:
    if cell is None:
        return None
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _plain(address: str) -> str:
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


@contextmanager
def _file(path: Path) -> Iterator[Iterator[str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # what Windows writes in Turkey
        text = content.decode("cp1254", "replace")
    yield iter(text.splitlines(keepends=True))


def _csv(path: Path, lines: Iterator[str], how: ColumnMapping) -> Source:
    head = next(lines, "")
    if not head.strip():
        raise BadRequest(f"{path} is empty; its first line should name the columns.")
    delimiter = max(",;\t|", key=head.count)
    names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter))]
    columns = mapping.found(names, how, str(path))
    places = {name: names.index(column) for name, column in columns.items()}

    def rows() -> Generator[Raw]:
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    given = {name: cells[place] if place < len(cells) else None for name, place in places.items()}
                    yield Raw(
                        reader.line_num + 1, {name: None if cell == "NULL" else cell for name, cell in given.items()}
                    )
        except csv.Error as error:
            raise BadRequest(f"{path}, line {reader.line_num + 1}: {error}. Rows that came so far stay.") from error

    return Source(str(path), None, rows())

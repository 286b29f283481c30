"""Owns the comparison of a live database with the tables this code was written for, each difference by name.

Alembic says which revision a database is at; somebody's `ALTER TABLE` by hand leaves that as it is. So here the
catalogue itself is asked: tables, columns, their types, nullability and defaults, the values of enums, constraints and
indexes. Only tables of ours are looked at, and not the partitions of those; a plant of ten years has thousands.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Constraint, Enum, Index, MetaData, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import DefaultClause
from sqlalchemy.sql.base import _NoneName

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_COLUMNS = text("""
    SELECT class.relname AS table, attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS is_required,
           pg_get_expr(adbin, adrelid) AS default, attidentity <> '' AS is_identity, attgenerated <> '' AS is_generated
    FROM pg_class AS class
    JOIN pg_attribute AS attribute ON attrelid = class.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = class.oid AND adnum = attnum
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY(:tables)
""")
_ENUMS = text("""
    SELECT typname AS name, array_agg(enumlabel::text ORDER BY enumsortorder) AS values
    FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid
    WHERE typnamespace = current_schema()::regnamespace GROUP BY typname
""")
_NAMES = text("""
    SELECT conname AS name FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND convalidated
    UNION SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
    WHERE relnamespace = current_schema()::regnamespace AND indisvalid
""")
# what SQLAlchemy and PostgreSQL's catalogue write in two ways
_SPELLED = {"varchar": "character varying", "float": "double precision", "timestamp": "timestamp without time zone"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as this code needs it.

    Attributes:
        what: What is concerned: `machine.notes`, `enum machinestatus`.
        needed: As this code knows it.
        found: As it is in the database.
        is_harmless: It makes things slow, not wrong.
    """

    what: str
    needed: str
    found: str
    is_harmless: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.found}, {self.needed} expected"


def differences(connection: Connection, metadata: MetaData) -> list[Difference]:
    """Return how the database differs from the tables, by name; nothing when it does not."""
    columns: dict[str, dict[str, Any]] = {}
    for row in connection.execute(_COLUMNS, {"tables": list(metadata.tables)}):
        columns.setdefault(row.table, {})[row.name] = row
    enums = {row.name: list(row.values) for row in connection.execute(_ENUMS)}
    names = set(connection.scalars(_NAMES))
    return sorted(_all(metadata, columns, enums, names), key=str)


def _all(
    metadata: MetaData,
    columns: Mapping[str, Mapping[str, Any]],
    enums: Mapping[str, Sequence[str]],
    names: set[str],
) -> Iterator[Difference]:
    for table in metadata.tables.values():
        if table.name not in columns:
            yield Difference(f"table {table.name}", "a table", "missing")
            continue
        yield from _columns(table, columns[table.name])
        yield from _named(table, names)
    yield from _enums(metadata, enums)


def _columns(table: Table, found: Mapping[str, Any]) -> Iterator[Difference]:
    for column in table.columns:
        where = f"{table.name}.{column.name}"
        if column.name not in found:
            yield Difference(where, f"a column of type {_type(column)}", "missing")
            continue
        row = found[column.name]
        if row.type != _type(column):
            yield Difference(where, f"type {_type(column)}", f"type {row.type}")
        if row.is_required != (not column.nullable):
            yield Difference(
                where, *(("NOT NULL", "nullable") if row.is_required is False else ("nullable", "NOT NULL"))
            )
        if _default(column) != _found_default(row):
            yield Difference(where, f"default {_default(column)}", f"default {_found_default(row)}")
    for name, row in found.items():
        # a column that nobody knows hurts only where every new row must have it
        if name not in table.columns and row.is_required and row.default is None and not row.is_identity:
            yield Difference(f"{table.name}.{name}", "no such column", "a NOT NULL column without default")


def _named(table: Table, names: set[str]) -> Iterator[Difference]:
    parts: list[Constraint | Index] = [*table.constraints, *table.indexes]
    for part in parts:
        name = _name(part)
        if name is not None and name not in names:
            is_index = isinstance(part, Index)
            kind = "index" if is_index else "constraint"
            is_harmless = is_index and not getattr(part, "unique", False)
            yield Difference(f"{kind} {name} of {table.name}", f"a valid {kind}", "missing or not valid", is_harmless)


def _enums(metadata: MetaData, found: Mapping[str, Sequence[str]]) -> Iterator[Difference]:
    kinds = {column.type for table in metadata.tables.values() for column in table.columns}
    needed = {kind.name: list(kind.enums) for kind in kinds if isinstance(kind, Enum) and kind.name}
    for name, values in needed.items():
        if name not in found:
            yield Difference(f"enum {name}", f"a type of {', '.join(values)}", "missing")
        elif set(found[name]) != set(values):
            yield Difference(f"enum {name}", ", ".join(values), ", ".join(found[name]))


def _type(column: Column[Any]) -> str:
    written = column.type.compile(_DIALECT).lower()
    return _SPELLED.get(written, re.sub(r"^varchar\(", "character varying(", written))


def _default(column: Column[Any]) -> str | None:
    if column.identity is not None:
        return "identity"
    if column.computed is not None:
        return "computed"
    if not isinstance(column.server_default, DefaultClause):
        return None
    given = column.server_default.arg
    return _plain(given if isinstance(given, str) else str(given.compile(dialect=_DIALECT)))


def _found_default(row: Any) -> str | None:
    if row.is_identity:
        return "identity"
    if row.is_generated:
        return "computed"
    return None if row.default is None else _plain(row.default)


def _plain(expression: str) -> str:
    # 'active'::machinestatus and active are one, and so are ((x)::text)::bigint and (x::text)::bigint
    return re.sub(r"[()'\s]|::\w+( \w+)*(\[\])?", "", expression).lower()


def _name(part: Constraint | Index) -> str | None:
    if part.name is None or isinstance(part.name, _NoneName):
        return None
    preparer = _DIALECT.identifier_preparer
    written = preparer.format_index(part) if isinstance(part, Index) else preparer.format_constraint(part)
    return None if written is None else written.strip('"')

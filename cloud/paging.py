"""Owns keyset paging: where a page begins, as an opaque cursor, and the statement that reads it.

Keyset, because an offset reads and drops every row before it, and shows a row twice or never when
rows come in between. `skip` and `page` are there for the clients that know nothing else.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import Row, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped
from sqlalchemy.sql import ColumnElement

from cloud import db, messages
from cloud.errors import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
# beyond this an offset costs more than the page; the cursor has no such limit
MAX_SKIP = 100_000


T = TypeVar("T")

Key = ColumnElement[Any] | Mapped[Any]


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list is asked for."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    skip: int = 0
    with_total: bool = False


async def _paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows of a page")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")] = None,
    skip: Annotated[int, Query(ge=0, le=MAX_SKIP, description="Rows to leave out; a cursor is better")] = 0,
    page: Annotated[int | None, Query(ge=1, le=MAX_SKIP, description="Counted from 1, of page_size rows")] = None,
    page_size: Annotated[int | None, Query(ge=1, le=MAX_LIMIT, description="The same as limit, for page")] = None,
    with_total: Annotated[bool, Query(description="Count the whole list too")] = False,
) -> Paging:
    limit = page_size or limit
    if page is not None:
        skip = min((page - 1) * limit, MAX_SKIP)
    return Paging(limit, cursor, 0 if cursor else skip, with_total)


PageQuery = Annotated[Paging, Depends(_paging)]


class Page(BaseModel, Generic[T]):
    """A piece of a list, as a service answers it, and where the next one begins."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one page, and where the next one begins."""

    rows: Sequence[Row[*tuple[Any, ...]]]
    next_cursor: str | None
    total: int | None


async def read(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[Key],
    paging: Paging,
    *,
    descending: bool = False,
    columns_only: bool = False,
) -> Rows:
    """Read one page of a statement.

    Args:
        session: The request's.
        statement: What to read, filtered but neither ordered nor limited.
        keys: Not-null columns that order the rows and together are unique; each must be selected.
        paging: Which page.
        descending: Last first, in every key.
        columns_only: The statement selects columns, no objects: that is read faster.

    Raises:
        Invalid: The cursor is not one of this list.
    """
    total = await session.scalar(select(func.count()).select_from(statement.subquery())) if paging.with_total else None
    if paging.cursor is not None:
        row = tuple_(*keys)
        values = decode(paging.cursor, [key.type.python_type for key in row.clauses])
        # each of its column's type: PostgreSQL compares no enum with a text
        place = tuple_(*(literal(value, key.type) for value, key in zip(values, row.clauses, strict=True)))
        statement = statement.where(row < place if descending else row > place)
    named = statement.add_columns(*(key.label(f"_key_{index}") for index, key in enumerate(keys)))
    ordered = named.order_by(*(key.desc() if descending else key.asc() for key in keys))
    cut = ordered.limit(paging.limit + 1).offset(paging.skip or None)
    rows = await db.rows(session, cut) if columns_only else (await session.execute(cut)).all()
    if len(rows) <= paging.limit:
        return Rows(rows, None, total)
    rows = rows[: paging.limit]
    return Rows(rows, encode(rows[-1][-len(keys) :]), total)


def encode(place: Sequence[Any]) -> str:
    """Return the cursor of a row's key values."""
    return base64.urlsafe_b64encode(orjson.dumps(list(place), default=str)).decode().rstrip("=")


def decode(cursor: str, kinds: Sequence[Any]) -> list[Any]:
    """Return the key values a cursor stands for, each of its kind: a type, or one with limits of pydantic's.

    Raises:
        Invalid: It is not a cursor, or not one of a list with keys of these types.
    """
    try:
        values = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        # strict: a cursor of another list has another number of values
        return [TypeAdapter(kind).validate_python(value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, binascii.Error, ValidationError) as error:
        raise Invalid(messages.CURSOR_INVALID) from error

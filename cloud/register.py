"""Owns what the registers of an organization share: rows that people know by a key of their own, kept under it.

Operators (`emp_id`), jobs (`job_number`) and parts (`part_number`) come from elsewhere, under a key that is printed on
badges and drawings. So the key is the row's, it never changes, and what refers to a row refers to that.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import psycopg
from pydantic import BaseModel
from sqlalchemy import Enum, Select, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement, func
from sqlmodel import col

from cloud import changes, paging
from cloud.changes import Actor, Change, ChangeKind, Entity
from cloud.db import Table
from cloud.errors import Conflict, NotFound
from cloud.languages import Message
from cloud.paging import Page, Paging
from cloud.preconditions import WHICHEVER, Seen

Shown = TypeVar("Shown", bound=BaseModel)


class Given(Protocol):
    """What is said of a row: all of it, or what a patch names."""

    def values(self) -> Mapping[str, Any]:
        """Return the row's values."""
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """What a register says of its rows; each sentence names `key`."""

    not_found: Message
    taken: Message
    in_use: Message


class Register(Generic[Shown]):
    """One register: a table whose primary key is (organization, key)."""

    def __init__(self, model: type[Table], key: str, shown: type[Shown], entity: Entity, words: Words) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            model: Whose table.
            key: Its column that people know a row by.
            shown: How a row is shown; its members are columns.
            entity: What a row is, in the record of changes.
            words: What is said of a row.
        """
        self._model = model
        self._key = key
        self._shown = shown
        self._entity = entity
        self._words = words
        self._names = tuple(shown.model_fields)

    def column(self, name: str) -> Any:
        """Return one of the table's columns."""
        return col(getattr(self._model, name))

    async def page(
        self,
        session: AsyncSession,
        organization_id: uuid.UUID,
        page: Paging,
        conditions: Sequence[ColumnElement[bool]] = (),
        sort: str | None = None,
    ) -> Page[Shown]:
        """Return a page of the organization's rows, by key or as `sort` says; with a minus, last first."""
        name = (sort or self._key).removeprefix("-")
        keys = [self.column(self._key)] if name == self._key else [self.column(name), self.column(self._key)]
        statement = self._of(organization_id).where(*conditions)
        descending = (sort or "").startswith("-")
        found = await paging.read(session, statement, keys, page, descending=descending, columns_only=True)
        items = [self._shown.model_validate(dict(zip(self._names, row, strict=False))) for row in found.rows]
        return Page(items=items, next_cursor=found.next_cursor, total=found.total)

    async def one(self, session: AsyncSession, organization_id: uuid.UUID, key: str) -> Shown:
        """Return a row.

        Raises:
            NotFound: There is none, or it is another organization's: the same answer.
        """
        statement = self._of(organization_id).where(self.column(self._key) == key)
        found = (await session.execute(statement)).one_or_none()
        if found is None:
            raise NotFound(self._words.not_found, key=key)
        return self._shown.model_validate(found)

    async def known(self, session: AsyncSession, organization_id: uuid.UUID, keys: Collection[str]) -> set[str]:
        """Return which of these keys there are."""
        mine = col(self._model.organization_id) == organization_id  # type: ignore[attr-defined]
        key = self.column(self._key)
        return set(await session.scalars(select(key).where(mine, key == func.any(list(keys)))))

    async def create(self, session: AsyncSession, actor: Actor, given: Given) -> Shown:
        """Add a row.

        Raises:
            Conflict: There is one with this key.
        """
        values = dict(given.values())
        row = self._model(organization_id=actor.organization_id, **values)
        session.add(row)
        try:
            async with session.begin_nested():
                await session.flush()
        except IntegrityError as error:
            if isinstance(error.orig, psycopg.errors.UniqueViolation):
                raise Conflict(self._words.taken, key=values[self._key]) from error
            raise
        await session.refresh(row)
        shown = self._shown.model_validate(row, from_attributes=True)
        await changes.record(session, actor, self._entity, values[self._key], ChangeKind.CREATED, after=shown)
        return shown

    async def change(
        self, session: AsyncSession, actor: Actor, key: str, given: Given, seen: Seen = WHICHEVER
    ) -> Shown:
        """Change what is known of a row.

        Raises:
            NotFound: There is none.
            PreconditionFailed: It is not as the caller saw it.
        """
        row = await self._locked(session, actor.organization_id, key)
        before = self._shown.model_validate(row, from_attributes=True)
        seen.require(before)
        for name, value in given.values().items():
            if getattr(row, name) != value:
                setattr(row, name, value)
        if not session.is_modified(row):
            return before
        await session.flush()
        await session.refresh(row)
        after = self._shown.model_validate(row, from_attributes=True)
        await changes.record(session, actor, self._entity, key, ChangeKind.UPDATED, before=before, after=after)
        return after

    async def delete(self, session: AsyncSession, actor: Actor, key: str, seen: Seen = WHICHEVER) -> None:
        """Forget a row that nothing refers to.

        Raises:
            NotFound: There is none.
            PreconditionFailed: It is not as the caller saw it.
            Conflict: Something refers to it.
        """
        row = await self._locked(session, actor.organization_id, key)
        before = self._shown.model_validate(row, from_attributes=True)
        seen.require(before)
        try:
            async with session.begin_nested():
                await session.delete(row)
                await session.flush()
        except IntegrityError as error:
            raise Conflict(self._words.in_use, key=key) from error
        await changes.record(session, actor, self._entity, key, ChangeKind.DELETED, before=before)

    async def ensure(self, session: AsyncSession, actor: Actor, rows: Sequence[Mapping[str, Any]]) -> set[str]:
        """Add those of some rows whose keys there are not yet; return the keys that were added."""
        if not rows:
            return set()
        table: Any = self._model.__table__  # type: ignore[attr-defined]
        owned = [{"organization_id": actor.organization_id, **row} for row in rows]
        added = insert(table).values(owned).on_conflict_do_nothing().returning(table.c[self._key])
        keys = set(await session.scalars(added))
        made = [
            Change(self._entity, row[self._key], ChangeKind.CREATED, after=row)
            for row in rows
            if row[self._key] in keys
        ]
        await changes.record_all(session, actor, made)
        return keys

    def _of(self, organization_id: uuid.UUID) -> Select[Any]:
        mine = col(self._model.organization_id) == organization_id  # type: ignore[attr-defined]
        return select(*(self.column(name) for name in self._names)).where(mine)

    async def _locked(self, session: AsyncSession, organization_id: uuid.UUID, key: str) -> Any:
        mine = col(self._model.organization_id) == organization_id  # type: ignore[attr-defined]
        locked = select(self._model).where(mine, self.column(self._key) == key).with_for_update()
        row = (await session.scalars(locked, execution_options={"populate_existing": True})).one_or_none()
        if row is None:
            raise NotFound(self._words.not_found, key=key)
        return row


def closed(kind: type[StrEnum], name: str) -> Enum:
    """Return the column type of a closed set."""
    return Enum(kind, name=name, values_callable=lambda kinds: [each.value for each in kinds])


def folded(words: Any) -> ColumnElement[Any]:
    """Return a text as searchers mean it: in any case, and i, ı, İ and I one letter."""
    return func.search_fold(words)


def holds_words(text: str | None, columns: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Return the conditions that each word of a text stands somewhere in these columns."""
    return [
        or_(*(func.strpos(folded(col(column)), folded(word)) > 0 for column in columns))
        for word in (text or "").split()
    ]

"""Owns bringing many rows into a table that have ids already: which of those are free, and the rows by COPY.

Whoever does so takes the table's lock first. Readers go on; who would write waits, and draws an id afterwards that
`settle` has put beyond all that were brought.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from psycopg import sql
from sqlalchemy import Table as SqlTable
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import changes
from cloud.changes import Actor, Change, ChangeKind, Entity
from cloud.db import Table, driver_connection

# half of what an integer can say: a kept id must leave its table room to grow
HIGHEST_KEPT = 2**30
# a message of some hundred kilobytes
AT_ONCE = 2_000


class Numbered(Protocol):
    """A dataclass of a table's columns, its id among them."""

    @property
    def id(self) -> int:
        """Return the row's id."""
        ...


Row = TypeVar("Row", bound=Numbered)


class Entrance(Generic[Row]):
    """The way into one table for rows that come from elsewhere."""

    def __init__(
        self, model: type[Table], entity: Entity, kind: type[Row], *, secret: frozenset[str] = frozenset()
    ) -> None:
        """Prepare it; nothing is asked yet.

        Args:
            model: Whose table.
            entity: What its rows are, in the record of changes.
            kind: A dataclass of the columns that rows come with; the organization is the actor's.
            secret: Columns that the record of changes must not hold.
        """
        self._table: SqlTable = model.__table__  # type: ignore[attr-defined]
        self._entity = entity
        self._names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        self._secret = secret
        self._owned = "organization_id" in self._table.columns

    async def lock(self, session: AsyncSession) -> None:
        """Let nobody else write the table until the transaction ends."""
        await session.execute(text(f"LOCK TABLE {self._table.name} IN SHARE ROW EXCLUSIVE MODE"))

    async def ids(self, session: AsyncSession, wanted: Sequence[int | None]) -> list[int]:
        """Return an id for each row, in order: the wanted one where it is free, else a new one.

        Args:
            session: Under the lock.
            wanted: None for a row that has no id that could be kept. One above 2^30 is not kept.
        """
        asked = {each for each in wanted if each is not None and 1 <= each <= HIGHEST_KEPT}
        key = self._table.c.id
        taken = set(await session.scalars(select(key).where(key == func.any(sorted(asked)))))
        free = asked - taken
        next_id = max([await self._last(session), *free], default=0) + 1
        given = []
        for each in wanted:
            if each in free:
                free.remove(each)
                given.append(each)
            else:
                given.append(next_id)
                next_id += 1
        return given

    async def put(self, session: AsyncSession, actor: Actor, rows: Sequence[Row]) -> None:
        """Store rows under the ids they have, and write down that they were created."""
        owner = [actor.organization_id] if self._owned else []
        columns = self._names + ["organization_id"] * self._owned
        shown = [asdict(row) for row in rows]  # type: ignore[call-overload]
        await copy(session, self._table.name, columns, ([*row.values(), *owner] for row in shown))
        made = [
            Change(
                self._entity,
                row["id"],
                ChangeKind.CREATED,
                after={name: value for name, value in row.items() if name not in self._secret},
            )
            for row in shown
        ]
        await changes.record_all(session, actor, made)

    async def present(self, session: AsyncSession, ids: Iterable[int]) -> int:
        """Return how many of these rows are there."""
        key = self._table.c.id
        counted = select(func.count()).select_from(self._table).where(key == func.any(sorted(ids)))
        return await session.scalar(counted) or 0

    async def settle(self, session: AsyncSession) -> None:
        """Let the next id be beyond all that are there. No transaction takes this back; it leaves a gap at most."""
        await session.execute(text(f"SELECT setval('{await self._sequence(session)}', {await self._last(session)})"))

    async def _last(self, session: AsyncSession) -> int:
        sequence = await self._sequence(session)
        last = text(f"SELECT greatest(last_value, (SELECT max(id) FROM {self._table.name})) FROM {sequence}")  # noqa: S608 - names of our own
        return await session.scalar(last) or 0

    async def _sequence(self, session: AsyncSession) -> str:
        named = func.pg_get_serial_sequence(self._table.name, "id")
        return str(await session.scalar(select(named)))


async def copy(session: AsyncSession, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Store rows by COPY, in the session's transaction."""
    connection = await driver_connection(session)
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    async with connection.cursor() as cursor, cursor.copy(into) as stream:
        for row in rows:
            # psycopg says an enum by its name, the database knows its value
            await stream.write_row([each.value if isinstance(each, Enum) else each for each in row])

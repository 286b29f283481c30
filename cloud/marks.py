"""Owns the marks by which what is derived follows what changed: which machine, from when to when.

Whoever changes something that states, counts or figures come from - a reading, a statement of an operator, an order
that starts, a shift pattern - leaves a mark in the same transaction:

    await marks.put(session, machine_id, from_at, to_at)

and in the background everything in that range is derived anew from all that is known then (`analytics.deriving`). A
mark is only ever inserted by who changes, and deleted by who derives, so nobody waits for anybody; and since deriving
depends on what is known and not on what was marked, marks may come twice, late, or in any order.

Who changes how fast a part can be made does not know where it was made, for that is told further up. He marks the part
or the order (`put_part`, `put_order`), and what that touches is found in the background (`production.pace`).
"""

import uuid
from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    Text,
    Uuid,
    delete,
    false,
    func,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field

from cloud.db import Table

_PUT = text("""
    INSERT INTO mark (machine_id, from_at, to_at, figures_only)
    SELECT machine_id, :from_at, :to_at, :figures_only FROM unnest(CAST(:machines AS uuid[])) AS machine_id
""")

_PUT_EVERYBODY = text("""
    INSERT INTO mark (machine_id, from_at, to_at, figures_only)
    SELECT id, '1970-01-01T00:00Z', :to_at, true FROM machine WHERE organization_id = :whose
""")


class Mark(Table, table=True):
    """That something changed of a machine, from `from_at` until just before `to_at`."""

    __tablename__ = "mark"
    # no foreign key: it is inserted beside a batch's rows, and means nothing for a machine that is gone
    __table_args__ = (Index(None, "machine_id", "from_at"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, nullable=False))
    from_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    to_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    put_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    # what it did and counted stays; only what that amounts to is another
    figures_only: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


class PaceMark(Table, table=True):
    """That a part can be made faster or slower than was known, or that an order makes another part."""

    __tablename__ = "pace_mark"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, nullable=False))
    # one of these two
    part_number: str | None = Field(default=None, sa_type=Text)
    work_order_id: int | None = Field(default=None, sa_type=Integer)
    # the organization's day; null: ever since
    since_on: date | None = Field(default=None, sa_column=Column(Date))
    # both null: wherever it is made
    machine_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid))
    machine_type: str | None = Field(default=None, sa_type=Text)
    put_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


async def put(
    session: AsyncSession, machine_id: uuid.UUID, from_at: datetime, to_at: datetime, *, figures_only: bool = False
) -> None:
    """Leave a mark; an empty range leaves none."""
    await put_all(session, [machine_id], from_at, to_at, figures_only=figures_only)


async def put_all(
    session: AsyncSession,
    machine_ids: Collection[uuid.UUID],
    from_at: datetime,
    to_at: datetime,
    *,
    figures_only: bool = False,
) -> None:
    """Leave a mark of each machine; an empty range leaves none.

    Args:
        session: Whose transaction changes something.
        machine_ids: Of which machines.
        from_at: From when on.
        to_at: Until when; of the future only what has come is derived.
        figures_only: Neither states nor counts can come out otherwise, only what they amount to.
    """
    if from_at < to_at and machine_ids:
        told = {"machines": list(machine_ids), "from_at": from_at, "to_at": to_at, "figures_only": figures_only}
        await session.execute(_PUT, told)


async def put_everybody(session: AsyncSession, organization_id: uuid.UUID, to_at: datetime) -> None:
    """Leave a mark of all of an organization's machines, since ever: its clock is another, and so are its days."""
    await session.execute(_PUT_EVERYBODY, {"whose": organization_id, "to_at": to_at})


async def put_part(
    session: AsyncSession,
    organization_id: uuid.UUID,
    part_number: str,
    since_on: date | None = None,
    machine_id: uuid.UUID | None = None,
    machine_type: str | None = None,
) -> None:
    """Leave a mark of a part whose ideal cycle is another, in the transaction that changes it."""
    row = PaceMark(
        organization_id=organization_id,
        part_number=part_number,
        since_on=since_on,
        machine_id=machine_id,
        machine_type=machine_type,
    )
    session.add(row)
    await session.flush()


async def put_order(session: AsyncSession, organization_id: uuid.UUID, work_order_id: int) -> None:
    """Leave a mark of an order that makes another part, in the transaction that changes it."""
    session.add(PaceMark(organization_id=organization_id, work_order_id=work_order_id))
    await session.flush()


async def take_paces(session: AsyncSession) -> list[PaceMark]:
    """Take the marks of parts and orders away, to put those of the machines that made them in their place."""
    taken = await session.scalars(delete(PaceMark).returning(PaceMark))
    return list(taken)

"""Owns the marks by which what is derived follows what changed: which machine, from when to when.

Whoever changes something that states, counts or figures come from - a reading, a statement of an operator, an order
that starts, a shift pattern - leaves a mark in the same transaction:

    await marks.put(session, machine_id, from_at, to_at)

and in the background everything in that range is derived anew from all that is known then (`analytics.deriving`). A
mark is only ever inserted by who changes, and deleted by who derives, so nobody waits for anybody; and since deriving
depends on what is known and not on what was marked, marks may come twice, late, or in any order.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Uuid, false, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field

from cloud.db import Table

_PUT = text("""
    INSERT INTO mark (machine_id, from_at, to_at, figures_only)
    SELECT machine_id, :from_at, :to_at, :figures_only FROM unnest(CAST(:machines AS uuid[])) AS machine_id
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

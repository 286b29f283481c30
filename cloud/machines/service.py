"""Owns what can be done with machines. Nobody ever learns of another organization's."""

import uuid
from collections.abc import Collection
from contextlib import suppress

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import paging
from cloud.errors import Conflict, NotFound
from cloud.machines import messages
from cloud.machines.models import Machine
from cloud.machines.schemas import MachineIn, MachineOut, MachineStatus
from cloud.paging import Page


async def machines(
    session: AsyncSession, organization_id: uuid.UUID, wanted: paging.Paging, status: MachineStatus | None = None
) -> Page[MachineOut]:
    """Return a page of an organization's machines, by code."""
    statement = select(Machine).where(col(Machine.organization_id) == organization_id)
    if status is not None:
        statement = statement.where(col(Machine.status) == status)
    found = await paging.read(session, statement, [col(Machine.code)], wanted)
    return Page(
        items=[MachineOut.model_validate(row[0]) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
    )


async def resolve(session: AsyncSession, organization_id: uuid.UUID, id_or_code: str) -> MachineOut:
    """Return a machine by its UUID or its code.

    Raises:
        NotFound: There is none, or it is another organization's: the same answer.
    """
    names = [col(Machine.code) == id_or_code]
    with suppress(ValueError):  # a code then
        names.append(col(Machine.id) == uuid.UUID(id_or_code))
    statement = select(Machine).where(col(Machine.organization_id) == organization_id, or_(*names))
    found = (await session.scalars(statement.limit(1))).one_or_none()
    if found is None:
        raise NotFound(messages.NOT_FOUND, machine=id_or_code)
    return MachineOut.model_validate(found)


async def by_codes(session: AsyncSession, organization_id: uuid.UUID, codes: Collection[str]) -> dict[str, uuid.UUID]:
    """Return the ids of an organization's machines with these codes; a code nobody has is left out."""
    statement = select(col(Machine.code), col(Machine.id)).where(
        col(Machine.organization_id) == organization_id, col(Machine.code).in_(codes)
    )
    return {row.code: row.id for row in await session.execute(statement)}


async def create(session: AsyncSession, organization_id: uuid.UUID, given: MachineIn) -> MachineOut:
    """Register a machine.

    Raises:
        Conflict: The organization has one with this code.
    """
    statement = (
        insert(Machine)
        .values(organization_id=organization_id, **given.model_dump())
        .on_conflict_do_nothing(index_elements=["organization_id", "code"])
        .returning(Machine)
    )
    created = (await session.execute(statement)).scalar_one_or_none()
    if created is None:
        raise Conflict(messages.CODE_TAKEN, machine=given.code)
    return MachineOut.model_validate(created)

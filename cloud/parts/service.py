"""Owns what can be done with parts and their ideal cycles."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import delete as sql_delete
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, marks, paging
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Conflict, NotFound
from cloud.identity.schemas import Caller
from cloud.machines import service as machines
from cloud.paging import Page, Paging
from cloud.parts import messages, rules
from cloud.parts.models import IdealCycle, PartRow
from cloud.parts.rules import Standard
from cloud.parts.schemas import IdealCycleIn, IdealCycleOut, PartIn, PartOut, PartPatch, PartReplacement, PartSort
from cloud.preconditions import WHICHEVER, Seen
from cloud.register import Register, Words, folded, holds_words
from cloud.values import Source
from cloud.versions import version_of

_WORDS = Words(messages.NOT_FOUND, messages.TAKEN, messages.IN_USE)
_PARTS = Register(PartRow, "part_number", PartOut, Entity.PART, _WORDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which parts of a list are wanted, and in which order; None wants all."""

    material_type: str | None = None
    text: str | None = None
    sort: PartSort = "part_number"


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a part can be made."""

    standard_cycle_s: float | None
    standards: list[Standard] = field(default_factory=list)

    def ideal_cycle_s(self, day: date, machine_id: uuid.UUID, machine_type: str | None) -> float | None:
        """Return how many seconds a piece takes at best on a machine at a day; None where nobody told."""
        return rules.ideal_cycle_s(self.standards, day, machine_id, machine_type, self.standard_cycle_s)


async def parts(session: AsyncSession, caller: Caller, page: Paging, wanted: Wanted) -> Page[PartOut]:
    """Return a page of the organization's parts."""
    conditions = holds_words(wanted.text, (PartRow.part_number, PartRow.part_name, PartRow.material_type))
    if wanted.material_type is not None:
        conditions.append(folded(PartRow.material_type) == folded(wanted.material_type))
    return await _PARTS.page(session, caller.organization_id, page, conditions, wanted.sort)


async def part(session: AsyncSession, organization_id: uuid.UUID, part_number: str) -> PartOut:
    """Return one part.

    Raises:
        NotFound: There is none.
    """
    return await _PARTS.one(session, organization_id, part_number)


async def create(session: AsyncSession, actor: Actor, given: PartIn) -> PartOut:
    """Add a part.

    Raises:
        Conflict: The number is taken.
    """
    made = await _PARTS.create(session, actor, given)
    if made.standard_cycle_time is not None:
        # orders may have named it before it was known
        await marks.put_part(session, actor.organization_id, made.part_number)
    return made


async def change(
    session: AsyncSession, actor: Actor, part_number: str, given: PartReplacement | PartPatch, seen: Seen = WHICHEVER
) -> PartOut:
    """Change what is known of a part.

    Raises:
        NotFound: There is none.
        PreconditionFailed: It is not as the caller saw it.
    """
    before = await _PARTS.one(session, actor.organization_id, part_number)
    after = await _PARTS.change(session, actor, part_number, given, seen)
    if before.standard_cycle_time != after.standard_cycle_time:
        await marks.put_part(session, actor.organization_id, part_number)
    return after


async def delete(session: AsyncSession, actor: Actor, part_number: str, seen: Seen = WHICHEVER) -> None:
    """Forget a part that has neither job logs nor ideal cycles.

    Raises:
        NotFound: There is none.
        Conflict: It has some.
    """
    await _PARTS.delete(session, actor, part_number, seen)
    await marks.put_part(session, actor.organization_id, part_number)


async def ensure(session: AsyncSession, actor: Actor, numbers: Collection[str]) -> set[str]:
    """Add those parts that are not there yet, as imported; return which were added."""
    rows = [{"part_number": number, "source": Source.IMPORT.value} for number in numbers]
    return await _PARTS.ensure(session, actor, rows)


async def cycles(session: AsyncSession, caller: Caller, part_number: str, page: Paging) -> Page[IdealCycleOut]:
    """Return a page of a part's ideal cycles, in the order in which they were said.

    Raises:
        NotFound: There is no such part.
    """
    await _PARTS.one(session, caller.organization_id, part_number)
    statement = select(IdealCycle).where(
        col(IdealCycle.organization_id) == caller.organization_id, col(IdealCycle.part_number) == part_number
    )
    found = await paging.read(session, statement, [col(IdealCycle.id)], page)
    items = [IdealCycleOut.model_validate(row[0]) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def add_cycle(session: AsyncSession, actor: Actor, part_number: str, given: IdealCycleIn) -> IdealCycleOut:
    """Say how fast a part can be made somewhere, from a day on.

    Raises:
        NotFound: There is no such part or machine.
        Conflict: It was said already for that place and day.
    """
    await _PARTS.one(session, actor.organization_id, part_number)
    machine = await machines.resolve(session, actor.organization_id, given.machine) if given.machine else None
    row = IdealCycle(
        organization_id=actor.organization_id,
        part_number=part_number,
        machine_id=machine.id if machine is not None else None,
        machine_type=given.machine_type,
        ideal_cycle_s=given.ideal_cycle_s,
        valid_from=given.valid_from,
    )
    session.add(row)
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as error:
        raise Conflict(messages.CYCLE_TAKEN, key=part_number, valid_from=str(given.valid_from)) from error
    await session.refresh(row)
    shown = IdealCycleOut.model_validate(row)
    await changes.record(session, actor, Entity.IDEAL_CYCLE, shown.id, ChangeKind.CREATED, after=shown)
    await _mark(session, actor, row)
    return shown


async def delete_cycle(session: AsyncSession, actor: Actor, part_number: str, cycle_id: int) -> None:
    """Take an ideal cycle back.

    Raises:
        NotFound: There is none, of that part.
    """
    gone = (
        sql_delete(IdealCycle)
        .where(
            col(IdealCycle.organization_id) == actor.organization_id,
            col(IdealCycle.part_number) == part_number,
            col(IdealCycle.id) == cycle_id,
        )
        .returning(IdealCycle)
    )
    row = (await session.scalars(gone)).one_or_none()
    if row is None:
        raise NotFound(messages.CYCLE_NOT_FOUND, key=part_number, cycle=cycle_id)
    before = IdealCycleOut.model_validate(row)
    await changes.record(session, actor, Entity.IDEAL_CYCLE, cycle_id, ChangeKind.DELETED, before=before)
    await _mark(session, actor, row)


async def fingerprint(session: AsyncSession, organization_id: uuid.UUID) -> str:
    """Return what changes whenever any of an organization's parts or ideal cycles does."""
    tables = (PartRow.__tablename__, IdealCycle.__tablename__)
    return "-".join([await version_of(session, table, organization_id) for table in tables])


async def speeds(session: AsyncSession, organization_id: uuid.UUID, part_numbers: Collection[str]) -> dict[str, Speed]:
    """Return how fast these parts can be made; a part that is not there is left out."""
    mine = select(col(PartRow.part_number), col(PartRow.standard_cycle_time)).where(
        col(PartRow.organization_id) == organization_id, col(PartRow.part_number).in_(part_numbers)
    )
    found = {row.part_number: Speed(row.standard_cycle_time) for row in await session.execute(mine)}
    standards = select(IdealCycle).where(
        col(IdealCycle.organization_id) == organization_id, col(IdealCycle.part_number).in_(list(found))
    )
    for row in await session.scalars(standards):
        standard = Standard(row.ideal_cycle_s, row.valid_from, row.machine_id, row.machine_type)
        found[row.part_number].standards.append(standard)
    return found


async def _mark(session: AsyncSession, actor: Actor, row: IdealCycle) -> None:
    where = row.machine_id, row.machine_type
    await marks.put_part(session, actor.organization_id, row.part_number, row.valid_from, *where)

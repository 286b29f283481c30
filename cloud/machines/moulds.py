"""Owns telling, listing and taking back how many cavities a machine's mould had from a moment on."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, marks, paging
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Conflict, Invalid, NotFound
from cloud.identity.schemas import Caller
from cloud.machines import cavities, messages, service
from cloud.machines.models import CavityRow, Machine
from cloud.machines.schemas import CavitiesIn, CavitiesOut, MachineOut
from cloud.paging import Page, Paging

# a client's clock may be ahead a little
_AHEAD = timedelta(minutes=5)


async def cavities_of(session: AsyncSession, caller: Caller, id_or_code: str, page: Paging) -> Page[CavitiesOut]:
    """Return a page of what was told of a machine's cavities, the earliest first.

    Raises:
        NotFound: There is no such machine.
    """
    machine = await service.resolve(session, caller.organization_id, id_or_code)
    statement = select(CavityRow).where(col(CavityRow.machine_id) == machine.id)
    found = await paging.read(session, statement, [col(CavityRow.valid_from), col(CavityRow.id)], page)
    items = [CavitiesOut.model_validate(row[0]) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def tell(
    session: AsyncSession, actor: Actor, id_or_code: str, given: CavitiesIn, now: datetime | None = None
) -> CavitiesOut:
    """Say how many cavities a machine's mould has, or had, from a moment until the next that was told.

    Raises:
        NotFound: There is no such machine.
        Invalid: The moment has not come.
        Conflict: Something was told of that moment already.
    """
    now = now or datetime.now(UTC)
    since = given.valid_from or now
    if since > now + _AHEAD:
        raise Invalid(messages.CAVITIES_TO_COME, valid_from=since)
    machine = await _locked(session, actor, id_or_code)
    row = CavityRow(machine_id=machine.id, active_cavities=given.active_cavities, valid_from=since)
    session.add(row)
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as error:
        raise Conflict(messages.CAVITIES_TAKEN, machine=machine.code, valid_from=since) from error
    await session.refresh(row)
    shown = CavitiesOut.model_validate(row)
    await changes.record(session, actor, Entity.CAVITIES, shown.id, ChangeKind.CREATED, after=shown)
    await _follow(session, actor, machine, since, now)
    return shown


async def take_back(
    session: AsyncSession, actor: Actor, id_or_code: str, told_id: int, now: datetime | None = None
) -> None:
    """Take back what was told: what was in force before goes on.

    Raises:
        NotFound: There is no such machine, or nothing of that id was told of it.
    """
    machine = await _locked(session, actor, id_or_code)
    gone = (
        sql_delete(CavityRow)
        .where(col(CavityRow.machine_id) == machine.id, col(CavityRow.id) == told_id)
        .returning(CavityRow)
    )
    row = (await session.scalars(gone)).one_or_none()
    if row is None:
        raise NotFound(messages.CAVITIES_NOT_FOUND, machine=machine.code, told=told_id)
    before = CavitiesOut.model_validate(row)
    await changes.record(session, actor, Entity.CAVITIES, told_id, ChangeKind.DELETED, before=before)
    await _follow(session, actor, machine, before.valid_from, now or datetime.now(UTC))


async def _locked(session: AsyncSession, actor: Actor, id_or_code: str) -> MachineOut:
    """Return a machine that nobody else changes until the end, so that two tellings come one after the other."""
    machine = await service.resolve(session, actor.organization_id, id_or_code)
    locked = select(Machine).where(col(Machine.id) == machine.id).with_for_update()
    row = (await session.scalars(locked, execution_options={"populate_existing": True})).one()
    return MachineOut.model_validate(row)


async def _follow(session: AsyncSession, actor: Actor, before: MachineOut, since: datetime, now: datetime) -> None:
    """Have what was counted in the time that it is told of counted anew, and the machine show what it has now."""
    known = await cavities.known(session, before.id)
    await marks.put(session, before.id, since, known.until(since, now))
    active = known.active[-1] if known.active else None
    if active == before.active_cavities:
        return
    changed = update(Machine).where(col(Machine.id) == before.id).values(active_cavities=active)
    await session.execute(changed.execution_options(synchronize_session=False))
    after = await service.resolve(session, actor.organization_id, str(before.id))
    await changes.record(session, actor, Entity.MACHINE, before.id, ChangeKind.UPDATED, before=before, after=after)

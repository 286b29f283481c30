"""Owns what can be done with machines. Nobody ever learns of another organization's."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import Text, Uuid, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement
from sqlmodel import col

from cloud import changes, db, marks, paging
from cloud.changes import Actor, Change, ChangeKind, Entity
from cloud.errors import CloudError, Conflict, Invalid, NotFound
from cloud.machines import cavities, messages
from cloud.machines.cavities import Cavities
from cloud.machines.models import Machine
from cloud.machines.schemas import MachineIn, MachineOut, MachinePatch, MachineSort, MachineStatus
from cloud.paging import Key, Page
from cloud.preconditions import WHICHEVER, Seen
from cloud.values import Source
from cloud.versions import version_of

# columns, not an object of each row: a list of fifty is asked for some hundred times a second
_NAMES = tuple(MachineOut.model_fields)
_SHOWN = [col(getattr(Machine, name)) for name in _NAMES]
_LIST = select(*_SHOWN)
# made once, for making it anew is a third of its price, and each prediction asks it
_NAMED = _LIST.where(
    col(Machine.organization_id) == bindparam("organization_id"),
    or_(
        col(Machine.code) == any_(bindparam("codes", type_=ARRAY(Text))),
        col(Machine.id) == any_(bindparam("ids", type_=ARRAY(Uuid))),
    ),
)
# what a machine's figures are computed with
_FIGURED = ("ideal_cycle_s", "microstop_threshold_s", "machine_type")
_SEARCHED = (Machine.code, Machine.name, Machine.machine_type, Machine.location, Machine.serial_number)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which machines of a list are wanted, and in which order; None wants all."""

    status: MachineStatus | None = None
    machine_type: str | None = None
    location: str | None = None
    customer_organization_id: uuid.UUID | None = None
    text: str | None = None
    sort: MachineSort = "code"


async def machines(
    session: AsyncSession, organization_id: uuid.UUID, page: paging.Paging, wanted: Wanted | None = None
) -> Page[MachineOut]:
    """Return a page of an organization's machines."""
    wanted = wanted or Wanted()
    statement = _LIST.where(col(Machine.organization_id) == organization_id, *_conditions(wanted))
    is_descending = wanted.sort.startswith("-")
    found = await paging.read(session, statement, _keys(wanted.sort), page, descending=is_descending, columns_only=True)
    return Page(
        # by a dictionary: asking the row for each name by itself takes longer, and a list is fifty of these
        items=[MachineOut.model_validate(dict(zip(_NAMES, row, strict=False))) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
    )


async def resolve(session: AsyncSession, organization_id: uuid.UUID, id_or_code: str) -> MachineOut:
    """Return a machine by its UUID or its code.

    Raises:
        NotFound: There is none, or it is another organization's: the same answer.
    """
    statement = select(*_SHOWN).where(*_is_named(organization_id, id_or_code))
    found = (await session.execute(statement.limit(1))).one_or_none()
    if found is None:
        raise NotFound(messages.NOT_FOUND, machine=id_or_code)
    return MachineOut.model_validate(found)


async def resolve_all(session: AsyncSession, organization_id: uuid.UUID, named: Sequence[str]) -> list[MachineOut]:
    """Return machines by their UUIDs or codes, in the order in which they are named; by one statement.

    Raises:
        NotFound: There is no such machine, or it is another organization's: names the first.
    """
    ids = [each for each in map(_as_id, named) if each is not None]
    asked = {"organization_id": organization_id, "codes": list(named), "ids": ids}
    by_name: dict[str | uuid.UUID, MachineOut] = {}
    for row in await db.rows(session, _NAMED, asked):
        machine = MachineOut.model_validate(dict(zip(_NAMES, row, strict=True)))
        by_name[machine.code] = by_name[machine.id] = machine
    found = []
    for name in named:
        one = by_name.get(name) or by_name.get(_as_id(name) or name)
        if one is None:
            raise NotFound(messages.NOT_FOUND, machine=name)
        found.append(one)
    return found


async def by_codes(session: AsyncSession, organization_id: uuid.UUID, codes: Collection[str]) -> dict[str, uuid.UUID]:
    """Return the ids of an organization's machines with these codes; a code nobody has is left out."""
    statement = select(col(Machine.code), col(Machine.id)).where(
        col(Machine.organization_id) == organization_id, col(Machine.code).in_(codes)
    )
    return {row.code: row.id for row in await session.execute(statement)}


async def codes(session: AsyncSession, organization_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the codes of an organization's machines with these ids; an id nobody has is left out."""
    statement = select(col(Machine.id), col(Machine.code)).where(
        col(Machine.organization_id) == organization_id, col(Machine.id).in_(ids)
    )
    return {row.id: row.code for row in await session.execute(statement)}


async def by_ids(
    session: AsyncSession, organization_id: uuid.UUID, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, MachineOut]:
    """Return an organization's machines with these ids; an id nobody has is left out."""
    statement = select(*_SHOWN).where(col(Machine.organization_id) == organization_id, col(Machine.id).in_(ids))
    return {row.id: MachineOut.model_validate(row) for row in await session.execute(statement)}


async def moulds(session: AsyncSession, machine_id: uuid.UUID) -> Cavities:
    """Return how many cavities a machine had, and when."""
    return await cavities.known(session, machine_id)


async def locations(session: AsyncSession, organization_id: uuid.UUID) -> dict[str, str | None]:
    """Return by code where each of an organization's machines stands."""
    statement = select(col(Machine.code), col(Machine.location)).where(col(Machine.organization_id) == organization_id)
    return {row.code: row.location for row in await session.execute(statement)}


async def fingerprint(session: AsyncSession, organization_id: uuid.UUID) -> str:
    """Return what changes whenever any of an organization's machines does."""
    return await version_of(session, Machine.__tablename__, organization_id)


async def ensure(session: AsyncSession, actor: Actor, wanted: Collection[str]) -> set[str]:
    """Register machines of these codes that are not there yet, as imported; return which it registered."""
    if not wanted:
        return set()
    rows = [
        {"organization_id": actor.organization_id, "code": code, "name": code, "source": Source.IMPORT.value}
        for code in wanted
    ]
    added = insert(Machine).values(rows).on_conflict_do_nothing().returning(col(Machine.id), col(Machine.code))
    made = {row.code: row.id for row in await session.execute(added)}
    new = [Change(Entity.MACHINE, made[code], ChangeKind.CREATED, after={"code": code}) for code in sorted(made)]
    await changes.record_all(session, actor, new)
    return set(made)


async def ids(session: AsyncSession, organization_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the ids of all of an organization's machines."""
    return list(await session.scalars(select(col(Machine.id)).where(col(Machine.organization_id) == organization_id)))


async def decommissioned(session: AsyncSession, organization_id: uuid.UUID) -> set[uuid.UUID]:
    """Return the ids of those of an organization's machines whose life is over."""
    over = col(Machine.organization_id) == organization_id, col(Machine.status) == MachineStatus.DECOMMISSIONED
    return set(await session.scalars(select(col(Machine.id)).where(*over)))


async def create(session: AsyncSession, actor: Actor, given: MachineIn) -> MachineOut:
    """Register a machine.

    Raises:
        Conflict: The organization has one with this code.
        Invalid: There is no such customer.
    """
    machine = Machine(organization_id=actor.organization_id, **given.values())
    session.add(machine)
    shown = await _written(session, machine)
    if shown.active_cavities is not None:
        await cavities.note(session, shown.id, shown.active_cavities, datetime.now(UTC))
    await changes.record(session, actor, Entity.MACHINE, shown.id, ChangeKind.CREATED, after=shown)
    return shown


async def change(
    session: AsyncSession, actor: Actor, id_or_code: str, given: MachineIn | MachinePatch, seen: Seen = WHICHEVER
) -> MachineOut:
    """Change what is known of a machine: all of it, or what a patch names.

    Raises:
        NotFound: The organization has no such machine.
        PreconditionFailed: It is not as the caller saw it.
        Conflict: Another machine has the code.
        Invalid: There is no such customer.
    """
    return await _change(session, actor, id_or_code, given.values(), seen)


async def decommission(session: AsyncSession, actor: Actor, id_or_code: str, seen: Seen = WHICHEVER) -> MachineOut:
    """End a machine's life: it and its past stay, and it takes no readings by hand any more. Again, it changes nothing.

    Raises:
        NotFound: The organization has no such machine.
        PreconditionFailed: It is not as the caller saw it.
    """
    return await _change(session, actor, id_or_code, {"status": MachineStatus.DECOMMISSIONED}, seen)


async def note_maintenance(
    session: AsyncSession, actor: Actor, machine_id: uuid.UUID, last: datetime | None, following: datetime | None
) -> MachineOut:
    """Keep when a machine was maintained last, and when it falls due next.

    Raises:
        NotFound: The organization has no such machine.
    """
    dates = {"last_maintenance_date": last, "next_maintenance_date": following}
    return await _change(session, actor, str(machine_id), dates, WHICHEVER)


async def require_in_use(session: AsyncSession, organization_id: uuid.UUID, id_or_code: str) -> MachineOut:
    """Return a machine that is not decommissioned.

    Raises:
        NotFound: The organization has no such machine.
        Conflict: It is decommissioned.
    """
    machine = await resolve(session, organization_id, id_or_code)
    if machine.status is MachineStatus.DECOMMISSIONED:
        raise Conflict(messages.DECOMMISSIONED, machine=machine.code, current_status=machine.status)
    return machine


async def _change(
    session: AsyncSession, actor: Actor, id_or_code: str, values: Mapping[str, Any], seen: Seen
) -> MachineOut:
    locked = select(Machine).where(*_is_named(actor.organization_id, id_or_code)).limit(1).with_for_update()
    machine = (await session.scalars(locked, execution_options={"populate_existing": True})).one_or_none()
    if machine is None:
        raise NotFound(messages.NOT_FOUND, machine=id_or_code)
    before = MachineOut.model_validate(machine)
    seen.require(before)
    for name, value in values.items():
        if getattr(machine, name) != value:
            setattr(machine, name, value)
    if not session.is_modified(machine):
        return before
    shown = await _written(session, machine)
    if any(getattr(before, name) != getattr(shown, name) for name in _FIGURED):
        # its figures are another since ever; nothing of it is older than itself, but readings may be
        await marks.put(session, shown.id, cavities.EVER, datetime.now(UTC), figures_only=True)
    if before.active_cavities != shown.active_cavities:
        now = datetime.now(UTC)
        if await cavities.note(session, shown.id, shown.active_cavities, now):
            await marks.put(session, shown.id, cavities.EVER, now)
    await changes.record(session, actor, Entity.MACHINE, shown.id, ChangeKind.UPDATED, before=before, after=shown)
    return shown


async def _written(session: AsyncSession, machine: Machine) -> MachineOut:
    code = machine.code
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as error:
        raise _meaning(error, code) from error
    await session.refresh(machine)
    return MachineOut.model_validate(machine)


def _meaning(error: IntegrityError, code: str) -> CloudError:
    match error.orig:
        case psycopg.errors.ForeignKeyViolation():
            return Invalid(messages.CUSTOMER_UNKNOWN)
        case _:
            return Conflict(messages.CODE_TAKEN, machine=code)


def _is_named(organization_id: uuid.UUID, id_or_code: str) -> tuple[ColumnElement[bool], ...]:
    return col(Machine.organization_id) == organization_id, or_(*_names(id_or_code))


def _names(id_or_code: str) -> list[ColumnElement[bool]]:
    machine_id = _as_id(id_or_code)
    is_it = col(Machine.code) == id_or_code
    return [is_it] if machine_id is None else [is_it, col(Machine.id) == machine_id]


def _as_id(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None  # a code then


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [
        col(column) == value
        for column, value in (
            (Machine.status, wanted.status),
            (Machine.customer_organization_id, wanted.customer_organization_id),
        )
        if value is not None
    ]
    conditions += [
        _folded(column) == _folded(value)
        for column, value in ((Machine.machine_type, wanted.machine_type), (Machine.location, wanted.location))
        if value is not None
    ]
    # each word somewhere
    for word in (wanted.text or "").split():
        conditions.append(or_(*(func.strpos(_folded(column), _folded(word)) > 0 for column in _SEARCHED)))
    return conditions


def _folded(words: Any) -> ColumnElement[Any]:
    # the database's own: to a searcher i, ı, İ and I are one letter, and so are c and ç
    return func.search_fold(words)


def _keys(sort: MachineSort) -> list[Key]:
    name = sort.removeprefix("-")
    column = col(getattr(Machine, name))
    return [column] if name == "code" else [column, col(Machine.code)]

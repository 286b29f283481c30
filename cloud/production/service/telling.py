"""Owns what people and files say of a machine's time: a state, a reason, or both; said once, and never changed.

A stop is classified by time and not by row: however its states are derived anew later, the reason stays with the time.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import bulk, changes, marks
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Invalid, NotFound
from cloud.identity.schemas import Caller
from cloud.machines import service as machines
from cloud.production import messages
from cloud.production.models import StateTold
from cloud.production.schemas import ClassificationIn, StateIn, StateSource, ToldOut
from cloud.production.service import layers, reasons
from cloud.production.service.deriving import sources_of
from shared.reading import MachineState


@dataclass(frozen=True, slots=True)
class Imported:
    """What a row of a file says of a machine's time; `key` names the row, so that it says so once."""

    key: str
    start: datetime
    end: datetime
    state: MachineState
    reason_id: int | None = None


async def tell(session: AsyncSession, who: Caller, id_or_code: str, given: StateIn, now: datetime) -> ToldOut:
    """Take an operator's word for what a machine did.

    Raises:
        NotFound: There is no such machine or reason.
        Invalid: It lies in the future, or has no end where readings tell the state.
    """
    machine = await machines.require_in_use(session, who.organization_id, id_or_code)
    _require_past(given.start, now)
    if given.end is not None:
        _require_past(given.end, now)
    elif (await sources_of(session, machine.id)).tags:
        raise Invalid(messages.END_NEEDED, machine=machine.code)
    reason = await reasons.of_stop(session, who.organization_id, given.reason) if given.reason is not None else None
    row = StateTold(
        machine_id=machine.id,
        from_at=given.start,
        to_at=given.end,
        source=StateSource.OPERATOR,
        state=given.state,
        reason_id=reason,
        note=given.note,
        told_by=who.user_id,
    )
    return (await _said(session, who, [row], now))[0]


async def classify(
    session: AsyncSession, who: Caller, id_or_code: str, given: ClassificationIn, now: datetime
) -> list[ToldOut]:
    """Take an operator's word for why a machine stood.

    Raises:
        NotFound: There is no such machine or reason.
        Invalid: A part lies in the future, or two parts share some time.
    """
    machine = await machines.resolve(session, who.organization_id, id_or_code)
    ordered = sorted(given.parts, key=lambda part: part.start)
    for one, two in pairwise(ordered):
        if two.start < one.end:
            raise Invalid(messages.PARTS_OVERLAP, start=two.start)
    _require_past(max(part.end for part in ordered), now)
    rows = [
        StateTold(
            machine_id=machine.id,
            from_at=part.start,
            to_at=part.end,
            source=StateSource.OPERATOR,
            reason_id=await reasons.of_stop(session, who.organization_id, part.reason),
            note=part.note,
            told_by=who.user_id,
        )
        for part in ordered
    ]
    return await _said(session, who, rows, now)


async def withdraw(session: AsyncSession, who: Caller, id_or_code: str, told_id: int, now: datetime) -> None:
    """Take a word back.

    Raises:
        NotFound: There is no such machine, or word.
    """
    machine = await machines.resolve(session, who.organization_id, id_or_code)
    statement = (
        update(StateTold)
        .where(
            col(StateTold.id) == told_id,
            col(StateTold.machine_id) == machine.id,
            col(StateTold.withdrawn_at).is_(None),
        )
        .values(withdrawn_at=now)
        .returning(col(StateTold.from_at), col(StateTold.to_at))
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(messages.TOLD_NOT_FOUND, machine=machine.code, told=told_id)
    await changes.record(session, who, Entity.MACHINE_STATE, told_id, ChangeKind.DELETED)
    await marks.put(session, machine.id, found.from_at, found.to_at or now)


async def told(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, start: datetime, end: datetime
) -> list[ToldOut]:
    """Return what was said of a machine's time in a range, and not taken back.

    Raises:
        NotFound: There is no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    row = StateTold
    statement = (
        select(row)
        .where(
            col(row.machine_id) == machine.id,
            col(row.withdrawn_at).is_(None),
            col(row.from_at) < end,
            (col(row.to_at).is_(None)) | (col(row.to_at) > start),
        )
        .order_by(col(row.from_at), col(row.id))
        .limit(1000)
    )
    return await _shown(session, (await session.scalars(statement)).all())


async def tell_import(session: AsyncSession, machine_id: uuid.UUID, given: Sequence[Imported], now: datetime) -> int:
    """Take a file's word for what a machine did; of rows that said so before, nothing is added.

    A row that says something else than before under its key is another word: the former is taken back.

    Args:
        session: The importer's.
        machine_id: Whose time it is.
        given: In any order.
        now: UTC.

    Returns:
        How many were new or different.
    """
    if not given:
        return 0
    row = StateTold
    held = select(row).where(
        col(row.machine_id) == machine_id,
        col(row.withdrawn_at).is_(None),
        col(row.key) == func.any([each.key for each in given]),
    )
    known = {each.key: each for each in await session.scalars(held)}
    new = [each for each in given if not _is_said(known.get(each.key), each)]
    if not new:
        return 0
    gone = [known[each.key].id for each in new if each.key in known]
    if gone:
        await session.execute(update(row).where(col(row.id).in_(gone)).values(withdrawn_at=now))
    # by COPY: a file of ten thousand rows says a hundred thousand things
    columns = ["machine_id", "from_at", "to_at", "source", "state", "reason_id", "key"]
    said = (
        [machine_id, each.start, each.end, StateSource.IMPORT, each.state, each.reason_id, each.key] for each in new
    )
    await bulk.copy(session, row.__tablename__, columns, said)
    spans = [(each.start, each.end) for each in new]
    spans += [(known[each.key].from_at, known[each.key].to_at or now) for each in new if each.key in known]
    await marks.put(session, machine_id, min(start for start, _ in spans), max(end for _, end in spans))
    return len(new)


def _is_said(known: StateTold | None, given: Imported) -> bool:
    if known is None:
        return False
    said = (known.from_at, known.to_at, known.state, known.reason_id)
    return said == (given.start, given.end, given.state.value, given.reason_id)


async def _said(session: AsyncSession, who: Actor, rows: Sequence[StateTold], now: datetime) -> list[ToldOut]:
    session.add_all(rows)
    await session.flush()
    for row in rows:
        await session.refresh(row)
        await marks.put(session, row.machine_id, row.from_at, row.to_at or max(now, row.from_at))
    shown = await _shown(session, rows)
    kinds = [changes.Change(Entity.MACHINE_STATE, each.id, ChangeKind.CREATED, after=each) for each in shown]
    await changes.record_all(session, who, kinds)
    return shown


async def _shown(session: AsyncSession, rows: Sequence[StateTold]) -> list[ToldOut]:
    known = await layers.reasons(session, [each.reason_id for each in rows if each.reason_id is not None])
    return [
        ToldOut.model_validate(
            each.model_dump()
            | {
                "start": each.from_at,
                "end": each.to_at,
                "reason": known[each.reason_id].code if each.reason_id is not None else None,
            }
        )
        for each in rows
    ]


def _require_past(at: datetime, now: datetime) -> None:
    if at > now:
        raise Invalid(messages.FUTURE, at=at, now=now)

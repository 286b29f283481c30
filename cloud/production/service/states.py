"""Owns what can be asked of states, stops and counts, and to which stage a count belongs."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, marks
from cloud.changes import ChangeKind, Entity
from cloud.errors import Invalid
from cloud.identity.schemas import Caller
from cloud.kpi.elements import STOPPED
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.preconditions import WHICHEVER, Seen
from cloud.production import messages
from cloud.production.models import MachineStateRow, PieceClaim, StateModel
from cloud.production.schemas import (
    MICROSTOP_S,
    ClaimIn,
    ClaimOut,
    CountOut,
    OrphansOut,
    StateModelIn,
    StateModelOut,
    StateOut,
    StateSource,
    StopOut,
)
from cloud.production.service import counting, layers
from cloud.workorders.service import running, stages
from shared.reading import MachineState

MOST_DAYS = 100
MOST_ROWS = 5000


async def states(
    session: AsyncSession,
    organization_id: uuid.UUID,
    id_or_code: str,
    start: datetime,
    end: datetime,
    *,
    corrected: bool = False,
) -> list[StateOut]:
    """Return what a machine did in a range, of its full length; on request with what was corrected.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is no range, or too long.
    """
    require_range(start, end)
    machine = await machines.resolve(session, organization_id, id_or_code)
    rows = await _rows(session, machine.id, start, end, corrected=corrected)
    known = await layers.reasons(session, [row.reason_id for row in rows if row.reason_id is not None])
    return [
        StateOut(
            id=row.id or 0,
            start=row.from_at,
            end=row.to_at,
            state=MachineState(row.state),
            reason=known[row.reason_id].code if row.reason_id is not None else None,
            source=StateSource(row.source),
            revision=row.revision,
            replaces_id=row.replaces_id,
        )
        for row in rows
    ]


async def stops(
    session: AsyncSession,
    organization_id: uuid.UUID,
    id_or_code: str,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    needs_reason: bool | None = None,
) -> list[StopOut]:
    """Return when a machine stood in a range, and which of these times want a reason.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is no range, or too long.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    found = [
        StopOut(
            start=each.start,
            end=each.end,
            duration_s=max(0.0, ((each.end or now) - each.start).total_seconds()),
            state=each.state,
            reason=each.reason,
            needs_reason=wants_reason(machine, each, now),
            source=each.source,
        )
        for each in await states(session, organization_id, id_or_code, start, end)
        if each.state in STOPPED or each.reason is not None
    ]
    return [each for each in found if needs_reason is None or each.needs_reason is needs_reason]


def wants_reason(machine: MachineOut, state: StateOut, now: datetime) -> bool:
    """Return whether somebody has to say why: it stood longer than a minor stop, and nobody said so."""
    if state.reason is not None or state.state not in STOPPED:
        return False
    lasted = (state.end or now) - state.start
    return lasted >= timedelta(seconds=machine.microstop_threshold_s or MICROSTOP_S)


async def model(session: AsyncSession, organization_id: uuid.UUID, id_or_code: str) -> StateModelOut:
    """Return how a machine's readings tell its state.

    Raises:
        NotFound: There is no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    return _model(await session.get(StateModel, machine.id))


async def set_model(
    session: AsyncSession, who: Caller, id_or_code: str, given: StateModelIn, now: datetime, seen: Seen = WHICHEVER
) -> StateModelOut:
    """Say how a machine's readings tell its state; what was derived before is derived anew.

    Raises:
        NotFound: There is no such machine.
        PreconditionFailed: It is not as the caller saw it.
    """
    machine = await machines.require_in_use(session, who.organization_id, id_or_code)
    row = await session.get(StateModel, machine.id, with_for_update=True)
    before = _model(row)
    seen.require(before)
    values = given.model_dump(mode="json")
    if row is None:
        session.add(StateModel(machine_id=machine.id, **values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    await session.flush()
    shown = StateModelOut.model_validate(values)
    await changes.record(session, who, Entity.STATE_MODEL, machine.id, ChangeKind.UPDATED, before=before, after=shown)
    since = await layers.since(session, machine.id)
    await marks.put(session, machine.id, since or now - timedelta(days=MOST_DAYS), now)
    return shown


async def counts(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, start: datetime, end: datetime
) -> list[CountOut]:
    """Return what a machine's counters counted in a range, by stage and kind.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is no range, or too long.
    """
    require_range(start, end)
    machine = await machines.resolve(session, organization_id, id_or_code)
    return _counts(await counting.counts(session, machine.id, start, end))


async def orphans(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, start: datetime, end: datetime
) -> OrphansOut:
    """Return what a machine counted in a range while nothing ran, as far as is known.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is no range, or too long.
    """
    require_range(start, end)
    machine = await machines.resolve(session, organization_id, id_or_code)
    found = await counting.counts(session, machine.id, start, end, orphans=True)
    return OrphansOut(machine_id=machine.id, counts=_counts(found))


async def claim(session: AsyncSession, who: Caller, id_or_code: str, given: ClaimIn, now: datetime) -> ClaimOut:
    """Say to which stage pieces belong that a machine counted in a stretch of time; or only what that would move.

    Raises:
        NotFound: There is no such machine, or stage.
        Invalid: The range is too long or in the future, or the stage is made elsewhere.
    """
    require_range(given.start, given.end)
    if given.end > now:
        raise Invalid(messages.FUTURE, at=given.end, now=now)
    machine = await machines.resolve(session, who.organization_id, id_or_code)
    await stages.stage(session, who, given.stage_id)
    made_on = await running.machine_of(session, who.organization_id, given.stage_id)
    if made_on is not None and made_on != machine.id:
        raise Invalid(messages.STAGE_OF_ANOTHER, stage=given.stage_id, machine=machine.code)
    counted = await counting.counts(session, machine.id, given.start, given.end)
    moved = [each for each in _counts(counted) if each.stage_id != given.stage_id]
    shown = ClaimOut(stage_id=given.stage_id, is_preview=given.preview, moved=moved)
    if given.preview:
        return shown
    row = PieceClaim(
        machine_id=machine.id,
        from_at=given.start,
        to_at=given.end,
        stage_id=given.stage_id,
        claimed_by=who.user_id,
    )
    session.add(row)
    await session.flush()
    await changes.record(session, who, Entity.PIECE_CLAIM, row.id or 0, ChangeKind.CREATED, after=shown)
    await marks.put(session, machine.id, given.start, given.end)
    return shown


def require_range(start: datetime, end: datetime) -> None:
    """Refuse what is no range, or one that is too long to be answered at once.

    Raises:
        Invalid: It is one of these.
    """
    if start >= end:
        raise Invalid(messages.RANGE_BACKWARDS, start=start, end=end)
    if end - start > timedelta(days=MOST_DAYS):
        raise Invalid(messages.RANGE_TOO_LONG, start=start, end=end, most=MOST_DAYS)


async def _rows(
    session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime, *, corrected: bool
) -> list[MachineStateRow]:
    row = MachineStateRow
    conditions = [
        col(row.machine_id) == machine_id,
        col(row.from_at) < end,
        (col(row.to_at).is_(None)) | (col(row.to_at) > start),
    ]
    if not corrected:
        conditions.append(col(row.replaced_at).is_(None))
    statement = select(row).where(*conditions).order_by(col(row.from_at), col(row.id)).limit(MOST_ROWS)
    return list(await session.scalars(statement))


def _counts(found: list[tuple[int | None, str, int]]) -> list[CountOut]:
    return [CountOut(stage_id=stage, kind=kind, quantity=quantity) for stage, kind, quantity in found]


def _model(row: StateModel | None) -> StateModelOut:
    if row is None:
        return StateModelOut()
    return StateModelOut.model_validate(row.model_dump(exclude={"machine_id"}))

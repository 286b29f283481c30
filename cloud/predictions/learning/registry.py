"""Owns which models there are, and which of them serves: promoted, retired, rolled back, each in one transaction."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col

from cloud import changes, paging
from cloud.changes import ChangeKind, Entity
from cloud.errors import Conflict, NotFound
from cloud.identity.schemas import Caller
from cloud.paging import Page, Paging
from cloud.predictions.learning import messages
from cloud.predictions.learning.rows import ModelRow
from cloud.predictions.learning.schemas import ModelOut, ModelState, ModelStatusOut

_LISTED = tuple(ModelOut.model_fields)
# megabytes, which only who serves needs
_WITHOUT_FILE = defer(ModelRow.artefact)  # type: ignore[arg-type]


async def models(session: AsyncSession, caller: Caller, page: Paging) -> Page[ModelOut]:
    """Return a page of the organization's models, newest first."""
    statement = select(ModelRow).options(_WITHOUT_FILE).where(col(ModelRow.organization_id) == caller.organization_id)
    keys = [col(ModelRow.trained_at), col(ModelRow.id)]
    found = await paging.read(session, statement, keys, page, descending=True)
    return Page(items=[listed(row[0]) for row in found.rows], next_cursor=found.next_cursor, total=found.total)


async def model(session: AsyncSession, caller: Caller, model_id: uuid.UUID) -> ModelStatusOut:
    """Return all that is known of a model.

    Raises:
        NotFound: There is none.
    """
    return _shown(await _row(session, caller.organization_id, model_id))


async def horizon_of(session: AsyncSession, caller: Caller, model_id: uuid.UUID) -> int:
    """Return how far ahead a model looks, in hours.

    Raises:
        NotFound: There is none.
    """
    return (await _row(session, caller.organization_id, model_id)).horizon_h


async def promote(session: AsyncSession, caller: Caller, model_id: uuid.UUID) -> ModelStatusOut:
    """Let a model serve in place of the one that does.

    Raises:
        NotFound: There is none.
        Conflict: It is a control, or not surely better than the best simple rule, or serves already, or its file is
            gone.
    """
    await _exclusively(session, caller)
    row = await _row(session, caller.organization_id, model_id)
    if row.is_control:
        raise Conflict(messages.MODEL_IS_CONTROL, model=model_id)
    gain = row.verdict["gain"]
    if not row.verdict["may_serve"]:
        bounds = {"lower": round(gain["lower"], 5), "upper": round(gain["upper"], 5)}
        raise Conflict(messages.MODEL_NO_BETTER, model=model_id, rule=row.verdict["best_rule"], **bounds)
    if row.state == ModelState.CHAMPION:
        allowed = [ModelState.CANDIDATE.value, ModelState.RETIRED.value]
        raise Conflict(messages.MODEL_IS, model=model_id, current_status=row.state, allowed=allowed)
    _require_file(row)
    now = await _now(session)
    former = await _champion(session, row)
    if former is not None:
        await _turn(session, caller, former, ModelState.RETIRED, retired_at=now)
    predecessor = former.id if former is not None else None
    await _turn(session, caller, row, ModelState.CHAMPION, promoted_at=now, retired_at=None, predecessor_id=predecessor)
    return _shown(row)


async def retire(session: AsyncSession, caller: Caller, model_id: uuid.UUID) -> ModelStatusOut:
    """Take a model out of service, or out of consideration; where it served, the best simple rule does from now on.

    Raises:
        NotFound: There is none.
        Conflict: It is neither in service nor a candidate.
    """
    await _exclusively(session, caller)
    row = await _row(session, caller.organization_id, model_id)
    if row.state not in {ModelState.CHAMPION, ModelState.CANDIDATE}:
        allowed = [ModelState.CHAMPION.value, ModelState.CANDIDATE.value]
        raise Conflict(messages.MODEL_IS, model=model_id, current_status=row.state, allowed=allowed)
    await _turn(session, caller, row, ModelState.RETIRED, retired_at=await _now(session))
    return _shown(row)


async def roll_back(session: AsyncSession, caller: Caller, model_id: uuid.UUID) -> ModelStatusOut:
    """Put the model that served before this one in its place again; returns that one.

    Raises:
        NotFound: There is none.
        Conflict: It does not serve, or nothing served before it, or the file of what did is gone.
    """
    await _exclusively(session, caller)
    row = await _row(session, caller.organization_id, model_id)
    if row.state != ModelState.CHAMPION:
        allowed = [ModelState.CHAMPION.value]
        raise Conflict(messages.MODEL_IS, model=model_id, current_status=row.state, allowed=allowed)
    if row.predecessor_id is None:
        raise Conflict(messages.NO_PREDECESSOR, model=model_id)
    former = await _row(session, caller.organization_id, row.predecessor_id)
    _require_file(former)
    now = await _now(session)
    await _turn(session, caller, row, ModelState.RETIRED, retired_at=now)
    await _turn(session, caller, former, ModelState.CHAMPION, promoted_at=now, retired_at=None)
    return _shown(former)


def _require_file(row: ModelRow) -> None:
    if row.file_deleted_at is not None:
        raise Conflict(messages.MODEL_FILE_GONE, model=row.id, deleted=f"{row.file_deleted_at:%Y-%m-%d}")


async def _turn(session: AsyncSession, caller: Caller, row: ModelRow, state: ModelState, **more: Any) -> None:
    before = listed(row)
    row.state = state.value
    for name, value in more.items():
        setattr(row, name, value)
    # at once: the next one may need the place that this one leaves
    await session.flush()
    await changes.record(session, caller, Entity.MODEL, row.id, ChangeKind.UPDATED, before=before, after=listed(row))


async def _exclusively(session: AsyncSession, caller: Caller) -> None:
    # whoever writes a row that belongs to the organization need not wait
    mine = text("SELECT 1 FROM organization WHERE id = :id FOR NO KEY UPDATE")
    await session.execute(mine, {"id": caller.organization_id})


async def _row(session: AsyncSession, organization_id: uuid.UUID, model_id: uuid.UUID) -> ModelRow:
    found = (
        select(ModelRow)
        .options(_WITHOUT_FILE)
        .where(col(ModelRow.organization_id) == organization_id, col(ModelRow.id) == model_id)
    )
    row = (await session.scalars(found)).one_or_none()
    if row is None:
        raise NotFound(messages.MODEL_NOT_FOUND, model=model_id)
    return row


async def _champion(session: AsyncSession, of: ModelRow) -> ModelRow | None:
    found = (
        select(ModelRow)
        .options(_WITHOUT_FILE)
        .where(
            col(ModelRow.organization_id) == of.organization_id,
            col(ModelRow.kind) == of.kind,
            col(ModelRow.horizon_h) == of.horizon_h,
            col(ModelRow.state) == ModelState.CHAMPION.value,
        )
    )
    return (await session.scalars(found)).one_or_none()


async def _now(session: AsyncSession) -> datetime:
    # later than whatever was waited for: a transaction's own time is of its begin
    now: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now


def listed(row: ModelRow) -> ModelOut:
    """Return a model as it is listed."""
    return ModelOut.model_validate(_values(row, _LISTED))


def _shown(row: ModelRow) -> ModelStatusOut:
    return ModelStatusOut.model_validate(_values(row, tuple(ModelStatusOut.model_fields)))


def _values(row: ModelRow, names: tuple[str, ...]) -> dict[str, Any]:
    # what an older version did not judge stays as the schema has it
    held = (name for name in names if name in row.verdict or hasattr(row, name))
    return {name: row.verdict[name] if name in row.verdict else getattr(row, name) for name in held}

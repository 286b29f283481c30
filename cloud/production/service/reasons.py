"""Owns an organization's reasons: a tree, with labels in both languages."""

import uuid
from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Conflict, Invalid, NotFound
from cloud.kpi.joblog import Column
from cloud.preconditions import WHICHEVER, Seen
from cloud.production import messages
from cloud.production.models import ReasonCode
from cloud.production.schemas import ReasonIn, ReasonKind, ReasonOut

_LOCK = text("SELECT id FROM reason_code WHERE organization_id = :whose ORDER BY id FOR NO KEY UPDATE")
_MARK = text("""
    INSERT INTO mark (machine_id, from_at, to_at, figures_only)
    SELECT machine_id, from_at, coalesce(to_at, now()), true FROM machine_state
    WHERE reason_id = :reason_id AND replaced_at IS NULL AND from_at < coalesce(to_at, now())
""")


async def reasons(
    session: AsyncSession, organization_id: uuid.UUID, *, is_active: bool | None = None
) -> list[ReasonOut]:
    """Return an organization's reasons, by code; `parent_id` makes them a tree."""
    statement = select(ReasonCode).where(col(ReasonCode.organization_id) == organization_id)
    if is_active is not None:
        statement = statement.where(col(ReasonCode.is_active) == is_active)
    return [ReasonOut.model_validate(row) for row in await session.scalars(statement.order_by(col(ReasonCode.code)))]


async def create(session: AsyncSession, actor: Actor, given: ReasonIn) -> ReasonOut:
    """Add a reason.

    Raises:
        Conflict: The organization has one with this code.
        NotFound: There is no such parent.
    """
    if given.parent_id is not None:
        await _reason(session, actor.organization_id, given.parent_id)
    row = ReasonCode(organization_id=actor.organization_id, **given.model_dump(mode="json"))
    session.add(row)
    shown = await _written(session, row, given.code)
    await changes.record(session, actor, Entity.REASON_CODE, shown.id, ChangeKind.CREATED, after=shown)
    return shown


async def replace(
    session: AsyncSession, actor: Actor, reason_id: int, given: ReasonIn, seen: Seen = WHICHEVER
) -> ReasonOut:
    """Say anew what a reason is; the figures of what it explains follow.

    Raises:
        NotFound: There is no such reason, or parent.
        PreconditionFailed: It is not as the caller saw it.
        Conflict: Another one has the code, or it would stand below itself.
    """
    # all of the tree: else two that are put below each other at once would make a circle
    await session.execute(_LOCK, {"whose": actor.organization_id})
    row = await _reason(session, actor.organization_id, reason_id)
    before = ReasonOut.model_validate(row)
    seen.require(before)
    above = given.parent_id
    while above is not None:
        if above == reason_id:
            raise Conflict(messages.REASON_CIRCLE, reason=given.code)
        above = (await _reason(session, actor.organization_id, above)).parent_id
    for name, value in given.model_dump(mode="json").items():
        setattr(row, name, value)
    shown = await _written(session, row, given.code)
    await session.execute(_MARK, {"reason_id": reason_id})
    await changes.record(session, actor, Entity.REASON_CODE, shown.id, ChangeKind.UPDATED, before=before, after=shown)
    return shown


async def of_stop(session: AsyncSession, organization_id: uuid.UUID, code: str) -> int:
    """Return the id of a reason by which a stop may be explained.

    Raises:
        NotFound: There is none with this code.
        Invalid: It is one of pieces, or not in use any more.
    """
    found = await _by_code(session, organization_id, code)
    if found is None:
        raise NotFound(messages.REASON_NOT_FOUND, reason=code)
    if found.kind != ReasonKind.TIME:
        raise Invalid(messages.REASON_NOT_OF_TIME, reason=code, kind=found.kind)
    if not found.is_active:
        raise Invalid(messages.REASON_INACTIVE, reason=code)
    return found.id or 0


async def ensure(session: AsyncSession, organization_id: uuid.UUID, columns: Iterable[Column]) -> dict[str, int]:
    """Make the reasons that a job log's columns stand for, where they are missing; return the id of each by column."""
    wanted = {column.code: column for column in columns if column.reason is not None}
    rows = [
        {
            "organization_id": organization_id,
            "code": code,
            "label_en": column.label_en,
            "label_tr": column.label_tr,
            "kind": ReasonKind.TIME.value,
            "time_element": column.element.value,
            "loss": column.loss.value if column.loss is not None else None,
            "is_planned": column.is_planned,
        }
        for code, column in wanted.items()
    ]
    if rows:
        await session.execute(insert(ReasonCode).values(rows).on_conflict_do_nothing())
    found = select(col(ReasonCode.code), col(ReasonCode.id)).where(
        col(ReasonCode.organization_id) == organization_id, col(ReasonCode.code).in_(list(wanted))
    )
    return {wanted[row.code].name: row.id for row in await session.execute(found)}


async def _by_code(session: AsyncSession, organization_id: uuid.UUID, code: str) -> ReasonCode | None:
    statement = select(ReasonCode).where(
        col(ReasonCode.organization_id) == organization_id, col(ReasonCode.code) == code
    )
    return (await session.scalars(statement)).one_or_none()


async def _reason(session: AsyncSession, organization_id: uuid.UUID, reason_id: int) -> ReasonCode:
    statement = select(ReasonCode).where(
        col(ReasonCode.organization_id) == organization_id, col(ReasonCode.id) == reason_id
    )
    found = (await session.scalars(statement, execution_options={"populate_existing": True})).one_or_none()
    if found is None:
        raise NotFound(messages.REASON_NOT_FOUND, reason=reason_id)
    return found


async def _written(session: AsyncSession, row: ReasonCode, code: str) -> ReasonOut:
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as error:
        raise Conflict(messages.REASON_TAKEN, reason=code) from error
    await session.refresh(row)
    return ReasonOut.model_validate(row)

"""Owns trainings as people see them: asked for, looked at, cancelled. `making` does them."""

import asyncio
import importlib.util
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, languages, paging
from cloud.changes import ChangeKind, Entity, Operator
from cloud.db import Database
from cloud.errors import CloudError, Conflict, Invalid, NotFound
from cloud.identity.schemas import Caller
from cloud.languages import Language, Message
from cloud.machines import service as machines
from cloud.paging import Page, Paging
from cloud.predictions.learning import messages
from cloud.predictions.learning.rows import TrainingRow
from cloud.predictions.learning.schemas import ModelKind, OptimizerTrainingIn, TrainingIn, TrainingOut, TrainingStatus
from shared import logs

LIVE = (TrainingStatus.QUEUED.value, TrainingStatus.RUNNING.value)
WAITING = text(
    "SELECT count(*), extract(epoch FROM now() - min(created_at))::float8 FROM ml_job "
    "WHERE status IN ('queued', 'running')"
)
"""How many trainings wait, and how long the oldest has."""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """A training, and at which attempt: whoever has an earlier one was taken for dead, and has no say any more."""

    job_id: uuid.UUID
    attempt: int


class NotInstalled(CloudError):
    """The service runs without the packages that learn."""

    code = "ML_NOT_INSTALLED"
    status = 501


def require_packages() -> None:
    """Refuse what needs the extra `ml`, where that is not installed.

    Raises:
        NotInstalled: It is not.
    """
    if any(importlib.util.find_spec(name) is None for name in ("sklearn", "skops")):
        raise NotInstalled(messages.NOT_INSTALLED)


async def ask(
    session: AsyncSession, caller: Caller, kind: ModelKind, given: TrainingIn | OptimizerTrainingIn
) -> TrainingOut:
    """Ask for a training; it is done in the background.

    Raises:
        NotInstalled: The packages that learn are not there.
        Invalid: A hyperparameter is unknown to the algorithm, or not within its range.
        NotFound: The organization has no such machine.
        Conflict: One of the kind is under way.
    """
    if isinstance(given, TrainingIn):
        require_packages()
        # the first time, what it asks takes a second to be imported, in which others are served
        await asyncio.to_thread(_require_known, given)
        named = given.training_data_filter.machine_ids
        found = await machines.resolve_all(session, caller.organization_id, named) if named else []
        # by ids: a code may be another machine's by the time that it is learned
        chosen = given.training_data_filter.model_copy(update={"machine_ids": [str(each.id) for each in found]})
        given = given.model_copy(update={"training_data_filter": chosen})
    # whoever asks at the same time waits here, and then finds the other's
    mine = text("SELECT 1 FROM organization WHERE id = :id FOR NO KEY UPDATE")
    await session.execute(mine, {"id": caller.organization_id})
    alike = (col(TrainingRow.organization_id) == caller.organization_id, col(TrainingRow.kind) == kind.value)
    living = select(TrainingRow).where(*alike, col(TrainingRow.status).in_(LIVE))
    live = (await session.scalars(living)).one_or_none()
    if live is not None:
        raise Conflict(messages.TRAINING_LIVE, job=live.id, current_status=live.status)
    row = TrainingRow(
        organization_id=caller.organization_id,
        created_by=caller.user_id,
        kind=kind.value,
        asked=given.model_dump(mode="json"),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    made = shown(row)
    await changes.record(session, caller, Entity.TRAINING, row.id, ChangeKind.CREATED, after=made)
    return made


async def trainings(session: AsyncSession, caller: Caller, page: Paging) -> Page[TrainingOut]:
    """Return a page of the organization's trainings, newest first."""
    statement = select(TrainingRow).where(col(TrainingRow.organization_id) == caller.organization_id)
    keys = [col(TrainingRow.created_at), col(TrainingRow.id)]
    found = await paging.read(session, statement, keys, page, descending=True)
    items = [shown(row[0]) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def training(session: AsyncSession, caller: Caller, job_id: uuid.UUID) -> TrainingOut:
    """Return how far a training is.

    Raises:
        NotFound: There is none.
    """
    return shown(await _row(session, caller, job_id))


async def cancel(session: AsyncSession, caller: Caller, job_id: uuid.UUID) -> TrainingOut:
    """End a training that is not over; whatever serves goes on serving.

    Raises:
        NotFound: There is none.
        Conflict: It is over.
    """
    row = await _row(session, caller, job_id, is_locked=True)
    if row.status not in LIVE:
        raise Conflict(messages.TRAINING_OVER, job=job_id, current_status=row.status)
    before = shown(row)
    row.status = TrainingStatus.CANCELLED.value
    row.finished_at = await session.scalar(text("SELECT clock_timestamp()"))
    await session.flush()
    after = shown(row)
    await changes.record(session, caller, Entity.TRAINING, job_id, ChangeKind.UPDATED, before=before, after=after)
    return after


async def fail(database: Database, turn: Turn, problem: dict[str, str]) -> None:
    """Write down that a training failed, unless it is over, or another's turn."""
    async with database.transaction() as session:
        row = await running(session, turn)
        if row is not None:
            await ended(session, row, problem)
            log.error("training_failed", training=str(turn.job_id), reason=problem[Language.ENGLISH.value])


async def ended(session: AsyncSession, row: TrainingRow, problem: dict[str, str]) -> None:
    """Write down that a training failed."""
    before = shown(row)
    row.status, row.problem = TrainingStatus.FAILED.value, problem
    row.finished_at = await session.scalar(text("SELECT clock_timestamp()"))
    await session.flush()
    actor = Operator(row.organization_id, "training")
    await changes.record(session, actor, Entity.TRAINING, row.id, ChangeKind.UPDATED, before=before, after=shown(row))


async def running(session: AsyncSession, turn: Turn) -> TrainingRow | None:
    """Return a training that runs, locked; None once it is over, or another's turn."""
    return (await session.scalars(select(TrainingRow).where(*is_under_way(turn)).with_for_update())).one_or_none()


def is_under_way(turn: Turn) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of a training that runs, as long as nobody took it over."""
    row = TrainingRow
    return (
        col(row.id) == turn.job_id,
        col(row.status) == TrainingStatus.RUNNING.value,
        col(row.attempts) == turn.attempt,
    )


def said(message: Message, **facts: object) -> dict[str, str]:
    """Return a sentence in every language, for somebody who reads it later."""
    return {each.value: message.said(each, facts) for each in Language}


def shown(row: TrainingRow) -> TrainingOut:
    """Return a training as people see it."""
    problem = None if row.problem is None else row.problem[languages.current().value]
    values = {name: getattr(row, name) for name in TrainingOut.model_fields}
    return TrainingOut.model_validate(values | {"problem": problem})


def _require_known(given: TrainingIn) -> None:
    from cloud.predictions.models import algorithm  # noqa: PLC0415 - a second, and only where it is installed

    ranges = algorithm(given.algorithm.value).ranges
    for name, value in given.hyperparameters.items():
        if name not in ranges:
            raise Invalid(messages.NO_PARAMETER, name=name, known=", ".join(ranges), algorithm=given.algorithm.value)
        if ranges[name].holds(value):
            continue
        if ranges[name].is_whole:
            raise Invalid(messages.PARAMETER_WHOLE, name=name, told=value, range=ranges[name])
        raise Invalid(messages.PARAMETER_RANGE, name=name, told=value, range=ranges[name])


async def _row(session: AsyncSession, caller: Caller, job_id: uuid.UUID, *, is_locked: bool = False) -> TrainingRow:
    found = select(TrainingRow).where(
        col(TrainingRow.organization_id) == caller.organization_id, col(TrainingRow.id) == job_id
    )
    row = (await session.scalars(found.with_for_update() if is_locked else found)).one_or_none()
    if row is None:
        raise NotFound(messages.TRAINING_NOT_FOUND, job=job_id)
    return row

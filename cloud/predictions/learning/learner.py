"""Owns the process that learns: a model from an organization's past, and its training's end, in one transaction."""

import asyncio
import os
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, loop, orphan
from cloud.changes import ChangeKind, Entity, Operator
from cloud.db import Database
from cloud.errors import BadRequest, CloudError
from cloud.languages import Language, Message
from cloud.predictions import past, unseen
from cloud.predictions.features import Instants
from cloud.predictions.grounds import cut, median
from cloud.predictions.history import HOUR
from cloud.predictions.learning import messages, trainings
from cloud.predictions.learning.registry import listed
from cloud.predictions.learning.rows import ModelRow, TrainingRow
from cloud.predictions.learning.schemas import (
    ModelKind,
    ModelState,
    OptimizerTrainingIn,
    TrainingFilter,
    TrainingIn,
    TrainingOutcome,
    TrainingStatus,
)
from cloud.predictions.learning.trainings import Turn
from cloud.predictions.messages import INSUFFICIENT_DATA, NOTHING_HAPPENED, NOTHING_KNOWN
from cloud.predictions.optimizer import fitting
from cloud.predictions.outcomes import grid, step_of
from cloud.predictions.past import Past
from cloud.predictions.unseen import Unseen
from cloud.production.service.moments import us
from shared import logs

# each look has some eighty features: less than a gigabyte of them; a longer past is looked at less often
MOST_LOOKS = 550_000
_TELL_S = 1.0
_OPTIMIZED = timedelta(days=90)
# in the record of changes
ACTOR = "training"

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What a process is to do, and within what.

    Attributes:
        url: Of the database.
        turn: The training, and at which attempt.
        memory_mb: More is refused to it.
        nice: How much it gives way.
    """

    url: str
    turn: Turn
    memory_mb: int
    nice: int


@dataclass(slots=True)
class _Progress:
    share: float = 0.0
    step: str = "reading"


def main(work: Work) -> None:
    """Do one training, and say how it ended."""
    orphan.end_with_parent()
    _bound(work)
    with asyncio.Runner(loop_factory=loop.new_event_loop) as runner:
        runner.run(_done(work))


def give_way(nice: int) -> None:
    """Let this process run when nobody else wants to: who is asked for an answer never waits for it.

    Args:
        nice: How much it gives way where the system has no policy for that; 0 gives none.
    """
    os.nice(nice)
    if nice and sys.platform == "linux":
        # a task that is merely nice is let go on for some milliseconds each time that another one wakes
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _bound(work: Work) -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    give_way(work.nice)
    most = work.memory_mb * 2**20
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


async def _done(work: Work) -> None:
    database = Database(work.url, pool_size=1, overflow=1)
    try:
        try:
            await _learned(database, work.turn)
        except MemoryError:
            await trainings.fail(database, work.turn, trainings.said(messages.OUT_OF_MEMORY, most_mb=work.memory_mb))
        except CloudError as error:
            if error.retryable:
                raise
            await trainings.fail(database, work.turn, {each.value: error.detail(each) for each in Language})
        except Exception as error:
            log.exception("training_failed", training=str(work.turn.job_id))
            await trainings.fail(database, work.turn, trainings.said(messages.DEFECT, error=type(error).__name__))
    finally:
        await database.close()


async def _learned(database: Database, turn: Turn) -> None:
    async with database.reading() as session:
        row = (await session.scalars(select(TrainingRow).where(col(TrainingRow.id) == turn.job_id))).one()
        now: datetime = (await session.execute(text("SELECT now()"))).scalar_one()
        if row.kind == ModelKind.OEE_OPTIMIZER:
            result = await _optimized(session, row, now)
            await _concluded(database, turn, partial(_with_result, result))
            return
        known = await past.read(session, row.organization_id, now, None)
        blind = await unseen.read(session, known, now)
    asked = TrainingIn.model_validate(row.asked)
    progress = _Progress()
    try:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(_tell(database, turn, progress), name="progress")
            found = await asyncio.to_thread(_fitted, known, blind, asked, now, progress)
            telling.cancel()
    except ExceptionGroup as trouble:
        # what learning itself met: too little memory is told otherwise than a defect
        raise trouble.exceptions[0] from trouble
    if isinstance(found, Message):
        await _concluded(database, turn, partial(_with_too_little, found))
    else:
        await _concluded(database, turn, partial(_with_model, asked, found, now))


def _fitted(
    known: Past,
    blind: Unseen,
    asked: TrainingIn,
    now: datetime,
    progress: _Progress,
) -> dict[str, Any] | Message:
    # here, for they take a second and a hundred megabytes that nobody else needs
    from cloud.predictions.artefact import kept  # noqa: PLC0415
    from cloud.predictions.judging import looked_at, span  # noqa: PLC0415
    from cloud.predictions.splitting import cuts  # noqa: PLC0415
    from cloud.predictions.training import Learned, Plan, TooLittle, shuffled, train  # noqa: PLC0415

    def tell(share: float, step: str) -> None:
        progress.share, progress.step = round(share, 3), step

    try:
        begin, _ = span(known.history)
    except BadRequest:
        return NOTHING_HAPPENED
    horizon = asked.horizon_h * HOUR
    instants = looks(known, asked.training_data_filter, begin, us(now))
    instants = instants.take(~blind.reaches_into(instants, horizon))
    if not len(instants):
        return NOTHING_KNOWN
    task = looked_at(cut(known.history, us(now)), instants, horizon, us(now), cuts(instants, asked.validation_split))
    if asked.is_control:
        stopped = shuffled(task.outcomes.stopped, asked.seed)
        task = replace(task, outcomes=replace(task.outcomes, stopped=stopped))
    found = train(task, Plan(asked.algorithm.value, asked.trials, asked.hyperparameters, asked.seed), tell)
    if isinstance(found, TooLittle):
        return found.reason
    assert isinstance(found, Learned)  # noqa: S101 - there is no third
    artefact = kept(found.pipeline)
    usual = median(task.matrix)
    return {
        "verdict": {
            "may_serve": found.may_serve,
            "best_rule": found.best_rival,
            "gain": asdict(found.gain),
            "skill_over_machine_rate": found.skill_over_machine_rate,
            "scores": {name: asdict(score) for name, score in found.scores.items()},
            "minutes": {name: score.written() for name, score in found.minutes.items()},
            "minutes_gain": asdict(found.minutes_gain),
            "tells_minutes": found.minutes_gain.excludes_zero,
            "leans_on": [asdict(each) for each in found.leans_on],
            "rows": dict(found.rows),
            "parameters": dict(found.parameters),
        },
        "features": list(found.names),
        "usual": [float(each) if np.isfinite(each) else None for each in usual],
        "calibration": asdict(found.calibration),
        "artefact": artefact.content,
        "sha256": artefact.sha256,
        "versions": artefact.versions,
    }


def looks(known: Past, given: TrainingFilter, begin: int, end: int) -> Instants:
    """Return the looks that are to be learned from, no more than memory has room for."""
    if given.start_date is not None:
        begin = max(begin, us(given.start_date))
    if given.end_date is not None:
        end = min(end, us(given.end_date))
    wanted = {uuid.UUID(each) for each in given.machine_ids} or set(known.machines)
    places = np.array([place for place, each in enumerate(known.machines) if each in wanted], np.int32)
    if begin >= end:
        return Instants(places[:0], np.empty(0, np.int64))
    found = grid(len(places), begin, end, step_of(len(places), begin, end, MOST_LOOKS))
    return Instants(places[found.machine], found.at)


async def _optimized(session: AsyncSession, row: TrainingRow, now: datetime) -> dict[str, Any]:
    given = OptimizerTrainingIn.model_validate(row.asked).training_data_filter
    end = given.end_date or now
    start = given.start_date or end - _OPTIMIZED
    found = await fitting.fit(session, row.organization_id, start, end)
    return {"machines": dict(found.result), "metrics": dict(found.metrics)}


async def _tell(database: Database, turn: Turn, progress: _Progress) -> None:
    while True:
        await asyncio.sleep(_TELL_S)
        # a database that is away for a while must not cost what was learned meanwhile
        with suppress(CloudError):
            async with database.transaction() as session:
                row = await trainings.running(session, turn)
                if row is not None:
                    row.progress, row.step = progress.share, progress.step


async def _concluded(
    database: Database, turn: Turn, conclude: Callable[[AsyncSession, TrainingRow], Awaitable[None]]
) -> None:
    """Write what came of a training and its end at once; nothing, where it was cancelled or taken over meanwhile."""
    async with database.transaction() as session:
        row = await trainings.running(session, turn)
        if row is None:
            return
        before = trainings.shown(row)
        await conclude(session, row)
        row.status, row.progress, row.step = TrainingStatus.DONE.value, 1.0, None
        row.finished_at = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        await session.flush()
        over = trainings.shown(row)
        actor = Operator(row.organization_id, ACTOR)
        await changes.record(session, actor, Entity.TRAINING, row.id, ChangeKind.UPDATED, before=before, after=over)
    log.info("training_done", training=str(turn.job_id), outcome=over.outcome, model=str(over.model_id))


async def _with_too_little(reason: Message, _: AsyncSession, row: TrainingRow) -> None:
    row.outcome = TrainingOutcome.INSUFFICIENT_DATA.value
    row.problem = trainings.said(INSUFFICIENT_DATA, reason=reason)


async def _with_result(result: dict[str, Any], _: AsyncSession, row: TrainingRow) -> None:
    is_any = any(each["attainable"] is not None for each in result["machines"].values())
    row.outcome = (TrainingOutcome.LEARNED if is_any else TrainingOutcome.INSUFFICIENT_DATA).value
    row.result = result
    if not is_any:
        row.problem = trainings.said(messages.FEW_DAYS)


async def _with_model(
    asked: TrainingIn, found: dict[str, Any], now: datetime, session: AsyncSession, row: TrainingRow
) -> None:
    last = text("SELECT coalesce(max(number), 0) FROM ml_model WHERE organization_id = :o AND kind = :k")
    number = (await session.execute(last, {"o": row.organization_id, "k": row.kind})).scalar_one() + 1
    state = ModelState.CANDIDATE if found["verdict"]["may_serve"] else ModelState.REFUSED
    model = ModelRow(
        organization_id=row.organization_id,
        kind=row.kind,
        number=number,
        horizon_h=asked.horizon_h,
        algorithm=asked.algorithm.value,
        state=state.value,
        is_control=asked.is_control,
        trained_at=now,
        learned_until=now,
        **found,
    )
    session.add(model)
    await session.flush()
    row.outcome, row.model_id = TrainingOutcome.LEARNED.value, model.id
    actor = Operator(row.organization_id, ACTOR)
    await changes.record(session, actor, Entity.MODEL, model.id, ChangeKind.CREATED, after=listed(model))

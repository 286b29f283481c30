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
from cloud.errors import CloudError
from cloud.languages import Language
from cloud.predictions import past
from cloud.predictions.grounds import cut, median
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
from cloud.predictions.messages import INSUFFICIENT_DATA
from cloud.predictions.optimizer import fitting
from cloud.predictions.outcomes import Outcomes
from cloud.predictions.past import Past
from cloud.production.service import failures
from cloud.production.service.moments import us, utc
from shared import logs

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
        job_id: The training.
        memory_mb: More is refused to it.
        nice: How much it gives way.
    """

    url: str
    job_id: uuid.UUID
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


def _bound(work: Work) -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    os.nice(work.nice)
    most = work.memory_mb * 2**20
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


async def _done(work: Work) -> None:
    database = Database(work.url, pool_size=1, overflow=1)
    try:
        try:
            await _learned(database, work.job_id)
        except MemoryError:
            await trainings.fail(database, work.job_id, trainings.said(messages.OUT_OF_MEMORY, most_mb=work.memory_mb))
        except CloudError as error:
            if error.retryable:
                raise
            await trainings.fail(database, work.job_id, {each.value: error.detail(each) for each in Language})
        except Exception as error:
            log.exception("training_failed", training=str(work.job_id))
            await trainings.fail(database, work.job_id, trainings.said(messages.DEFECT, error=type(error).__name__))
    finally:
        await database.close()


async def _learned(database: Database, job_id: uuid.UUID) -> None:
    async with database.reading() as session:
        row = (await session.scalars(select(TrainingRow).where(col(TrainingRow.id) == job_id))).one()
        now: datetime = (await session.execute(text("SELECT now()"))).scalar_one()
        if row.kind == ModelKind.OEE_OPTIMIZER:
            result = await _optimized(session, row, now)
            await _concluded(database, job_id, partial(_with_result, result))
            return
        known = await past.read(session, row.organization_id, now)
        first = min(known.since.values(), default=us(now))
        unknown = await failures.unknown(session, known.machines, utc(first), now)
    asked = TrainingIn.model_validate(row.asked)
    progress = _Progress()
    try:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(_tell(database, job_id, progress), name="progress")
            found = await asyncio.to_thread(_fitted, known, unknown, asked, now, progress)
            telling.cancel()
    except ExceptionGroup as trouble:
        # what learning itself met: too little memory is told otherwise than a defect
        raise trouble.exceptions[0] from trouble
    if isinstance(found, str):
        await _concluded(database, job_id, partial(_with_too_little, found))
    else:
        await _concluded(database, job_id, partial(_with_model, asked, found, now))


def _fitted(
    known: Past,
    unknown: list[tuple[uuid.UUID, datetime, datetime]],
    asked: TrainingIn,
    now: datetime,
    progress: _Progress,
) -> "dict[str, Any] | str":
    # here, for they take a second and a hundred megabytes that nobody else needs
    from cloud.predictions.artefact import kept  # noqa: PLC0415
    from cloud.predictions.judging import Wanted, task_of  # noqa: PLC0415
    from cloud.predictions.splitting import cuts  # noqa: PLC0415
    from cloud.predictions.training import Learned, Plan, TooLittle, shuffled, train  # noqa: PLC0415

    def tell(share: float, step: str) -> None:
        progress.share, progress.step = share, step

    try:
        task = task_of(cut(known.history, us(now)), Wanted(asked.horizon_h, asked.algorithm.value))
    except CloudError as error:
        return str(error.facts.get("reason", error.message))
    at, machine = task.instants.at, task.instants.machine
    counts = task.outcomes.counts & ~_overlaps(known, unknown, machine, at, task.horizon)
    counts &= _wanted(known, asked.training_data_filter, machine, at)
    stopped = shuffled(task.outcomes.stopped, asked.seed) if asked.is_control else task.outcomes.stopped
    places = cuts(task.instants.take(np.flatnonzero(counts)), asked.validation_split) if counts.any() else task.cuts
    task = replace(task, outcomes=Outcomes(stopped, task.outcomes.minutes, counts), cuts=places)
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


def _overlaps(
    known: Past, unknown: list[tuple[uuid.UUID, datetime, datetime]], machine: Any, at: Any, horizon: int
) -> Any:
    """Return which looks have, within their horizon, time of which nobody knows what the machine did."""
    found = np.zeros(len(at), bool)
    for machine_id, begin, end in unknown:
        found |= (machine == known.place(machine_id)) & (at < us(end)) & (at + horizon > us(begin))
    for place, machine_id in enumerate(known.machines):
        # before anything is known of a machine nothing came of it
        since = known.since.get(machine_id)
        found |= (machine == place) & ((at < since) if since is not None else True)
    return found


def _wanted(known: Past, given: TrainingFilter, machine: Any, at: Any) -> Any:
    """Return which looks are to be learned from."""
    found = np.ones(len(at), bool)
    if given.machine_ids:
        places = [place for place, each in enumerate(known.machines) if each in set(given.machine_ids)]
        found &= np.isin(machine, places)
    if given.start_date is not None:
        found &= at >= us(given.start_date)
    if given.end_date is not None:
        found &= at < us(given.end_date)
    return found


async def _optimized(session: AsyncSession, row: TrainingRow, now: datetime) -> dict[str, Any]:
    given = OptimizerTrainingIn.model_validate(row.asked).training_data_filter
    end = given.end_date or now
    start = given.start_date or end - _OPTIMIZED
    found = await fitting.fit(session, row.organization_id, start, end)
    return {"machines": dict(found.result), "metrics": dict(found.metrics)}


async def _tell(database: Database, job_id: uuid.UUID, progress: _Progress) -> None:
    while True:
        await asyncio.sleep(_TELL_S)
        # a database that is away for a while must not cost what was learned meanwhile
        with suppress(CloudError):
            async with database.transaction() as session:
                row = await trainings.running(session, job_id)
                if row is not None:
                    row.progress, row.step = progress.share, progress.step


async def _concluded(
    database: Database, job_id: uuid.UUID, conclude: Callable[[AsyncSession, TrainingRow], Awaitable[None]]
) -> None:
    """Write what came of a training and its end at once; nothing, where it was cancelled meanwhile."""
    async with database.transaction() as session:
        row = await trainings.running(session, job_id)
        if row is None:
            return
        before = trainings.shown(row)
        await conclude(session, row)
        row.status, row.progress, row.step = TrainingStatus.DONE.value, 1.0, None
        row.finished_at = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        await session.flush()
        over = trainings.shown(row)
        actor = Operator(row.organization_id, ACTOR)
        await changes.record(session, actor, Entity.TRAINING, job_id, ChangeKind.UPDATED, before=before, after=over)
    log.info("training_done", training=str(job_id), outcome=over.outcome, model=str(over.model_id))


async def _with_too_little(reason: str, _: AsyncSession, row: TrainingRow) -> None:
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

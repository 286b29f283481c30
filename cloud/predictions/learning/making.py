"""Owns doing trainings: one at a time, in a process of its own that is watched, ended when told, and may die.

The process writes a model and its training's end in one transaction, and nothing else. So whatever happens to it, what
serves goes on serving. One that dies is told as failed; one whose watcher died too is done once more.
"""

import asyncio
import multiprocessing
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import SpawnProcess

from sqlalchemy import or_, select, update
from sqlmodel import col

from cloud.db import Database
from cloud.predictions.learning import learner, messages, trainings
from cloud.predictions.learning.rows import TrainingRow
from cloud.predictions.learning.schemas import TrainingStatus
from shared import logs

# nobody has seen to it for so long: its watcher is gone
LEASE = timedelta(minutes=1)
ATTEMPTS = 2
_LOOK_S = 0.5
# what bounds the threads of numeric libraries
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a training may take: seconds, megabytes of memory, and how much it gives way to others."""

    seconds: float = 1800.0
    memory_mb: int = 3072
    nice: int = 10


async def train_next(database: Database, now: datetime, limits: Limits | None = None) -> bool:
    """Do the training that has waited longest; return whether there was one.

    Raises:
        DatabaseUnavailable: The database does not answer; the training is done again later.
    """
    limits = limits if limits is not None else Limits()
    job_id = await _claimed(database, now)
    if job_id is None:
        return False
    url = database.engine.url.render_as_string(hide_password=False)
    work = learner.Work(url, job_id, limits.memory_mb, limits.nice)
    process = multiprocessing.get_context("spawn").Process(target=learner.main, args=(work,), name="training")
    with _one_thread_each():
        process.start()
    log.info("training_begun", training=str(job_id), process=process.pid)
    try:
        problem = await _watched(database, job_id, process, limits.seconds)
    finally:
        # also when the service ends in the midst of it
        if process.is_alive():
            process.kill()
        process.join()
    if problem is not None:
        await trainings.fail(database, job_id, problem)
    return True


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let numeric libraries of a process that begins now take one thread, as many as do the work as well."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def _watched(
    database: Database, job_id: uuid.UUID, process: SpawnProcess, limit_s: float
) -> dict[str, str] | None:
    """Wait for the process; return what went wrong, None where it has said how it ended, or nobody wants to know."""
    loop = asyncio.get_running_loop()
    until = loop.time() + limit_s
    while process.is_alive():
        await asyncio.sleep(_LOOK_S)
        if not await _still_wanted(database, job_id):
            return None
        if loop.time() > until:
            return trainings.said(messages.TOO_LONG, limit_s=limit_s)
    if process.exitcode == 0:
        return None
    return trainings.said(messages.DIED, exit_code=process.exitcode)


async def _claimed(database: Database, now: datetime) -> uuid.UUID | None:
    async with database.transaction() as session:
        row = TrainingRow
        abandoned = (col(row.status) == TrainingStatus.RUNNING.value) & (col(row.beat_at) < now - LEASE)
        due = (
            select(row)
            .where(or_(col(row.status) == TrainingStatus.QUEUED.value, abandoned))
            .order_by(col(row.created_at))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        found = (await session.scalars(due)).one_or_none()
        if found is None:
            return None
        if found.attempts >= ATTEMPTS:
            await trainings.ended(session, found, trainings.said(messages.ABANDONED))
            return None
        found.status, found.attempts, found.beat_at = TrainingStatus.RUNNING.value, found.attempts + 1, now
        found.progress = 0.0
        return found.id


async def _still_wanted(database: Database, job_id: uuid.UUID) -> bool:
    async with database.transaction() as session:
        mine = col(TrainingRow.id) == job_id
        running = col(TrainingRow.status) == TrainingStatus.RUNNING.value
        beat = update(TrainingRow).where(mine, running).values(beat_at=datetime.now(UTC))
        done = await session.execute(beat.returning(col(TrainingRow.id)))
        return done.one_or_none() is not None

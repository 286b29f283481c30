"""Owns doing trainings: one at a time, in a process of its own that is watched, ended when told, and may die.

The process writes a model and its training's end in one transaction, and nothing else. So whatever happens to it, what
serves goes on serving. One that dies is told as failed; one whose watcher died too is done once more. Who watches is
told by the database's clock and by the number of the attempt: of two services whose clocks differ neither takes the
other's, and one that slept meanwhile says nothing of what another took over.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.context import SpawnProcess

from sqlalchemy import func, or_, select, update
from sqlmodel import col

from cloud.db import Database
from cloud.predictions.learning import learner, messages, trainings
from cloud.predictions.learning.rows import TrainingRow
from cloud.predictions.learning.schemas import TrainingStatus
from cloud.predictions.learning.trainings import Turn
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


async def train_next(database: Database, limits: Limits | None = None) -> bool:
    """Do the training that has waited longest; return whether there was one.

    Raises:
        DatabaseUnavailable: The database does not answer; the training is done again later.
    """
    limits = limits if limits is not None else Limits()
    mine = await _claimed(database)
    if mine is None:
        return False
    url = database.engine.url.render_as_string(hide_password=False)
    work = learner.Work(url, mine, limits.memory_mb, limits.nice)
    process = multiprocessing.get_context("spawn").Process(target=learner.main, args=(work,), name="training")
    with _one_thread_each():
        process.start()
    log.info("training_begun", training=str(mine.job_id), process=process.pid)
    try:
        problem = await _watched(database, mine, process, limits.seconds)
    finally:
        # also when the service ends in the midst of it
        if process.is_alive():
            process.kill()
        process.join()
    if problem is not None:
        await trainings.fail(database, mine, problem)
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


async def _watched(database: Database, mine: Turn, process: SpawnProcess, limit_s: float) -> dict[str, str] | None:
    """Wait for the process; return what went wrong, None where it has said how it ended, or nobody wants to know."""
    loop = asyncio.get_running_loop()
    until = loop.time() + limit_s
    while process.is_alive():
        await asyncio.sleep(_LOOK_S)
        if not await _still_wanted(database, mine):
            return None
        if loop.time() > until:
            return trainings.said(messages.TOO_LONG, limit_s=limit_s)
    if process.exitcode == 0:
        return None
    return trainings.said(messages.DIED, exit_code=process.exitcode)


async def _claimed(database: Database) -> Turn | None:
    async with database.transaction() as session:
        row = TrainingRow
        is_left = col(row.beat_at) < func.clock_timestamp() - LEASE
        due = (
            select(row)
            .where(
                or_(
                    col(row.status) == TrainingStatus.QUEUED.value,
                    (col(row.status) == TrainingStatus.RUNNING.value) & is_left,
                )
            )
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
        found.status, found.attempts, found.progress = TrainingStatus.RUNNING.value, found.attempts + 1, 0.0
        found.beat_at = await session.scalar(select(func.clock_timestamp()))
        return Turn(found.id, found.attempts)


async def _still_wanted(database: Database, mine: Turn) -> bool:
    async with database.transaction() as session:
        beat = update(TrainingRow).where(*trainings.is_under_way(mine)).values(beat_at=func.clock_timestamp())
        done = await session.execute(beat.returning(col(TrainingRow.id)))
        return done.one_or_none() is not None

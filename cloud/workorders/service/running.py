"""Owns which stages ran on a machine, and what people reported of them: what counts and figures ask."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import marks, windows
from cloud.windows import Window
from cloud.workorders.models import StageAssignment, WorkOrder, WorkOrderStage

_MINUTE = timedelta(minutes=1)
# a piece that was taken back is taken back from when it was made
_REPORTED = text(f"""
    SELECT asked.number, found.* FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT event.stage_id, event.kind, event.quantity, coalesce(taken.occurred_at, event.occurred_at) AS at
        FROM production_event AS event
        JOIN work_order_stage AS stage ON stage.id = event.stage_id
        LEFT JOIN production_event AS taken ON taken.id = event.reverses_id
        WHERE stage.machine_id = asked.machine_id
              AND coalesce(taken.occurred_at, event.occurred_at) >= asked.start_at
              AND coalesce(taken.occurred_at, event.occurred_at) < asked.end_at
        ORDER BY event.id
    ) AS found
""")  # noqa: S608 - names of ours

_RUNS = text(f"""
    SELECT asked.number, found.* FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT stage.id, stage.actual_start, stage.actual_end, work_order.product_code, work_order.part_number
        FROM work_order_stage AS stage JOIN work_order ON work_order.id = stage.work_order_id
        WHERE stage.machine_id = asked.machine_id AND stage.actual_start < asked.end_at
              AND (stage.actual_end IS NULL OR stage.actual_end > asked.start_at)
        ORDER BY stage.actual_start, stage.id
    ) AS found
""")  # noqa: S608 - names of ours

_HOURS = text("""
    SELECT DISTINCT stage.machine_id, date_trunc('hour', coalesce(taken.occurred_at, event.occurred_at), 'UTC') AS hour
    FROM production_event AS event
    JOIN work_order_stage AS stage ON stage.id = event.stage_id
    LEFT JOIN production_event AS taken ON taken.id = event.reverses_id
    WHERE event.stage_id = ANY(CAST(:stages AS int[])) AND stage.machine_id IS NOT NULL
          AND (CAST(:since AS timestamptz) IS NULL OR coalesce(taken.occurred_at, event.occurred_at) >= :since)
""")

# stages that no machine makes, an assembly by hand: no ledger of a machine holds their pieces
_BY_HAND = text("""
    SELECT event.stage_id, event.kind, event.quantity, coalesce(taken.occurred_at, event.occurred_at) AS at
    FROM production_event AS event
    JOIN work_order_stage AS stage ON stage.id = event.stage_id
    LEFT JOIN production_event AS taken ON taken.id = event.reverses_id
    WHERE event.stage_id = ANY(CAST(:stages AS int[])) AND stage.machine_id IS NULL
          AND (CAST(:start AS timestamptz) IS NULL OR coalesce(taken.occurred_at, event.occurred_at) >= :start)
          AND coalesce(taken.occurred_at, event.occurred_at) < :end
    ORDER BY event.id
""")

_TOLD = text("""
    SELECT stage_id FROM production_event WHERE stage_id = ANY(CAST(:stages AS int[])) AND kind = 'good'
    GROUP BY 1 HAVING sum(quantity) <> 0
""")

# the last operation of each order of a job
_FINISHED = text("""
    SELECT sum(good_qty)::bigint FROM (
        SELECT DISTINCT ON (work_order.id) good_qty
        FROM work_order JOIN work_order_stage ON work_order_id = work_order.id
        WHERE organization_id = :whose AND job_number = :job_number ORDER BY work_order.id, op_number DESC
    ) AS last
""")

_MADE = text("""
    SELECT stage.id, stage.op_number, work_order.part_number, work_order.job_number, work_order.id AS work_order_id,
           coalesce(array_agg(user_id) FILTER (WHERE user_id IS NOT NULL), '{}') AS users
    FROM work_order_stage AS stage JOIN work_order ON work_order.id = stage.work_order_id
    LEFT JOIN stage_assignment ON stage_id = stage.id
    WHERE stage.id = ANY(CAST(:stages AS int[])) GROUP BY 1, 2, 3, 4, 5
""")


@dataclass(frozen=True, slots=True)
class Run:
    """That a stage ran on a machine; without an end it still does."""

    stage_id: int
    start: datetime
    end: datetime | None
    product_code: str
    part_number: str | None


@dataclass(frozen=True, slots=True)
class Reported:
    """Pieces that somebody reported of a stage; negative when they were taken back."""

    stage_id: int
    at: datetime
    kind: str
    quantity: int


async def runs(session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime) -> list[Run]:
    """Return the stages that ran on a machine and overlap a range, by their beginning."""
    [found] = await runs_in(session, [Window(machine_id, start, end)])
    return found


async def runs_in(session: AsyncSession, asked: Sequence[Window]) -> list[list[Run]]:
    """Return the same of each of several windows."""
    return [
        [Run(row.id, row.actual_start, row.actual_end, row.product_code, row.part_number) for row in found]
        for found in await windows.rows(session, _RUNS, asked)
    ]


async def reported_in(session: AsyncSession, asked: Sequence[Window]) -> list[list[Reported]]:
    """Return what was reported in each window of stages on its machine."""
    return [
        [Reported(row.stage_id, row.at, row.kind, row.quantity) for row in found]
        for found in await windows.rows(session, _REPORTED, asked)
    ]


async def mark(session: AsyncSession, stage: WorkOrderStage, now: datetime) -> None:
    """Have what a stage's machine counted and amounts to derived anew, since the stage began."""
    if stage.machine_id is not None and stage.actual_start is not None:
        # a running stage goes on; that it began is seen in the minute in which it did
        end = stage.actual_end or max(now, stage.actual_start + _MINUTE)
        await marks.put(session, stage.machine_id, stage.actual_start, max(end, now))


async def parts_of(session: AsyncSession, stage_ids: set[int]) -> dict[int, str]:
    """Return the part that each stage makes; one whose order names none is left out."""
    statement = (
        select(col(WorkOrderStage.id), col(WorkOrder.part_number))
        .join(WorkOrder, col(WorkOrder.id) == col(WorkOrderStage.work_order_id))
        .where(col(WorkOrderStage.id).in_(stage_ids), col(WorkOrder.part_number).is_not(None))
    )
    return {row.id: row.part_number for row in await session.execute(statement)}


@dataclass(frozen=True, slots=True)
class Made:
    """What a stage makes, for which job, and which users do it."""

    part_number: str | None
    job_number: str | None
    work_order_id: int
    op_number: int
    users: tuple[int, ...]


async def made_by(session: AsyncSession, stage_ids: Collection[int]) -> dict[int, Made]:
    """Return what each stage makes, for whom, and who does it."""
    if not stage_ids:
        return {}
    rows = await session.execute(_MADE, {"stages": list(stage_ids)})
    return {
        row.id: Made(row.part_number, row.job_number, row.work_order_id, row.op_number, tuple(row.users))
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Ran:
    """When a stage ran, and where; what goes on ran until now."""

    stage_id: int
    machine_id: uuid.UUID | None
    start: datetime
    end: datetime


async def ran(session: AsyncSession, stage_ids: Collection[int], now: datetime) -> list[Ran]:
    """Return when each of some stages ran; one that never began is left out."""
    stage = WorkOrderStage
    statement = select(col(stage.id), col(stage.machine_id), col(stage.actual_start), col(stage.actual_end)).where(
        col(stage.id).in_(stage_ids), col(stage.actual_start).is_not(None)
    )
    rows: Any = await session.execute(statement)
    return [Ran(row[0], row[1], row[2], row[3] or now) for row in rows]


async def by_hand(
    session: AsyncSession, stage_ids: Collection[int], start: datetime | None, end: datetime
) -> list[Reported]:
    """Return what was reported in a range of those of some stages that no machine makes."""
    rows = await session.execute(_BY_HAND, {"stages": list(stage_ids), "start": start, "end": end})
    return [Reported(row.stage_id, row.at, row.kind, row.quantity) for row in rows]


async def told(session: AsyncSession, stage_ids: Collection[int]) -> set[int]:
    """Return those of some stages whose good pieces people reported, at any time."""
    return set(await session.scalars(_TOLD, {"stages": list(stage_ids)}))


async def finished(session: AsyncSession, organization_id: uuid.UUID, job_number: str) -> int:
    """Return how many good pieces the last operations of a job's orders made so far."""
    return await session.scalar(_FINISHED, {"whose": organization_id, "job_number": job_number}) or 0


async def stages_of(
    session: AsyncSession,
    organization_id: uuid.UUID,
    parts: Collection[str] | None,
    jobs: Collection[str] | None,
    orders: Collection[int] | None,
    users: Collection[int] | None,
) -> list[int]:
    """Return the stages that make any of some parts, for any of some jobs, of any of some orders, by any of some users.

    None of these asks nothing.
    """
    conditions = [
        col(column).in_(chosen)
        for column, chosen in ((WorkOrder.part_number, parts), (WorkOrder.job_number, jobs), (WorkOrder.id, orders))
        if chosen is not None
    ]
    if users is not None:
        theirs = select(col(StageAssignment.stage_id)).where(col(StageAssignment.user_id).in_(users))
        conditions.append(col(WorkOrderStage.id).in_(theirs))
    statement = (
        select(col(WorkOrderStage.id))
        .join(WorkOrder, col(WorkOrder.id) == col(WorkOrderStage.work_order_id))
        .where(col(WorkOrder.organization_id) == organization_id, *conditions)
    )
    return [each for each in await session.scalars(statement) if each is not None]


async def machines_of(session: AsyncSession, stage_ids: Collection[int]) -> set[uuid.UUID]:
    """Return the machines that some stages are made on."""
    machine = col(WorkOrderStage.machine_id)
    found = select(machine).where(col(WorkOrderStage.id).in_(stage_ids), machine.is_not(None))
    return {each for each in await session.scalars(found) if each is not None}


async def stages_that_make(
    session: AsyncSession, organization_id: uuid.UUID, part_number: str | None, work_order_id: int | None
) -> list[int]:
    """Return the stages of all orders that make a part, or of one order."""
    is_meant = (
        col(WorkOrder.part_number) == part_number if work_order_id is None else col(WorkOrder.id) == work_order_id
    )
    statement = (
        select(col(WorkOrderStage.id))
        .join(WorkOrder, col(WorkOrder.id) == col(WorkOrderStage.work_order_id))
        .where(col(WorkOrder.organization_id) == organization_id, is_meant)
    )
    return [each for each in await session.scalars(statement) if each is not None]


async def reported_hours(
    session: AsyncSession, stage_ids: Collection[int], since: datetime | None
) -> list[tuple[uuid.UUID, datetime]]:
    """Return on which machines, in which hours, people reported pieces of some stages."""
    rows = await session.execute(_HOURS, {"stages": list(stage_ids), "since": since})
    return [(row.machine_id, row.hour) for row in rows]


async def machine_of(session: AsyncSession, organization_id: uuid.UUID, stage_id: int) -> uuid.UUID | None:
    """Return the machine that a stage is made on; None where there is no such stage, or no machine."""
    statement = (
        select(col(WorkOrderStage.machine_id))
        .join(WorkOrder, col(WorkOrder.id) == col(WorkOrderStage.work_order_id))
        .where(col(WorkOrderStage.id) == stage_id, col(WorkOrder.organization_id) == organization_id)
    )
    found: uuid.UUID | None = await session.scalar(statement)
    return found

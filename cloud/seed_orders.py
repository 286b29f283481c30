"""Owns making a made-up plant's people, its jobs and its orders, as `cloud/seed_work.py` has them.

They are made by the slices that own them; only that orders began and ended in the past is written as it was, for nobody
can start one yesterday.
"""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import seed_work
from cloud.changes import Operator
from cloud.identity import service as identity
from cloud.identity.passwords import Passwords
from cloud.identity.schemas import Role
from cloud.jobs import service as jobs
from cloud.jobs.schemas import JobIn, JobPriority, JobStatus
from cloud.operators import service as operators
from cloud.operators.schemas import OperatorIn, ShiftPreference, SkillLevel
from cloud.seed_plant import Plant
from cloud.seed_work import Task

_ORDERS = text("""
    WITH ordered AS (
        INSERT INTO work_order (organization_id, product_code, part_number, job_number, lot_no, qty, planned_start,
                                planned_end, status)
        SELECT :organization_id, product, product, job, lot, 1000000, start_at, end_at, 'done'
        FROM unnest(CAST(:products AS text[]), CAST(:jobs AS text[]), CAST(:lots AS text[]),
                    CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
             AS told (product, job, lot, start_at, end_at)
        RETURNING id, lot_no, planned_start, planned_end
    ), made AS (
        SELECT * FROM unnest(CAST(:lots AS text[]), CAST(:machines AS uuid[]), CAST(:users AS int[]))
                      AS made (lot, machine, by_user)
    ), staged AS (
        INSERT INTO work_order_stage (work_order_id, op_number, stage_name, planned_start, planned_end, actual_start,
                                      actual_end, status, machine_id)
        SELECT ordered.id, 10, 'Enjeksiyon', planned_start, planned_end, planned_start, planned_end, 'done', machine
        FROM ordered JOIN made ON made.lot = ordered.lot_no
        RETURNING id, work_order_id
    )
    INSERT INTO stage_assignment (stage_id, user_id, work_order_id)
    SELECT staged.id, by_user, ordered.id
    FROM staged JOIN ordered ON ordered.id = work_order_id JOIN made ON made.lot = ordered.lot_no
""")


async def make(session: AsyncSession, organization_id: uuid.UUID, plant: Plant, ids: Mapping[str, uuid.UUID]) -> None:
    """Make operators, jobs and the orders that ran; `ids` are the machines' by their codes."""
    users = await _people(session, organization_id)
    done = seed_work.tasks(plant)
    await _jobs(session, organization_id, plant, done)
    await _orders(session, organization_id, plant, done, ids, users)


async def _people(session: AsyncSession, organization_id: uuid.UUID) -> list[int]:
    """Make the operators, and the users that stages are assigned to; nobody knows their passwords."""
    levels, likes = list(SkillLevel), list(ShiftPreference)
    # 192 random bits need no slow hash: nobody tries them out
    passwords = Passwords(PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),)))
    # for the names of users are of all organizations, and these are known by their number
    mark = organization_id.hex[:8]
    users = []
    for number, name in enumerate(seed_work.PEOPLE):
        username, secret = f"{seed_work.emp_id(number).lower()}-{mark}", secrets.token_urlsafe(24)
        user = await identity.create_user(session, organization_id, username, Role.WORKER, secret, passwords)
        users.append(user.id)
        person = {
            "emp_id": seed_work.emp_id(number),
            "operator_name": name,
            "skill_level": levels[number % len(levels)],
            "shift_preference": likes[number % len(likes)],
            "department": "Enjeksiyon",
            "hire_date": date(2010 + number, 1, 15),
            "supervisor_id": seed_work.emp_id(0) if number else None,
            "user_id": user.id,
        }
        await operators.create(session, Operator(organization_id), OperatorIn.model_validate(person))
    return users


async def _jobs(session: AsyncSession, organization_id: uuid.UUID, plant: Plant, done: Sequence[Task]) -> None:
    """Make the jobs that the orders are of, those that are over completed; and one each that waits or was given up."""
    of_job: dict[str, list[Task]] = {}
    for task in done:
        of_job.setdefault(task.job, []).append(task)
    told = [_job(plant, number, of_it) for number, of_it in sorted(of_job.items())]
    told.append({"job_number": "J-NEXT", "job_name": "Next year's", "quantity_ordered": 50_000})
    told.append({"job_number": "J-GONE", "job_name": "Withdrawn", "job_status": JobStatus.CANCELLED})
    for each in told:
        await jobs.create(session, Operator(organization_id), JobIn.model_validate(each))


def _job(plant: Plant, number: str, of_it: Sequence[Task]) -> dict[str, Any]:
    runs = [task.run for task in of_it]
    begin, end = min(run.start for run in runs), max(run.end for run in runs)
    is_over = end < plant.seconds - 86400
    good = seed_work.good(of_it)
    which = runs[0].product
    return {
        "job_number": number,
        "job_name": f"{seed_work.product(which)} for customer {which % 7 + 1}",
        "customer_id": f"C-{which % 7 + 1}",
        "priority": list(JobPriority)[which % len(JobPriority)],
        "job_status": JobStatus.COMPLETED if is_over else JobStatus.IN_PROGRESS,
        # who is not ready yet has a fifth to go
        "quantity_ordered": good if is_over else good * 5 // 4,
        "quantity_completed": good,
        "estimated_hours": sum(run.end - run.start for run in runs) / 3600,
        "start_date": plant.at(begin),
        "completion_date": plant.at(end) if is_over else None,
        "due_date": plant.at(end) + timedelta(days=which % 3 - 1),
        "complexity_rating": which % 10 + 1,
    }


async def _orders(
    session: AsyncSession,
    organization_id: uuid.UUID,
    plant: Plant,
    done: Sequence[Task],
    ids: Mapping[str, uuid.UUID],
    users: Sequence[int],
) -> None:
    told = {
        "organization_id": organization_id,
        "products": [seed_work.product(task.run.product) for task in done],
        "jobs": [task.job for task in done],
        "lots": [f"{task.machine.code}/{task.number}" for task in done],
        "starts": [plant.at(task.run.start) for task in done],
        "ends": [plant.at(task.run.end) for task in done],
        "machines": [ids[task.machine.code] for task in done],
        "users": [users[task.operator] for task in done],
    }
    await session.execute(_ORDERS, told)

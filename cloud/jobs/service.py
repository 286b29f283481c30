"""Owns what can be done with jobs."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.changes import Actor, Entity
from cloud.errors import Invalid
from cloud.identity.schemas import Caller
from cloud.jobs import messages
from cloud.jobs.models import JobRow
from cloud.jobs.schemas import JobIn, JobOut, JobPatch, JobPriority, JobReplacement, JobSort, JobStatus
from cloud.paging import Page, Paging
from cloud.preconditions import WHICHEVER, Seen
from cloud.register import Register, Words, holds_words
from cloud.values import Source

_JOBS = Register(JobRow, "job_number", JobOut, Entity.JOB, Words(messages.NOT_FOUND, messages.TAKEN, messages.IN_USE))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs of a list are wanted, and in which order; None wants all."""

    job_status: JobStatus | None = None
    priority: JobPriority | None = None
    customer_id: str | None = None
    text: str | None = None
    sort: JobSort = "job_number"


async def jobs(session: AsyncSession, caller: Caller, page: Paging, wanted: Wanted) -> Page[JobOut]:
    """Return a page of the organization's jobs."""
    equal = (
        (JobRow.job_status, wanted.job_status),
        (JobRow.priority, wanted.priority),
        (JobRow.customer_id, wanted.customer_id),
    )
    conditions = [col(column) == value for column, value in equal if value is not None]
    conditions += holds_words(wanted.text, (JobRow.job_number, JobRow.job_name, JobRow.customer_name))
    return await _JOBS.page(session, caller.organization_id, page, conditions, wanted.sort)


async def job(session: AsyncSession, organization_id: uuid.UUID, job_number: str) -> JobOut:
    """Return one job.

    Raises:
        NotFound: There is none.
    """
    return await _JOBS.one(session, organization_id, job_number)


async def create(session: AsyncSession, actor: Actor, given: JobIn) -> JobOut:
    """Add a job.

    Raises:
        Conflict: The number is taken.
    """
    return await _JOBS.create(session, actor, given)


async def change(
    session: AsyncSession, actor: Actor, job_number: str, given: JobReplacement | JobPatch, seen: Seen = WHICHEVER
) -> JobOut:
    """Change what is known of a job.

    Raises:
        NotFound: There is none.
        PreconditionFailed: It is not as the caller saw it.
        Invalid: It would be complete before it began.
    """
    values = given.values()
    if {"start_date", "completion_date"} & values.keys():
        there = await _JOBS.one(session, actor.organization_id, job_number)
        begun = values.get("start_date", there.start_date)
        complete = values.get("completion_date", there.completion_date)
        if begun is not None and complete is not None and complete < begun:
            raise Invalid(messages.DATES_BACKWARDS)
    return await _JOBS.change(session, actor, job_number, given, seen)


async def delete(session: AsyncSession, actor: Actor, job_number: str, seen: Seen = WHICHEVER) -> None:
    """Forget a job that has no job logs.

    Raises:
        NotFound: There is none.
        Conflict: It has job logs.
    """
    await _JOBS.delete(session, actor, job_number, seen)


async def ensure(session: AsyncSession, actor: Actor, numbers: Collection[str]) -> set[str]:
    """Add those jobs that are not there yet, as imported; return which were added."""
    rows = [{"job_number": number, "source": Source.IMPORT.value} for number in numbers]
    return await _JOBS.ensure(session, actor, rows)

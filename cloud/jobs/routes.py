"""Owns the HTTP side of jobs."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.jobs import service
from cloud.jobs.schemas import (
    AnyCasePriority,
    AnyCaseStatus,
    JobIn,
    JobNumber,
    JobOut,
    JobPatch,
    JobReplacement,
    JobSort,
)
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("")
async def list_jobs(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    status: AnyCaseStatus | None = None,
    priority: AnyCasePriority | None = None,
    customer_id: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    q: Annotated[str | None, Query(max_length=100, description="Words in number, name or customer")] = None,
    sort: Annotated[JobSort, Query(description="With a minus, last first")] = "job_number",
) -> Page[JobOut]:
    """List the jobs; texts match in any case, i, ı and İ alike."""
    return await service.jobs(session, caller, paging, service.Wanted(status, priority, customer_id, q, sort))


@router.post("", status_code=201)
async def create_job(session: Session, caller: CurrentCaller, job: JobIn) -> JobOut:
    """Add a job."""
    return await service.create(session, caller, job)


@router.get("/by-status/{status}")
async def list_jobs_by_status(
    session: Session, caller: CurrentCaller, status: AnyCaseStatus, paging: PageQuery
) -> Page[JobOut]:
    """List the jobs of one status."""
    return await service.jobs(session, caller, paging, service.Wanted(job_status=status))


# numbers such as 2026/113 are usual, and %2F is a slash by the time that a path is looked up
@router.get("/{job_number:path}")
async def get_job(session: Session, caller: CurrentCaller, job_number: JobNumber) -> JobOut:
    """Return one job."""
    return await service.job(session, caller.organization_id, job_number)


@router.put("/{job_number:path}")
async def replace_job(
    session: Session, caller: CurrentCaller, job_number: JobNumber, job: JobReplacement, seen: IfMatch
) -> JobOut:
    """Say anew all that is known of a job: what is left out is unknown from now on."""
    return await service.change(session, caller, job_number, job, seen)


@router.patch("/{job_number:path}")
async def change_job(
    session: Session, caller: CurrentCaller, job_number: JobNumber, job: JobPatch, seen: IfMatch
) -> JobOut:
    """Change some of what is known of a job: what is left out stays, and null clears."""
    return await service.change(session, caller, job_number, job, seen)


@router.delete("/{job_number:path}", status_code=204)
async def delete_job(session: Session, caller: CurrentCaller, job_number: JobNumber, seen: IfMatch) -> None:
    """Forget a job that has no job logs; one that has a past is CANCELLED instead."""
    await service.delete(session, caller, job_number, seen)

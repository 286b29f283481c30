"""Owns the HTTP side of how operators, jobs and parts did."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from cloud.analytics import messages
from cloud.analytics.schemas import PolicyName
from cloud.analytics.service import performing, policies
from cloud.db import Session
from cloud.errors import Invalid
from cloud.identity.caller import CurrentCaller
from cloud.joblogs.schemas import (
    AnyCaseSource,
    JobPerformanceOut,
    OperatorPerformanceOut,
    PartPerformanceOut,
    ProductionHistoryOut,
)
from cloud.joblogs.service.performance import Asked
from cloud.jobs.schemas import JobNumber
from cloud.kpi.worked import Bucket
from cloud.operators.schemas import EmpId
from cloud.parts.schemas import PartNumber
from cloud.values import Moment

router = APIRouter(tags=["performance"])


async def _asked(
    session: Session,
    caller: CurrentCaller,
    begin: Annotated[
        Moment | None, Query(alias="from", description="As far back as anything is known, without it")
    ] = None,
    end: Annotated[Moment | None, Query(alias="to", description="Half-open: before this time")] = None,
    policy: PolicyName = None,
) -> Asked:
    if begin is not None and end is not None and end <= begin:
        raise Invalid(messages.WINDOW_BACKWARDS)
    return Asked(await policies.named(session, caller.organization_id, policy), begin, end)


Window = Annotated[Asked, Depends(_asked)]
By = Annotated[
    AnyCaseSource | None,
    Query(description="Without it the ledger where orders of ours ran then, else the job log alone"),
]


@router.get("/operators/{emp_id}/performance")
async def measure_operator(
    session: Session, caller: CurrentCaller, emp_id: EmpId, asked: Window, by: By = None
) -> OperatorPerformanceOut:
    """Return how an operator worked: his stages, and his rows of the job log; a worker sees his own only."""
    return await performing.of_operator(session, caller, emp_id, asked, by, datetime.now(UTC))


@router.get("/jobs/{job_number:path}/performance")
async def measure_job(
    session: Session, caller: CurrentCaller, job_number: JobNumber, asked: Window, by: By = None
) -> JobPerformanceOut:
    """Return how a job went, or goes: its orders, and its rows of the job log."""
    return await performing.of_job(session, caller, job_number, asked, by, datetime.now(UTC))


@router.get("/parts/{part_number:path}/performance")
async def measure_part(
    session: Session, caller: CurrentCaller, part_number: PartNumber, asked: Window, by: By = None
) -> PartPerformanceOut:
    """Return how a part is made: orders that make it, and its rows of the job log."""
    return await performing.of_part(session, caller, part_number, asked, by, datetime.now(UTC))


@router.get("/parts/{part_number:path}/production-history")
async def show_production(
    session: Session,
    caller: CurrentCaller,
    part_number: PartNumber,
    asked: Window,
    bucket: Annotated[Bucket, Query(description="Into which periods it is cut")] = Bucket.DAY,
    by: By = None,
) -> ProductionHistoryOut:
    """Return how a part was made over time; days are the organization's, by the ledger those on which shifts began."""
    return await performing.history(session, caller, part_number, asked, bucket, by, datetime.now(UTC))

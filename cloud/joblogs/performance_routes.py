"""Owns the HTTP side of how operators, jobs and parts did by the job log."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from cloud.db import Session
from cloud.errors import Invalid
from cloud.identity.caller import CurrentCaller
from cloud.joblogs import messages
from cloud.joblogs.schemas import JobPerformanceOut, OperatorPerformanceOut, PolicyName, ProductionHistoryOut
from cloud.joblogs.service import performance
from cloud.joblogs.service.performance import Asked
from cloud.jobs.schemas import JobNumber
from cloud.kpi.policy import PRESETS
from cloud.kpi.worked import Bucket
from cloud.operators.schemas import EmpId
from cloud.parts.schemas import PartNumber
from cloud.values import Moment

router = APIRouter(tags=["performance"])


async def _asked(
    begin: Annotated[
        Moment | None, Query(alias="from", description="As far back as there are rows, without it")
    ] = None,
    end: Annotated[Moment | None, Query(alias="to", description="Half-open: before this time")] = None,
    policy: PolicyName = PolicyName.ISO22400,
) -> Asked:
    if begin is not None and end is not None and end <= begin:
        raise Invalid(messages.WINDOW_BACKWARDS)
    return Asked(PRESETS[policy], begin, end)


Window = Annotated[Asked, Depends(_asked)]


@router.get("/operators/{emp_id}/performance")
async def measure_operator(
    session: Session, caller: CurrentCaller, emp_id: EmpId, asked: Window
) -> OperatorPerformanceOut:
    """Return how an operator worked, by the job log; a worker is shown his own only."""
    return await performance.of_operator(session, caller, emp_id, asked, datetime.now(UTC))


@router.get("/jobs/{job_number:path}/performance")
async def measure_job(
    session: Session, caller: CurrentCaller, job_number: JobNumber, asked: Window
) -> JobPerformanceOut:
    """Return how a job went, or goes, by the job log."""
    return await performance.of_job(session, caller, job_number, asked, datetime.now(UTC))


@router.get("/parts/{part_number:path}/production-history")
async def show_production(
    session: Session,
    caller: CurrentCaller,
    part_number: PartNumber,
    asked: Window,
    bucket: Annotated[Bucket, Query(description="Into which periods it is cut")] = Bucket.DAY,
) -> ProductionHistoryOut:
    """Return how a part was made over time, by the job log; days are the organization's."""
    return await performance.of_part(session, caller, part_number, asked, bucket, datetime.now(UTC))

"""Owns the HTTP side of job logs."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.joblogs.schemas import AnyCaseState, Flag, JobLogOut, JobLogSort
from cloud.joblogs.service import log
from cloud.paging import Page, PageQuery
from cloud.values import Moment

router = APIRouter(tags=["joblogs"])

Number = Annotated[str | None, Query(min_length=1, max_length=64)]


@router.get("/joblogs")
async def list_joblogs(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    machine: Annotated[str | None, Query(min_length=1, max_length=64, description="UUID or code")] = None,
    job_number: Number = None,
    part_number: Number = None,
    emp_id: Number = None,
    state: AnyCaseState | None = None,
    flag: Annotated[Flag | None, Query(description="Only rows with this oddity")] = None,
    begin: Annotated[Moment | None, Query(alias="from", description="Rows that end after this time")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="Rows that begin before this time")] = None,
    sort: Annotated[JobLogSort, Query(description="With a minus, last first")] = "start_time",
) -> Page[JobLogOut]:
    """List the job log; a worker sees the rows of the operator who he is."""
    wanted = log.Wanted(machine, job_number, part_number, emp_id, state, flag, begin, end, sort)
    return await log.joblogs(session, caller, paging, wanted)

"""Owns the HTTP side of the figures: OEE, what it comes from, downtime, a machine's data, policies."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from cloud.analytics.schemas import (
    MOST_PAGE,
    AnyCaseGrain,
    DowntimeOut,
    ExplanationOut,
    Grain,
    LineOeeOut,
    MachineDataIn,
    MachineDataOut,
    MachineOeeOut,
    PolicyIn,
    PolicyName,
    PolicyOut,
)
from cloud.analytics.service import explaining, figuring, of_work, policies
from cloud.analytics.service.figuring import Asked
from cloud.analytics.service.sharing import Wanted
from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines.schemas import MachineId
from cloud.values import Code, Moment

router = APIRouter(tags=["analytics"])

From = Annotated[Moment | None, Query(alias="from", description="The full hour a week before `to` if absent")]
To = Annotated[Moment | None, Query(alias="to", description="Half-open: before this time; now if absent")]
By = Annotated[AnyCaseGrain, Query(description="Into which periods it is cut")]


async def _asked(start: From = None, end: To = None, policy: PolicyName = None) -> Asked:
    return Asked(Grain.DAY, start, end, policy)


async def _cut(by: By = Grain.DAY, start: From = None, end: To = None, policy: PolicyName = None) -> Asked:
    return Asked(by, start, end, policy)


Named = Annotated[str | None, Query(min_length=1, max_length=64)]
RowIdOrNone = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Window = Annotated[Asked, Depends(_asked)]
Periods = Annotated[Asked, Depends(_cut)]


@router.get("/oee")
async def get_line_oee(
    session: Session,
    caller: CurrentCaller,
    asked: Periods,
    machine: Annotated[list[str] | None, Query(max_length=200, description="Codes or ids; all if absent")] = None,
    location: Annotated[str | None, Query(min_length=1, max_length=200, description="Only machines there")] = None,
    shift: Annotated[str | None, Query(min_length=1, max_length=200, description="Only shifts of this name")] = None,
    part_number: Named = None,
    job_number: Named = None,
    work_order_id: RowIdOrNone = None,
    emp_id: Named = None,
) -> LineOeeOut:
    """Return the OEE of a line: ratios of its machines' sums, never the mean of their ratios; and each machine's.

    Of exactly the window asked for. With a part, a job, an order or an operator: of the time in which that ran, on
    whichever machine.
    """
    now = datetime.now(UTC)
    asked = replace(asked, shift=shift)
    wanted = Wanted(
        parts=None if part_number is None else [part_number],
        jobs=None if job_number is None else [job_number],
        operators=None if emp_id is None else [emp_id],
        orders=None if work_order_id is None else [work_order_id],
        shifts=None if shift is None else [shift],
    )
    if wanted.is_of_work:
        return await of_work.of_work(session, caller, machine or (), location, wanted, asked, now)
    return await figuring.of_line(session, caller.organization_id, machine or (), location, asked, now)


@router.get("/machines/{machine_id}/oee")
async def get_oee(session: Session, caller: CurrentCaller, machine_id: MachineId, asked: Periods) -> MachineOeeOut:
    """Return a machine's OEE by hour, shift, day, week or month, and what belongs to it, of exactly that window.

    A period that the window cuts counts the part that lies in it, and says which that is.
    """
    return await figuring.of_machine(session, caller.organization_id, machine_id, asked, datetime.now(UTC))


@router.get("/machines/{machine_id}/oee/explain")
async def explain_oee(session: Session, caller: CurrentCaller, machine_id: MachineId, asked: Window) -> ExplanationOut:
    """Return what a figure comes from, of at most 31 days: every second once, every piece once."""
    return await explaining.explain(session, caller.organization_id, machine_id, asked, datetime.now(UTC))


@router.get("/machines/{machine_id}/downtime")
async def get_downtime(session: Session, caller: CurrentCaller, machine_id: MachineId, asked: Window) -> DowntimeOut:
    """Return when and why a machine stood, of at most 100 days: by reason, greatest first, and day by day."""
    return await explaining.downtime(session, caller.organization_id, machine_id, asked, datetime.now(UTC))


@router.get("/machines/{machine_id}/data")
async def get_data(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    start_date: Moment,
    end_date: Moment,
    include_downtime: bool = True,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=MOST_PAGE)] = 100,
) -> MachineDataOut:
    """Return a machine's hours, and its stops beside them."""
    asked = MachineDataIn(
        start_date=start_date,
        end_date=end_date,
        include_downtime=include_downtime,
        page=page,
        page_size=page_size,
    )
    return await explaining.data(session, caller.organization_id, machine_id, asked, datetime.now(UTC))


@router.post("/machines/{machine_id}/data")
async def post_data(
    session: Session, caller: CurrentCaller, machine_id: MachineId, asked: MachineDataIn
) -> MachineDataOut:
    """Return the same, asked for with a body; it changes nothing."""
    return await explaining.data(session, caller.organization_id, machine_id, asked, datetime.now(UTC))


@router.get("/oee/policies")
async def list_policies(session: Session, caller: CurrentCaller) -> list[PolicyOut]:
    """List the policies that figures can be read by."""
    return await policies.policies(session, caller.organization_id)


PolicyKey = Annotated[Code, Path()]


@router.put("/oee/policies/{name}")
async def keep_policy(session: Session, caller: CurrentCaller, name: PolicyKey, policy: PolicyIn) -> PolicyOut:
    """Make a policy of the plant's own, or change it; figures of the past are read by it at once."""
    return await policies.keep(session, caller, name, policy)


@router.delete("/oee/policies/{name}", status_code=204)
async def remove_policy(session: Session, caller: CurrentCaller, name: PolicyKey) -> None:
    """Remove a policy of the plant's own."""
    await policies.remove(session, caller, name)

"""Owns the HTTP side of the present: what machines are doing."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines.schemas import AnyCaseStatus, MachineId, MachineSort
from cloud.machines.service import Wanted
from cloud.paging import Page, PageQuery
from cloud.production.service import present
from cloud.telemetry.schemas import MachineNowOut, MachineStatusOut

router = APIRouter(tags=["telemetry"])

Name = Annotated[str | None, Query(min_length=1, max_length=200)]


@router.get("/machines")
async def list_machines(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    status: Annotated[AnyCaseStatus | None, Query(description="Only machines in this stage of life")] = None,
    machine_type: Name = None,
    location: Name = None,
    customer_organization_id: uuid.UUID | None = None,
    q: Annotated[
        str | None, Query(max_length=100, description="Words in code, name, type, location or serial number")
    ] = None,
    sort: Annotated[MachineSort, Query(description="With a minus, last first")] = "code",
) -> Page[MachineNowOut]:
    """List the machines, with what they are doing; texts match in any case, i, ı and İ alike."""
    which = Wanted(status, machine_type, location, customer_organization_id, q, sort)
    return await present.machines_now(session, caller.organization_id, paging, datetime.now(UTC), which)


@router.get("/machines/{machine_id}")
async def get_machine(session: Session, caller: CurrentCaller, machine_id: MachineId) -> MachineNowOut:
    """Return one machine, with what it is doing."""
    return await present.machine_now(session, caller.organization_id, machine_id, datetime.now(UTC))


@router.get("/machines/{machine_id}/status")
async def get_status(session: Session, caller: CurrentCaller, machine_id: MachineId) -> MachineStatusOut:
    """Return what a machine is doing, since when, and the newest values of its tags."""
    return await present.machine_status(session, caller.organization_id, machine_id, datetime.now(UTC))

"""Owns the HTTP side of the asset registry. Runtime status and readings are the telemetry slice's."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from cloud.api import Page
from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines import service
from cloud.machines.schemas import AnyCaseStatus, MachineIn, MachineOut
from cloud.paging import PageQuery

router = APIRouter(prefix="/machines", tags=["machines"])

MachineId = Annotated[str, Path(min_length=1, max_length=64, description="The machine's UUID or its code")]


@router.get("")
async def list_machines(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    status: Annotated[AnyCaseStatus | None, Query(description="Only machines in this stage of life")] = None,
) -> Page[MachineOut]:
    """List the machines, by code."""
    return await service.machines(session, caller.organization_id, paging, status)


@router.post("", status_code=201)
async def create_machine(session: Session, caller: CurrentCaller, machine: MachineIn) -> MachineOut:
    """Register a machine."""
    return await service.create(session, caller.organization_id, machine)


@router.get("/{machine_id}")
async def get_machine(session: Session, caller: CurrentCaller, machine_id: MachineId) -> MachineOut:
    """Return one machine."""
    return await service.resolve(session, caller.organization_id, machine_id)

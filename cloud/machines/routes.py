"""Owns the HTTP side of changing the asset registry.

Whoever reads a machine wants to know what it is doing, too; so that is the telemetry slice's.
"""

from fastapi import APIRouter

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines import service
from cloud.machines.schemas import MachineIn, MachineOut

router = APIRouter(prefix="/machines", tags=["machines"])


@router.post("", status_code=201)
async def create_machine(session: Session, caller: CurrentCaller, machine: MachineIn) -> MachineOut:
    """Register a machine."""
    return await service.create(session, caller.organization_id, machine)

"""Owns the HTTP side of changing the asset registry.

Whoever reads a machine wants to know what it is doing, too; so that is the telemetry slice's.
"""

from fastapi import APIRouter

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines import service
from cloud.machines.schemas import MachineId, MachineIn, MachineOut, MachinePatch
from cloud.preconditions import IfMatch

router = APIRouter(prefix="/machines", tags=["machines"])


@router.post("", status_code=201)
async def create_machine(session: Session, caller: CurrentCaller, machine: MachineIn) -> MachineOut:
    """Register a machine."""
    return await service.create(session, caller, machine)


@router.put("/{machine_id}")
async def replace_machine(
    session: Session, caller: CurrentCaller, machine_id: MachineId, machine: MachineIn, seen: IfMatch
) -> MachineOut:
    """Say anew all that is known of a machine: what is left out is unknown from now on."""
    return await service.change(session, caller, machine_id, machine, seen)


@router.patch("/{machine_id}")
async def change_machine(
    session: Session, caller: CurrentCaller, machine_id: MachineId, machine: MachinePatch, seen: IfMatch
) -> MachineOut:
    """Change some of what is known of a machine: what is left out stays, and null clears."""
    return await service.change(session, caller, machine_id, machine, seen)


@router.delete("/{machine_id}")
async def decommission_machine(
    session: Session, caller: CurrentCaller, machine_id: MachineId, seen: IfMatch
) -> MachineOut:
    """Decommission a machine: nothing is deleted, its past stays. With a status of PATCH it comes back."""
    return await service.decommission(session, caller, machine_id, seen)

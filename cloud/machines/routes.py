"""Owns the HTTP side of changing the asset registry.

Whoever reads a machine wants to know what it is doing, too; so that is the telemetry slice's.
"""

from fastapi import APIRouter

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines import moulds, service
from cloud.machines.schemas import CavitiesIn, CavitiesOut, MachineId, MachineIn, MachineOut, MachinePatch
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch
from cloud.values import RowId

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


@router.get("/{machine_id}/cavities")
async def list_cavities(
    session: Session, caller: CurrentCaller, machine_id: MachineId, paging: PageQuery
) -> Page[CavitiesOut]:
    """List how many cavities a machine's mould had, and from when on; shots are counted by them."""
    return await moulds.cavities_of(session, caller, machine_id, paging)


@router.post("/{machine_id}/cavities", status_code=201)
async def tell_cavities(
    session: Session, caller: CurrentCaller, machine_id: MachineId, told: CavitiesIn
) -> CavitiesOut:
    """Say how many cavities it has, or had, from a moment on: shots of that time are counted anew."""
    return await moulds.tell(session, caller, machine_id, told)


@router.delete("/{machine_id}/cavities/{told_id}", status_code=204)
async def take_cavities_back(session: Session, caller: CurrentCaller, machine_id: MachineId, told_id: RowId) -> None:
    """Take back what was told: what was in force before goes on."""
    await moulds.take_back(session, caller, machine_id, told_id)

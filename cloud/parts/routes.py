"""Owns the HTTP side of parts and their ideal cycles."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery
from cloud.parts import service
from cloud.parts.schemas import (
    IdealCycleIn,
    IdealCycleOut,
    Material,
    PartIn,
    PartNumber,
    PartOut,
    PartPatch,
    PartReplacement,
    PartSort,
)
from cloud.preconditions import IfMatch
from cloud.values import RowId

router = APIRouter(prefix="/parts", tags=["parts"])


@router.get("")
async def list_parts(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    material_type: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    q: Annotated[str | None, Query(max_length=100, description="Words in number, name or material")] = None,
    sort: Annotated[PartSort, Query(description="With a minus, last first")] = "part_number",
) -> Page[PartOut]:
    """List the parts; texts match in any case, i, ı and İ alike."""
    return await service.parts(session, caller, paging, service.Wanted(material_type, q, sort))


@router.post("", status_code=201)
async def create_part(session: Session, caller: CurrentCaller, part: PartIn) -> PartOut:
    """Add a part."""
    return await service.create(session, caller, part)


@router.get("/by-material/{material}")
async def list_parts_by_material(
    session: Session, caller: CurrentCaller, material: Material, paging: PageQuery
) -> Page[PartOut]:
    """List the parts of one material."""
    return await service.parts(session, caller, paging, service.Wanted(material_type=material))


# before the part itself, whose path takes slashes too
@router.get("/{part_number:path}/ideal-cycles")
async def list_ideal_cycles(
    session: Session, caller: CurrentCaller, part_number: PartNumber, paging: PageQuery
) -> Page[IdealCycleOut]:
    """List how fast a part can be made where, and from when on."""
    return await service.cycles(session, caller, part_number, paging)


@router.post("/{part_number:path}/ideal-cycles", status_code=201)
async def create_ideal_cycle(
    session: Session, caller: CurrentCaller, part_number: PartNumber, cycle: IdealCycleIn
) -> IdealCycleOut:
    """Say how fast a part can be made on a machine, or on all of a type, from a day on."""
    return await service.add_cycle(session, caller, part_number, cycle)


@router.delete("/{part_number:path}/ideal-cycles/{cycle_id}", status_code=204)
async def delete_ideal_cycle(session: Session, caller: CurrentCaller, part_number: PartNumber, cycle_id: RowId) -> None:
    """Take an ideal cycle back."""
    await service.delete_cycle(session, caller, part_number, cycle_id)


@router.get("/{part_number:path}")
async def get_part(session: Session, caller: CurrentCaller, part_number: PartNumber) -> PartOut:
    """Return one part."""
    return await service.part(session, caller.organization_id, part_number)


@router.put("/{part_number:path}")
async def replace_part(
    session: Session, caller: CurrentCaller, part_number: PartNumber, part: PartReplacement, seen: IfMatch
) -> PartOut:
    """Say anew all that is known of a part: what is left out is unknown from now on."""
    return await service.change(session, caller, part_number, part, seen)


@router.patch("/{part_number:path}")
async def change_part(
    session: Session, caller: CurrentCaller, part_number: PartNumber, part: PartPatch, seen: IfMatch
) -> PartOut:
    """Change some of what is known of a part: what is left out stays, and null clears."""
    return await service.change(session, caller, part_number, part, seen)


@router.delete("/{part_number:path}", status_code=204)
async def delete_part(session: Session, caller: CurrentCaller, part_number: PartNumber, seen: IfMatch) -> None:
    """Forget a part that has neither job logs nor ideal cycles."""
    await service.delete(session, caller, part_number, seen)

"""Owns the HTTP side of operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.operators import service
from cloud.operators.schemas import (
    AnyCaseShift,
    AnyCaseSkill,
    AnyCaseStatus,
    EmpId,
    OperatorIn,
    OperatorOut,
    OperatorPatch,
    OperatorReplacement,
    OperatorSort,
)
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch

router = APIRouter(prefix="/operators", tags=["operators"])

Words = Annotated[str | None, Query(max_length=100, description="Words in number, name or department")]
Name = Annotated[str | None, Query(min_length=1, max_length=200)]


@router.get("")
async def list_operators(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    skill_level: AnyCaseSkill | None = None,
    status: AnyCaseStatus | None = None,
    shift_preference: AnyCaseShift | None = None,
    department: Name = None,
    supervisor_id: Name = None,
    q: Words = None,
    sort: Annotated[OperatorSort, Query(description="With a minus, last first")] = "emp_id",
) -> Page[OperatorOut]:
    """List the operators; texts match in any case, i, ı and İ alike."""
    wanted = service.Wanted(skill_level, status, shift_preference, department, supervisor_id, q, sort)
    return await service.operators(session, caller, paging, wanted)


@router.post("", status_code=201)
async def create_operator(session: Session, caller: CurrentCaller, operator: OperatorIn) -> OperatorOut:
    """Add an operator."""
    return await service.create(session, caller, operator)


@router.get("/by-skill/{level}")
async def list_operators_by_skill(
    session: Session, caller: CurrentCaller, level: AnyCaseSkill, paging: PageQuery
) -> Page[OperatorOut]:
    """List the operators of one skill level."""
    return await service.operators(session, caller, paging, service.Wanted(skill_level=level))


@router.get("/{emp_id}")
async def get_operator(session: Session, caller: CurrentCaller, emp_id: EmpId) -> OperatorOut:
    """Return one operator."""
    return await service.operator(session, caller, emp_id)


@router.put("/{emp_id}")
async def replace_operator(
    session: Session, caller: CurrentCaller, emp_id: EmpId, operator: OperatorReplacement, seen: IfMatch
) -> OperatorOut:
    """Say anew all that is known of an operator: what is left out is unknown from now on."""
    return await service.change(session, caller, emp_id, operator, seen)


@router.patch("/{emp_id}")
async def change_operator(
    session: Session, caller: CurrentCaller, emp_id: EmpId, operator: OperatorPatch, seen: IfMatch
) -> OperatorOut:
    """Change some of what is known of an operator: what is left out stays, and null clears."""
    return await service.change(session, caller, emp_id, operator, seen)


@router.delete("/{emp_id}", status_code=204)
async def delete_operator(session: Session, caller: CurrentCaller, emp_id: EmpId, seen: IfMatch) -> None:
    """Forget an operator whom no job log names; who has a past becomes INACTIVE instead."""
    await service.delete(session, caller, emp_id, seen)

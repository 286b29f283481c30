"""Owns the HTTP side of shifts."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.preconditions import IfMatch
from cloud.shifts.schemas import Day, ExceptionIn, ExceptionOut, OccurrenceOut, PatternIn, PatternOut
from cloud.shifts.service import patterns as service
from cloud.values import RowId

router = APIRouter(prefix="/shifts/patterns", tags=["shifts"])


@router.get("")
async def list_patterns(session: Session, caller: CurrentCaller) -> list[PatternOut]:
    """List the shift patterns."""
    return await service.patterns(session, caller.organization_id)


@router.post("", status_code=201)
async def create_pattern(session: Session, caller: CurrentCaller, pattern: PatternIn) -> PatternOut:
    """Make a pattern of shifts; figures follow from its anchor on."""
    return await service.create(session, caller, pattern, datetime.now(UTC))


@router.get("/{pattern_id}")
async def get_pattern(session: Session, caller: CurrentCaller, pattern_id: RowId) -> PatternOut:
    """Return one pattern."""
    return await service.pattern(session, caller.organization_id, pattern_id)


@router.put("/{pattern_id}")
async def replace_pattern(
    session: Session, caller: CurrentCaller, pattern_id: RowId, pattern: PatternIn, seen: IfMatch
) -> PatternOut:
    """Give a pattern other shifts; figures of the past follow, from its anchor on."""
    return await service.replace(session, caller, pattern_id, pattern, datetime.now(UTC), seen)


@router.delete("/{pattern_id}", status_code=204)
async def remove_pattern(session: Session, caller: CurrentCaller, pattern_id: RowId) -> None:
    """Remove a pattern; who followed it follows the default."""
    await service.remove(session, caller, pattern_id, datetime.now(UTC))


@router.get("/{pattern_id}/exceptions")
async def list_exceptions(session: Session, caller: CurrentCaller, pattern_id: RowId) -> list[ExceptionOut]:
    """List the days on which a pattern does not hold."""
    return await service.exceptions(session, caller.organization_id, pattern_id)


@router.post("/{pattern_id}/exceptions", status_code=201)
async def add_exception(
    session: Session, caller: CurrentCaller, pattern_id: RowId, exception: ExceptionIn
) -> ExceptionOut:
    """Say that a day is closed, or has other shifts."""
    return await service.add_exception(session, caller, pattern_id, exception, datetime.now(UTC))


@router.delete("/{pattern_id}/exceptions/{exception_id}", status_code=204)
async def remove_exception(session: Session, caller: CurrentCaller, pattern_id: RowId, exception_id: RowId) -> None:
    """Let a day be as the pattern says."""
    await service.remove_exception(session, caller, pattern_id, exception_id, datetime.now(UTC))


@router.get("/{pattern_id}/occurrences")
async def list_occurrences(
    session: Session,
    caller: CurrentCaller,
    pattern_id: RowId,
    first: Annotated[Day, Query(alias="from", description="First business date")],
    last: Annotated[Day, Query(alias="to", description="Last business date, included")],
) -> list[OccurrenceOut]:
    """List the shifts that are worked, in time."""
    return await service.occurrences(session, caller.organization_id, pattern_id, first, last)

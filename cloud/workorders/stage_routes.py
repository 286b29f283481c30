"""Owns the HTTP side of stages."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.preconditions import IfMatch
from cloud.values import RowId
from cloud.workorders.schemas import (
    AssignmentIn,
    AssignmentOut,
    ProductionIn,
    ProductionOut,
    ProductionSummary,
    StageMetrics,
    StageOut,
    StagePatch,
)
from cloud.workorders.service import assignments, performance, production, stages

router = APIRouter(prefix="/stages", tags=["stages"])

# what JSON carries exactly
EventId = Annotated[int, Path(ge=1, le=2**53 - 1)]


@router.get("/{wos_id}")
async def get_stage(session: Session, caller: CurrentCaller, wos_id: RowId) -> StageOut:
    """Return one stage."""
    return await stages.stage(session, caller, wos_id)


@router.patch("/{wos_id}")
async def change_stage(
    session: Session, caller: CurrentCaller, wos_id: RowId, patch: StagePatch, seen: IfMatch
) -> StageOut:
    """Plan a stage anew: its name, window and machine."""
    return await stages.change(session, caller, wos_id, patch, seen)


@router.post("/{wos_id}/start")
async def start_stage(session: Session, caller: CurrentCaller, wos_id: RowId) -> StageOut:
    """Begin a planned stage; a worker, one that is assigned to him."""
    return await stages.start(session, caller, wos_id)


@router.post("/{wos_id}/done")
async def finish_stage(session: Session, caller: CurrentCaller, wos_id: RowId) -> StageOut:
    """End a stage that is in progress."""
    return await stages.finish(session, caller, wos_id)


@router.post("/{wos_id}/hold")
async def hold_stage(session: Session, caller: CurrentCaller, wos_id: RowId) -> StageOut:
    """Hold a stage: it can neither start nor finish."""
    return await stages.set_hold(session, caller, wos_id, on_hold=True)


@router.post("/{wos_id}/release")
async def release_stage(session: Session, caller: CurrentCaller, wos_id: RowId) -> StageOut:
    """Release a stage that is on hold."""
    return await stages.set_hold(session, caller, wos_id, on_hold=False)


@router.get("/{wos_id}/metrics")
async def measure_stage(session: Session, caller: CurrentCaller, wos_id: RowId) -> StageMetrics:
    """Return how a stage went, or goes."""
    return await performance.of_stage(session, caller, wos_id, datetime.now(UTC))


@router.post("/{wos_id}/assignments", status_code=201)
async def assign_stage(
    session: Session, caller: CurrentCaller, wos_id: RowId, assignment: AssignmentIn
) -> AssignmentOut:
    """Let a user do a stage."""
    return await assignments.assign(session, caller, wos_id, assignment.user_id)


@router.delete("/{wos_id}/assignments/{user_id}", status_code=204)
async def withdraw_stage(session: Session, caller: CurrentCaller, wos_id: RowId, user_id: RowId) -> None:
    """Take a stage from a user."""
    await assignments.withdraw(session, caller, wos_id, user_id)


@router.get("/{wos_id}/production")
async def get_production(session: Session, caller: CurrentCaller, wos_id: RowId) -> ProductionSummary:
    """Return what a stage made, and how many more good pieces it may report."""
    return await production.summary(session, caller, wos_id)


@router.post("/{wos_id}/production", status_code=201)
async def add_production(session: Session, caller: CurrentCaller, wos_id: RowId, pieces: ProductionIn) -> ProductionOut:
    """Add pieces to what a stage made."""
    return await production.add(session, caller, wos_id, pieces)


@router.post("/{wos_id}/production/{event_id}/reverse", status_code=201)
async def reverse_production(
    session: Session, caller: CurrentCaller, wos_id: RowId, event_id: EventId
) -> ProductionOut:
    """Take back what was reported, by an event that is its opposite."""
    return await production.reverse(session, caller, wos_id, event_id)

"""Owns the HTTP side of production: states, stops and their reasons, counts and where they belong."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.kpi.presets import TABLES, Preset
from cloud.machines.schemas import MachineId
from cloud.preconditions import IfMatch
from cloud.production.schemas import (
    ClaimIn,
    ClaimOut,
    ClassificationIn,
    CountOut,
    OrphansOut,
    ReasonIn,
    ReasonOut,
    StateIn,
    StateModelIn,
    StateModelOut,
    StateOut,
    StopOut,
    ToldOut,
)
from cloud.production.service import reasons, states, telling
from cloud.values import Moment, RowId
from shared.reading import MachineState

router = APIRouter(tags=["production"])

From = Annotated[Moment, Query(alias="from", description="Not before this time")]
To = Annotated[Moment, Query(alias="to", description="Before this time")]


@router.get("/reasons")
async def list_reasons(session: Session, caller: CurrentCaller, is_active: bool | None = None) -> list[ReasonOut]:
    """List the reasons, by code; `parent_id` makes them a tree."""
    return await reasons.reasons(session, caller.organization_id, is_active=is_active)


@router.post("/reasons", status_code=201)
async def create_reason(session: Session, caller: CurrentCaller, reason: ReasonIn) -> ReasonOut:
    """Add a reason."""
    return await reasons.create(session, caller, reason)


@router.put("/reasons/{reason_id}")
async def replace_reason(
    session: Session, caller: CurrentCaller, reason_id: RowId, reason: ReasonIn, seen: IfMatch
) -> ReasonOut:
    """Say anew what a reason is; the figures of what it explains follow."""
    return await reasons.replace(session, caller, reason_id, reason, seen)


@router.get("/states/presets")
async def list_presets() -> dict[Preset, dict[str, MachineState]]:
    """Say what the state codes of common standards mean, by `number name`."""
    return {
        preset: {f"{number} {name}": state for (number, name), state in table.items()}
        for preset, table in TABLES.items()
    }


@router.get("/machines/{machine_id}/states")
async def list_states(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    start: From,
    end: To,
    corrected: Annotated[bool, Query(description="With what turned out wrong, too")] = False,
) -> list[StateOut]:
    """List what a machine did, at most 5,000 stretches, of their full length."""
    return await states.states(session, caller.organization_id, machine_id, start, end, corrected=corrected)


@router.post("/machines/{machine_id}/states", status_code=201)
async def tell_state(session: Session, caller: CurrentCaller, machine_id: MachineId, state: StateIn) -> ToldOut:
    """Say what a machine did; it counts before what readings say."""
    return await telling.tell(session, caller, machine_id, state, datetime.now(UTC))


@router.get("/machines/{machine_id}/states/model")
async def get_model(session: Session, caller: CurrentCaller, machine_id: MachineId) -> StateModelOut:
    """Return how a machine's readings tell its state."""
    return await states.model(session, caller.organization_id, machine_id)


@router.put("/machines/{machine_id}/states/model")
async def set_model(
    session: Session, caller: CurrentCaller, machine_id: MachineId, model: StateModelIn, seen: IfMatch
) -> StateModelOut:
    """Say how a machine's readings tell its state; what was derived before is derived anew."""
    return await states.set_model(session, caller, machine_id, model, datetime.now(UTC), seen)


@router.get("/machines/{machine_id}/statements")
async def list_statements(
    session: Session, caller: CurrentCaller, machine_id: MachineId, start: From, end: To
) -> list[ToldOut]:
    """List what people and files said of a machine's time, at most 1,000 of them."""
    return await telling.told(session, caller.organization_id, machine_id, start, end)


@router.delete("/machines/{machine_id}/statements/{statement_id}", status_code=204)
async def withdraw_statement(
    session: Session, caller: CurrentCaller, machine_id: MachineId, statement_id: RowId
) -> None:
    """Take back what was said of a machine's time."""
    await telling.withdraw(session, caller, machine_id, statement_id, datetime.now(UTC))


@router.get("/machines/{machine_id}/stops")
async def list_stops(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    start: From,
    end: To,
    needs_reason: Annotated[bool | None, Query(description="Only stops that want a reason, or only others")] = None,
) -> list[StopOut]:
    """List when a machine stood."""
    now = datetime.now(UTC)
    return await states.stops(session, caller.organization_id, machine_id, start, end, now, needs_reason=needs_reason)


@router.post("/machines/{machine_id}/stops/classify", status_code=201)
async def classify_stop(
    session: Session, caller: CurrentCaller, machine_id: MachineId, classification: ClassificationIn
) -> list[ToldOut]:
    """Say why a machine stood: one part for a stop, several split it, one over several stops merges them."""
    return await telling.classify(session, caller, machine_id, classification, datetime.now(UTC))


@router.get("/machines/{machine_id}/counts")
async def list_counts(
    session: Session, caller: CurrentCaller, machine_id: MachineId, start: From, end: To
) -> list[CountOut]:
    """Say what a machine's counters counted, by stage and kind."""
    return await states.counts(session, caller.organization_id, machine_id, start, end)


@router.get("/machines/{machine_id}/counts/orphans")
async def list_orphans(
    session: Session, caller: CurrentCaller, machine_id: MachineId, start: From, end: To
) -> OrphansOut:
    """Say what a machine counted while nothing ran."""
    return await states.orphans(session, caller.organization_id, machine_id, start, end)


@router.post("/machines/{machine_id}/counts/claim")
async def claim_counts(session: Session, caller: CurrentCaller, machine_id: MachineId, claim: ClaimIn) -> ClaimOut:
    """Say to which stage counted pieces belong; with `preview` only what that would move."""
    return await states.claim(session, caller, machine_id, claim, datetime.now(UTC))

"""Owns the HTTP side of maintenance."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines.schemas import MachineId
from cloud.maintenance import service
from cloud.maintenance.schemas import (
    AnyCaseKind,
    AnyCaseStatus,
    CompletionIn,
    MaintenanceOut,
    OrderIn,
    OrderOut,
    OrderPatch,
    PlanDueOut,
    PlanIn,
    PlanPatch,
)
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch
from cloud.values import RowId

router = APIRouter(tags=["maintenance"])


@router.get("/machines/{machine_id}/maintenance")
async def get_maintenance(session: Session, caller: CurrentCaller, machine_id: MachineId) -> MaintenanceOut:
    """Return a machine's maintenance: its history, its plans, and what falls due next."""
    return await service.of_machine(session, caller, machine_id, datetime.now(UTC))


@router.post("/machines/{machine_id}/maintenance", status_code=201)
async def open_order(session: Session, caller: CurrentCaller, machine_id: MachineId, order: OrderIn) -> OrderOut:
    """Open a maintenance order."""
    return await service.open_order(session, caller, machine_id, order, datetime.now(UTC))


@router.post("/machines/{machine_id}/maintenance/plans", status_code=201)
async def create_plan(session: Session, caller: CurrentCaller, machine_id: MachineId, plan: PlanIn) -> PlanDueOut:
    """Plan maintenance that comes again: by calendar, running hours or cycles."""
    return await service.plan(session, caller, machine_id, plan, datetime.now(UTC))


@router.get("/maintenance/plans/{plan_id}")
async def get_plan(session: Session, caller: CurrentCaller, plan_id: RowId) -> PlanDueOut:
    """Return one plan."""
    return await service.one_plan(session, caller, plan_id, datetime.now(UTC))


@router.patch("/maintenance/plans/{plan_id}")
async def change_plan(
    session: Session, caller: CurrentCaller, plan_id: RowId, plan: PlanPatch, seen: IfMatch
) -> PlanDueOut:
    """Change a plan, or put it out of force with `is_active`."""
    return await service.change_plan(session, caller, plan_id, plan, datetime.now(UTC), seen)


@router.get("/maintenance/orders")
async def list_orders(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    status: AnyCaseStatus | None = None,
    kind: AnyCaseKind | None = None,
    machine: Annotated[str | None, Query(min_length=1, max_length=64, description="UUID or code")] = None,
) -> Page[OrderOut]:
    """List maintenance orders, newest first."""
    return await service.orders(session, caller, paging, service.Wanted(status, kind, machine))


@router.get("/maintenance/orders/{order_id}")
async def get_order(session: Session, caller: CurrentCaller, order_id: RowId) -> OrderOut:
    """Return one maintenance order."""
    return await service.order(session, caller, order_id)


@router.patch("/maintenance/orders/{order_id}")
async def change_order(
    session: Session, caller: CurrentCaller, order_id: RowId, order: OrderPatch, seen: IfMatch
) -> OrderOut:
    """Change what an order says, as long as it is not closed."""
    return await service.change_order(session, caller, order_id, order, seen)


@router.post("/maintenance/orders/{order_id}/start")
async def start_order(session: Session, caller: CurrentCaller, order_id: RowId) -> OrderOut:
    """Begin the work."""
    return await service.start(session, caller, order_id, datetime.now(UTC))


@router.post("/maintenance/orders/{order_id}/complete")
async def complete_order(
    session: Session,
    caller: CurrentCaller,
    order_id: RowId,
    done: Annotated[CompletionIn | None, Body()] = None,
) -> OrderOut:
    """Say that it is done: the plan's interval begins anew, and the machine's dates follow."""
    return await service.complete(session, caller, order_id, done or CompletionIn(), datetime.now(UTC))


@router.post("/maintenance/orders/{order_id}/cancel")
async def cancel_order(session: Session, caller: CurrentCaller, order_id: RowId) -> OrderOut:
    """Give it up."""
    return await service.cancel(session, caller, order_id, datetime.now(UTC))

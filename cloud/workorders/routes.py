"""Owns the HTTP side of work orders and of the routes they follow."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch
from cloud.values import Code, Label, Moment, RowId
from cloud.workorders.schemas import (
    AnyCasePriority,
    AnyCaseStatus,
    OrderMetrics,
    OrderSort,
    RouteIn,
    RouteOut,
    StageOut,
    WorkOrderIn,
    WorkOrderOut,
    WorkOrderPatch,
)
from cloud.workorders.service import orders, performance, routing, stages
from cloud.workorders.service.orders import Wanted

router = APIRouter(prefix="/workorders", tags=["workorders"])
routes = APIRouter(prefix="/routes", tags=["routes"])


async def _wanted(
    status: AnyCaseStatus | None = None,
    product_code: Code | None = None,
    lot_no: Code | None = None,
    job_number: Code | None = None,
    priority: AnyCasePriority | None = None,
    on_hold: bool | None = None,
    planned_from: Annotated[Moment | None, Query(description="Orders planned to end after it")] = None,
    planned_to: Annotated[Moment | None, Query(description="Orders planned to start before it")] = None,
    due_before: Moment | None = None,
    q: Annotated[
        Label | None,
        Query(description="Any part of product code, lot, job or part number; i, ı, İ and I are one letter"),
    ] = None,
    sort: Annotated[OrderSort, Query(description="With a minus the last comes first")] = "planned_start",
) -> Wanted:
    return Wanted(
        status=status,
        product_code=product_code,
        lot_no=lot_no,
        job_number=job_number,
        priority=priority,
        on_hold=on_hold,
        planned_from=planned_from,
        planned_to=planned_to,
        due_before=due_before,
        text=q,
        sort=sort,
    )


@router.post("/", status_code=201)
async def create_work_order(session: Session, caller: CurrentCaller, order: WorkOrderIn) -> WorkOrderOut:
    """Plan a work order; without stages it gets its product's route."""
    return await orders.create(session, caller, order)


@router.get("/")
async def list_work_orders(
    session: Session, caller: CurrentCaller, paging: PageQuery, wanted: Annotated[Wanted, Depends(_wanted)]
) -> Page[WorkOrderOut]:
    """List the work orders; a worker sees those of which a stage is assigned to him."""
    return await orders.orders(session, caller, paging, wanted)


@router.get("/{wo_id}")
async def get_work_order(session: Session, caller: CurrentCaller, wo_id: RowId) -> WorkOrderOut:
    """Return one work order."""
    return await orders.order(session, caller, wo_id)


@router.patch("/{wo_id}")
async def change_work_order(
    session: Session, caller: CurrentCaller, wo_id: RowId, patch: WorkOrderPatch, seen: IfMatch
) -> WorkOrderOut:
    """Change a work order; while no stage has begun, the stages move with its window."""
    return await orders.change(session, caller, wo_id, patch, seen)


@router.post("/{wo_id}/hold")
async def hold_work_order(session: Session, caller: CurrentCaller, wo_id: RowId) -> WorkOrderOut:
    """Hold a work order: none of its stages can start or finish."""
    return await orders.set_hold(session, caller, wo_id, on_hold=True)


@router.post("/{wo_id}/release")
async def release_work_order(session: Session, caller: CurrentCaller, wo_id: RowId) -> WorkOrderOut:
    """Release a work order that is on hold."""
    return await orders.set_hold(session, caller, wo_id, on_hold=False)


@router.get("/{wo_id}/stages")
async def list_stages(session: Session, caller: CurrentCaller, wo_id: RowId) -> list[StageOut]:
    """List the stages of one work order, by operation number; a worker sees his."""
    return await stages.stages(session, caller, wo_id)


@router.get("/{wo_id}/metrics")
async def measure_work_order(session: Session, caller: CurrentCaller, wo_id: RowId) -> OrderMetrics:
    """Return how a work order went, or goes."""
    return await performance.of_order(session, caller, wo_id, datetime.now(UTC))


@routes.get("")
async def list_routes(
    session: Session, caller: CurrentCaller, paging: PageQuery, product_code: Code | None = None
) -> Page[RouteOut]:
    """List the routes."""
    return await routing.routes(session, caller, paging, product_code)


@routes.post("", status_code=201)
async def create_route(session: Session, caller: CurrentCaller, route: RouteIn) -> RouteOut:
    """Give a product its route, or the organization its default."""
    return await routing.create(session, caller, route)


@routes.get("/{route_id}")
async def get_route(session: Session, caller: CurrentCaller, route_id: RowId) -> RouteOut:
    """Return one route."""
    return await routing.route(session, caller, route_id)


@routes.put("/{route_id}")
async def replace_route(
    session: Session, caller: CurrentCaller, route_id: RowId, route: RouteIn, seen: IfMatch
) -> RouteOut:
    """Put another route in one's place; orders planned before keep their stages."""
    return await routing.replace(session, caller, route_id, route, seen)


@routes.delete("/{route_id}", status_code=204)
async def delete_route(session: Session, caller: CurrentCaller, route_id: RowId, seen: IfMatch) -> None:
    """Forget a route; orders planned before keep their stages."""
    await routing.delete(session, caller, route_id, seen)

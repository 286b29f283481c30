"""Owns the HTTP side of work orders."""

from fastapi import APIRouter

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery
from cloud.values import RowId
from cloud.workorders import service
from cloud.workorders.schemas import StageOut, WorkOrderIn, WorkOrderOut

router = APIRouter(prefix="/workorders", tags=["workorders"])


@router.post("/", status_code=201)
async def create_work_order(session: Session, caller: CurrentCaller, order: WorkOrderIn) -> WorkOrderOut:
    """Plan a work order; without stages it gets the default route."""
    return await service.create(session, caller.organization_id, order)


@router.get("/")
async def list_work_orders(session: Session, caller: CurrentCaller, paging: PageQuery) -> Page[WorkOrderOut]:
    """List the work orders, by planned start."""
    return await service.orders(session, caller.organization_id, paging)


@router.get("/{wo_id}")
async def get_work_order(session: Session, caller: CurrentCaller, wo_id: RowId) -> WorkOrderOut:
    """Return one work order."""
    return await service.order(session, caller.organization_id, wo_id)


@router.get("/{wo_id}/stages")
async def list_stages(session: Session, caller: CurrentCaller, wo_id: RowId) -> list[StageOut]:
    """List the stages of one work order, by operation number."""
    return await service.stages(session, caller.organization_id, wo_id)

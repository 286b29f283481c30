"""Owns the HTTP side of gateways."""

from fastapi import APIRouter

from cloud.db import Session
from cloud.gateways import service
from cloud.gateways.schemas import GatewayCreated, GatewayIn, GatewayOut
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery

router = APIRouter(prefix="/gateways", tags=["gateways"])


@router.post("", status_code=201)
async def create_gateway(session: Session, caller: CurrentCaller, gateway: GatewayIn) -> GatewayCreated:
    """Register a gateway; its token is in the answer, and nowhere else ever after."""
    return await service.create(session, caller.organization_id, gateway.name)


@router.get("")
async def list_gateways(session: Session, caller: CurrentCaller, paging: PageQuery) -> Page[GatewayOut]:
    """List the gateways, by name."""
    return await service.gateways(session, caller.organization_id, paging)

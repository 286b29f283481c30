"""Owns the HTTP side of gateways."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from cloud.db import Session
from cloud.gateways import service
from cloud.gateways.caller import CurrentGateway
from cloud.gateways.schemas import AliveIn, GatewayCreated, GatewayIn, GatewayOut
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery

router = APIRouter(prefix="/gateways", tags=["gateways"])


@router.post("", status_code=201)
async def create_gateway(
    session: Session, caller: CurrentCaller, response: Response, gateway: GatewayIn
) -> GatewayCreated:
    """Register a gateway; its token is in the answer, and nowhere else ever after."""
    response.headers["Cache-Control"] = "no-store"
    return await service.create(session, caller.organization_id, gateway.name)


@router.get("")
async def list_gateways(session: Session, caller: CurrentCaller, paging: PageQuery) -> Page[GatewayOut]:
    """List the gateways, by name."""
    return await service.gateways(session, caller.organization_id, paging)


@router.post("/alive", status_code=204)
async def alive(session: Session, gateway: CurrentGateway, told: Annotated[AliveIn | None, Body()] = None) -> None:
    """Take a gateway's sign of life: a plant at rest may have nothing to send for hours, and is not silent."""
    # that it was heard is noted already, where its token was looked at
    if told is not None:
        await service.note_alive(session, gateway.gateway_id, told)

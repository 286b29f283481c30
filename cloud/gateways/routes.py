"""Owns the HTTP side of gateways."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Response

from cloud.db import Session
from cloud.gateways import configuration, enrolment, service
from cloud.gateways.caller import CurrentGateway
from cloud.gateways.schemas import (
    AliveIn,
    ConfigurationIn,
    ConfigurationLine,
    ConfigurationOut,
    EnrolIn,
    EnrolmentOut,
    GatewayCreated,
    GatewayIn,
    GatewayName,
    GatewayOut,
    GatewayTokenOut,
    OutcomeIn,
)
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch
from cloud.values import RowId

router = APIRouter(prefix="/gateways", tags=["gateways"])

GatewayId = Annotated[str, Path(min_length=1, max_length=200, description="The gateway's name or its UUID")]
NewName = Annotated[GatewayName, Path(description="`gateway.id` of its configuration")]


@router.post("", status_code=201)
async def create_gateway(
    session: Session, caller: CurrentCaller, response: Response, gateway: GatewayIn
) -> GatewayCreated:
    """Register a gateway; its token is in the answer, and nowhere else ever after."""
    response.headers["Cache-Control"] = "no-store"
    return await service.create(session, caller, gateway.name)


@router.get("")
async def list_gateways(session: Session, caller: CurrentCaller, paging: PageQuery) -> Page[GatewayOut]:
    """List the gateways, by name."""
    return await service.gateways(session, caller.organization_id, paging)


@router.post("/alive", status_code=204)
async def alive(
    session: Session, gateway: CurrentGateway, response: Response, told: Annotated[AliveIn | None, Body()] = None
) -> None:
    """Take a gateway's sign of life: a plant at rest may have nothing to send for hours, and is not silent.

    The answer's headers say what it is to do: `Tezgah-Configuration` has the version of the configuration that was set
    for it, if one was, and `Tezgah-Rotate-Token` is `1` when it is to renew its token.
    """
    # that it was heard is noted already, where its token was looked at
    orders = await service.note_alive(session, gateway.gateway_id, told or AliveIn(), datetime.now(UTC))
    if orders.configuration is not None:
        response.headers["Tezgah-Configuration"] = str(orders.configuration)
    if orders.is_to_rotate:
        response.headers["Tezgah-Rotate-Token"] = "1"


@router.post("/enrol", status_code=201)
async def enrol(session: Session, given: EnrolIn, response: Response) -> GatewayTokenOut:
    """Trade an enrolment code for a gateway's token; what token it had before is worthless from now on."""
    response.headers["Cache-Control"] = "no-store"
    return await enrolment.enrol(session, given.code, datetime.now(UTC))


@router.post("/rotate", status_code=201)
async def rotate(session: Session, gateway: CurrentGateway, response: Response) -> GatewayTokenOut:
    """Give the gateway that asks its next token; the present one is good until the next one is first used."""
    response.headers["Cache-Control"] = "no-store"
    return await enrolment.rotate(session, gateway, datetime.now(UTC))


@router.get("/configuration")
async def own_configuration(session: Session, gateway: CurrentGateway) -> ConfigurationOut:
    """Return the newest configuration that was set for the gateway that asks."""
    return await configuration.of_caller(session, gateway)


@router.post("/configuration/outcome", status_code=204)
async def configuration_outcome(session: Session, gateway: CurrentGateway, told: OutcomeIn) -> None:
    """Take a gateway's word on what became of a configuration."""
    await configuration.note_outcome(session, gateway, told)


@router.get("/{gateway}")
async def get_gateway(session: Session, caller: CurrentCaller, gateway: GatewayId) -> GatewayOut:
    """Return one gateway."""
    return GatewayOut.model_validate(await enrolment.named(session, caller.organization_id, gateway))


@router.post("/{gateway}/enrolment", status_code=201)
async def offer_enrolment(
    session: Session, caller: CurrentCaller, gateway: NewName, response: Response
) -> EnrolmentOut:
    """Return a code with which a gateway, registered now if it is not yet, fetches its token."""
    response.headers["Cache-Control"] = "no-store"
    return await enrolment.offer(session, caller, gateway, datetime.now(UTC))


@router.post("/{gateway}/revoke")
async def revoke(session: Session, caller: CurrentCaller, gateway: GatewayId) -> GatewayOut:
    """Make a gateway's tokens worthless at once; its readings stay."""
    return await enrolment.revoke(session, caller, gateway)


@router.post("/{gateway}/rotation")
async def ask_rotation(session: Session, caller: CurrentCaller, gateway: GatewayId) -> GatewayOut:
    """Have a gateway renew its token with its next sign of life."""
    return await enrolment.ask_rotation(session, caller, gateway)


@router.delete("/{gateway}/conflict")
async def settle_conflict(session: Session, caller: CurrentCaller, gateway: GatewayId) -> GatewayOut:
    """Take back the alarm that two machines speak in a gateway's name; it comes again if they still do."""
    return await enrolment.settle_conflict(session, caller, gateway)


@router.put("/{gateway}/configuration")
async def set_configuration(
    session: Session, caller: CurrentCaller, gateway: GatewayId, given: ConfigurationIn, seen: IfMatch
) -> ConfigurationOut:
    """Set a gateway's next configuration; it fetches, checks and tries it within a minute."""
    return await configuration.set_next(session, caller, gateway, given, seen)


@router.get("/{gateway}/configuration")
async def get_configuration(session: Session, caller: CurrentCaller, gateway: GatewayId) -> ConfigurationOut:
    """Return the newest configuration that was set for a gateway."""
    return await configuration.one(session, caller.organization_id, gateway, None)


@router.get("/{gateway}/configurations")
async def list_configurations(
    session: Session, caller: CurrentCaller, gateway: GatewayId, paging: PageQuery
) -> Page[ConfigurationLine]:
    """List the configurations that were set for a gateway, newest first."""
    return await configuration.configurations(session, caller.organization_id, gateway, paging)


@router.get("/{gateway}/configurations/{version}")
async def get_configuration_version(
    session: Session, caller: CurrentCaller, gateway: GatewayId, version: RowId
) -> ConfigurationOut:
    """Return one of the configurations that were set for a gateway."""
    return await configuration.one(session, caller.organization_id, gateway, version)

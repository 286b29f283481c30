"""Owns the operator's commands for gateways."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import console
from cloud.changes import Operator
from cloud.errors import Invalid
from cloud.gateways import enrolment, service
from cloud.gateways.schemas import EnrolmentOut, GatewayCreated, GatewayName, GatewayOut
from cloud.identity import service as identity
from cloud.paging import MAX_LIMIT, Paging

gateways = typer.Typer(name="gateway", help="Gateways: who may send readings.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="gateway.id of its configuration.")]
OrganizationName = Annotated[str, typer.Option("--organization", "-o", help="Whose gateways.")]


@gateways.command("create")
def create_gateway(name: Name, organization: OrganizationName, as_json: console.AsJson = False) -> None:
    """Register a gateway and print its token, this once; or a new one after `revoke`."""
    checked = _checked(name)

    async def work(session: AsyncSession) -> GatewayCreated:
        owner = await identity.organization_named(session, organization)
        return await service.create(session, Operator(owner.id), checked)

    created = console.transact(work)
    if as_json:
        console.show(created, as_json=True)
        return
    console.tell(f"Gateway {created.name}: its token, shown this once, belongs into cloud.token of its configuration:")
    typer.echo(created.token)


@gateways.command("enrol")
def enrol_gateway(name: Name, organization: OrganizationName, as_json: console.AsJson = False) -> None:
    """Print a code with which a gateway, registered now if it is not yet, fetches its token: once, within 15 minutes.

    At the gateway: tezgah-edge enrol CONFIG CODE.
    """
    checked = _checked(name)

    async def work(session: AsyncSession) -> EnrolmentOut:
        owner = await identity.organization_named(session, organization)
        return await enrolment.offer(session, Operator(owner.id), checked, datetime.now(UTC))

    offered = console.transact(work)
    if as_json:
        console.show(offered, as_json=True)
        return
    console.tell(f"Gateway {offered.gateway} enrols with this code, once, before {offered.expires_at:%H:%M} UTC:")
    typer.echo(offered.code)


@gateways.command("list")
def list_gateways(organization: OrganizationName, as_json: console.AsJson = False) -> None:
    """List an organization's gateways, and when each was last heard."""

    async def work(session: AsyncSession) -> list[GatewayOut]:
        owner = await identity.organization_named(session, organization)
        page = await service.gateways(session, owner.id, Paging(limit=MAX_LIMIT))
        found = page.items
        while page.next_cursor is not None:
            page = await service.gateways(session, owner.id, Paging(limit=MAX_LIMIT, cursor=page.next_cursor))
            found += page.items
        return found

    console.show(console.transact(work), as_json=as_json)


@gateways.command("revoke")
def revoke_gateway(name: Name, organization: OrganizationName, as_json: console.AsJson = False) -> None:
    """Make a gateway's token worthless at once; its readings stay."""

    async def work(session: AsyncSession) -> GatewayOut:
        owner = await identity.organization_named(session, organization)
        return await enrolment.revoke(session, Operator(owner.id), name)

    console.show(console.transact(work), as_json=as_json)


def _checked(name: str) -> str:
    try:
        return TypeAdapter(GatewayName).validate_python(name)
    except ValidationError as error:
        raise Invalid(f"{name!r} cannot be a gateway's name: {error.errors()[0]['msg']}.") from error

"""Owns the operator's commands for machines."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import console
from cloud.changes import Operator
from cloud.identity import service as identity
from cloud.machines import service
from cloud.machines.schemas import MachineIn, MachineOut
from cloud.paging import MAX_LIMIT, Paging

machines = typer.Typer(name="machine", help="Machines: the assets whose readings are kept.", no_args_is_help=True)

OrganizationName = Annotated[str, typer.Option("--organization", "-o", help="Whose machines.")]


@machines.command("create")
def create_machine(
    code: Annotated[str, typer.Argument(help="What people call it, such as PRESS-07; gateways refer to it.")],
    organization: OrganizationName,
    name: Annotated[str | None, typer.Option(help="Its full name; the code if absent.")] = None,
    machine_type: Annotated[str | None, typer.Option("--type", help="Such as injection_press.")] = None,
    as_json: console.AsJson = False,
) -> None:
    """Register a machine."""
    fields = {"code": code, "name": name or code, "machine_type": machine_type}
    given: MachineIn = console.checked(MachineIn, fields, "a machine")

    async def work(session: AsyncSession) -> MachineOut:
        owner = await identity.organization_named(session, organization)
        return await service.create(session, Operator(owner.id), given)

    console.show(console.transact(work), as_json=as_json)


@machines.command("list")
def list_machines(organization: OrganizationName, as_json: console.AsJson = False) -> None:
    """List an organization's machines."""

    async def work(session: AsyncSession) -> list[MachineOut]:
        owner = await identity.organization_named(session, organization)
        page = await service.machines(session, owner.id, Paging(limit=MAX_LIMIT))
        found = page.items
        while page.next_cursor is not None:
            page = await service.machines(session, owner.id, Paging(limit=MAX_LIMIT, cursor=page.next_cursor))
            found += page.items
        return found

    console.show(console.transact(work), as_json=as_json)

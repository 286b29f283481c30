"""Owns the operator's commands for organizations and users."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import console
from cloud.identity import service
from cloud.identity.passwords import Passwords
from cloud.identity.schemas import Role, Username, UserOut
from cloud.values import Label

organizations = typer.Typer(name="organization", help="Organizations: everything belongs to one.", no_args_is_help=True)
users = typer.Typer(name="user", help="Users: who may sign in, and as what.", no_args_is_help=True)

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
]
USER_NAME = "a user name: 2 to 64 letters, digits and ._@+- are"
OrganizationName = Annotated[str, typer.Option("--organization", "-o", help="Its name.")]


@organizations.command("create")
def create_organization(
    name: Annotated[str, typer.Argument(help="Its name.")], as_json: console.AsJson = False
) -> None:
    """Create an organization."""
    name = console.checked(Label, name, "an organization's name")
    console.show(console.transact(lambda session: service.create_organization(session, name)), as_json=as_json)


@organizations.command("list")
def list_organizations(as_json: console.AsJson = False) -> None:
    """List the organizations."""
    console.show(console.transact(service.organizations), as_json=as_json)


@users.command("create")
def create_user(
    username: Annotated[str, typer.Argument(help="What they sign in with; unique in the whole system.")],
    organization: OrganizationName,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.WORKER,
    password_stdin: FromStdin = False,
    as_json: console.AsJson = False,
) -> None:
    """Create a user. The first admin is made so: there is no default account.

    tezgah-cloud user create ayse --organization "Acme" --role admin
    """
    name: str = console.checked(Username, username, USER_NAME)
    password = console.ask_password(from_stdin=password_stdin)

    async def work(session: AsyncSession) -> UserOut:
        owner = await service.organization_named(session, organization)
        return await service.create_user(session, owner.id, name, role, password, Passwords())

    console.show(console.transact(work), as_json=as_json)


@users.command("list")
def list_users(as_json: console.AsJson = False) -> None:
    """List the users."""
    console.show(console.transact(service.users), as_json=as_json)


@users.command("passwd")
def set_password(
    username: Annotated[str, typer.Argument(help="Whose.")],
    password_stdin: FromStdin = False,
) -> None:
    """Give a user another password."""
    name: str = console.checked(Username, username, USER_NAME)
    password = console.ask_password(from_stdin=password_stdin)
    console.transact(lambda session: service.set_password(session, name, password, Passwords()))
    console.tell(f"{name} has another password now.")

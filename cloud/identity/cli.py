"""Owns the operator's commands for organizations and users."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import console
from cloud.changes import Operator
from cloud.identity import service
from cloud.identity.passwords import Passwords
from cloud.identity.schemas import OrganizationOut, Role, SignInName, Username, UserOut
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
    name: Annotated[str, typer.Argument(help="Its name.")],
    time_zone: Annotated[
        str | None, typer.Option(help="In which its days begin, such as Europe/Istanbul; UTC if not said.")
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Create an organization."""
    name = console.checked(Label, name, "an organization's name")

    async def work(session: AsyncSession) -> OrganizationOut:
        created = await service.create_organization(session, name)
        return created if time_zone is None else await service.set_time_zone(session, name, time_zone)

    console.show(console.transact(work), as_json=as_json)


@organizations.command("time-zone")
def set_time_zone(
    name: Annotated[str, typer.Argument(help="Its name.")],
    zone: Annotated[str, typer.Argument(help="Such as Europe/Istanbul.")],
    as_json: console.AsJson = False,
) -> None:
    """Say in which time zone an organization's days begin."""
    console.show(console.transact(lambda session: service.set_time_zone(session, name, zone)), as_json=as_json)


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
def list_users(
    organization: Annotated[str | None, typer.Option("--organization", "-o", help="Only its users.")] = None,
    as_json: console.AsJson = False,
) -> None:
    """List the users."""

    async def work(session: AsyncSession) -> list[UserOut]:
        owner = None if organization is None else await service.organization_named(session, organization)
        return await service.users(session, None if owner is None else owner.id)

    console.show(console.transact(work), as_json=as_json)


@users.command("passwd")
def set_password(
    username: Annotated[str, typer.Argument(help="Whose.")],
    password_stdin: FromStdin = False,
) -> None:
    """Give a user another password; they are signed out everywhere."""
    name: str = console.checked(SignInName, username, "a user name")
    password = console.ask_password(from_stdin=password_stdin)
    console.transact(lambda session: service.set_password(session, name, password, Passwords()))
    console.tell(f"{name} has another password now.")


@users.command("role")
def set_role(
    username: Annotated[str, typer.Argument(help="Whose.")],
    role: Annotated[Role, typer.Argument(help="What they may do from now on.")],
    as_json: console.AsJson = False,
) -> None:
    """Give a user another role; it acts with their next request."""
    name: str = console.checked(SignInName, username, "a user name")

    async def work(session: AsyncSession) -> UserOut:
        user = await service.user_named(session, name)
        return await service.set_role(session, Operator(user.organization_id), user.id, role)

    console.show(console.transact(work), as_json=as_json)


@users.command("deactivate")
def deactivate(
    username: Annotated[str, typer.Argument(help="Whom.")],
    as_json: console.AsJson = False,
) -> None:
    """Keep a user out: signed out everywhere at once, and no login any more. Nothing is deleted."""
    console.show(console.transact(_activity(username, is_active=False)), as_json=as_json)


@users.command("reactivate")
def reactivate(
    username: Annotated[str, typer.Argument(help="Whom.")],
    as_json: console.AsJson = False,
) -> None:
    """Let a user in again."""
    console.show(console.transact(_activity(username, is_active=True)), as_json=as_json)


def _activity(username: str, *, is_active: bool) -> Callable[[AsyncSession], Awaitable[UserOut]]:
    name: str = console.checked(SignInName, username, "a user name")

    async def work(session: AsyncSession) -> UserOut:
        user = await service.user_named(session, name)
        return await service.set_active(session, Operator(user.organization_id), user.id, is_active=is_active)

    return work

"""Owns loading a document of beginnings: an organization, its users, machines, work orders and gateways.

Loading it twice changes nothing, so a demo, a test plant or a new site can be set up by one command.
"""

import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.changes import Operator
from cloud.errors import Conflict, NotFound
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayName
from cloud.identity import service as identity
from cloud.identity.passwords import Passwords
from cloud.identity.schemas import Caller, Role, Username
from cloud.machines import service as machines
from cloud.machines.schemas import MachineIn
from cloud.values import Label
from cloud.workorders.schemas import WorkOrderIn
from cloud.workorders.service import assignments, orders, stages


class UserSeed(BaseModel):
    """A user to be."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    role: Role
    password: SecretStr


class GatewaySeed(BaseModel):
    """A gateway to be, by the name its configuration gives it."""

    model_config = ConfigDict(extra="forbid")

    id: GatewayName


class WorkOrderSeed(WorkOrderIn):
    """A work order to be, and who does its stages."""

    assigned_to: list[Username] = Field(default_factory=list, description="Users that the document names, too")


class Document(BaseModel):
    """What a seed file holds."""

    model_config = ConfigDict(extra="forbid")

    organization: Label
    users: list[UserSeed] = Field(default_factory=list)
    machines: list[MachineIn] = Field(default_factory=list)
    work_orders: list[WorkOrderSeed] = Field(default_factory=list)
    gateways: list[GatewaySeed] = Field(default_factory=list)


async def load(session: AsyncSession, document: Document) -> dict[str, Any]:
    """Create what the document names and is not there yet; what is there stays as it is.

    Returns:
        The ids of everything named, in the document's order, as JSON can say them; and the token of each
        gateway that was made, for only now is it known.

    Raises:
        Conflict: A user name is taken in another organization.
        NotFound: A work order is assigned to somebody whom the document does not name.
    """
    organization_id = await _organization(session, document.organization)
    people = await _users(session, organization_id, document.users)
    ids = {user["username"]: user["id"] for user in people}
    return {
        "organization": {"id": str(organization_id), "name": document.organization},
        "users": people,
        "machines": await _machines(session, organization_id, document.machines),
        "work_orders": await _work_orders(session, organization_id, document.work_orders, ids),
        "gateways": await _gateways(session, organization_id, document.gateways),
    }


async def _organization(session: AsyncSession, name: str) -> uuid.UUID:
    for known in await identity.organizations(session):
        if known.name == name:
            return known.id
    return (await identity.create_organization(session, name)).id


async def _users(session: AsyncSession, organization_id: uuid.UUID, wanted: list[UserSeed]) -> list[dict[str, Any]]:
    known = {user.username: user for user in await identity.users(session)}
    passwords = Passwords()
    loaded = []
    for seed in wanted:
        user = known.get(seed.username)
        if user is None:
            password = seed.password.get_secret_value()
            user = await identity.create_user(session, organization_id, seed.username, seed.role, password, passwords)
        elif user.organization_id != organization_id:
            raise Conflict(f"The user name {seed.username} is taken in another organization.")
        loaded.append({"id": user.id, "username": user.username, "role": user.role})
    return loaded


async def _machines(session: AsyncSession, organization_id: uuid.UUID, wanted: list[MachineIn]) -> list[dict[str, Any]]:
    known = await machines.by_codes(session, organization_id, [machine.code for machine in wanted])
    for machine in wanted:
        if machine.code not in known:
            known[machine.code] = (await machines.create(session, Operator(organization_id), machine)).id
    return [{"id": str(known[machine.code]), "code": machine.code} for machine in wanted]


async def _work_orders(
    session: AsyncSession, organization_id: uuid.UUID, wanted: list[WorkOrderSeed], ids: dict[str, int]
) -> list[dict[str, Any]]:
    loaded = []
    for order in wanted:
        order_id = await orders.lot(session, organization_id, order.product_code, order.lot_no)
        if order_id is None:
            given = WorkOrderIn.model_validate(order.model_dump(exclude={"assigned_to"}))
            order_id = (await orders.create(session, Operator(organization_id), given)).id
            for username in order.assigned_to:
                await _assign(session, organization_id, order_id, username, ids)
        loaded.append({"id": order_id, "product_code": order.product_code, "lot_no": order.lot_no})
    return loaded


async def _assign(
    session: AsyncSession, organization_id: uuid.UUID, order_id: int, username: str, ids: dict[str, int]
) -> None:
    if username not in ids:
        raise NotFound(f"A work order is assigned to {username}, whom the document does not name among its users.")
    by = Caller(ids[username], organization_id, Role.ADMIN)
    for stage in await stages.stages(session, by, order_id):
        await assignments.assign(session, by, stage.id, ids[username])


async def _gateways(
    session: AsyncSession, organization_id: uuid.UUID, wanted: list[GatewaySeed]
) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = []
    for seed in wanted:
        if await gateways.is_known(session, organization_id, seed.id):
            loaded.append({"id": seed.id})
        else:
            created = await gateways.create(session, Operator(organization_id), seed.id)
            loaded.append({"id": seed.id, "token": created.token})
    return loaded

"""Gateways of the test's own organization, and of others."""

import uuid
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI

from cloud.changes import Operator
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayCaller
from tests.integration.cloud.telemetry.sender import Sender

NewGateway = Callable[[uuid.UUID], Awaitable[Sender]]


@pytest.fixture
def new_gateway(app: FastAPI, app_client: httpx.AsyncClient) -> NewGateway:
    """A function that registers another gateway of an organization."""

    async def make(organization_id: uuid.UUID) -> Sender:
        async with app.state.database.transaction() as session:
            created = await gateways.create(session, Operator(organization_id), f"hall-{uuid.uuid4().hex[:6]}")
        caller = GatewayCaller(created.id, organization_id, created.name)
        return Sender(caller, created.token, app_client, app.state.database)

    return make


@pytest.fixture
async def gateway(new_gateway: NewGateway, tenant) -> Sender:
    """A gateway of this test's own organization."""
    return await new_gateway(tenant.organization_id)

"""What tests of predictions share: a plant's past as it was known, and an instant between two things that were told."""

import pytest
from sqlalchemy import text

from cloud.machines import service as machines
from cloud.predictions import past
from cloud.predictions.standing import standing


@pytest.fixture
def known(app, tenant):
    """Read the organization's past as it was known at an instant, with all that was counted and measured."""

    async def read(as_of):
        async with app.state.database.transaction() as session:
            return await past.read(session, tenant.organization_id, as_of, None)

    return read


@pytest.fixture
def moment(app):
    """Return the instant by PostgreSQL's clock, which says when things were recorded."""

    async def read():
        async with app.state.database.transaction() as session:
            return await session.scalar(text("SELECT clock_timestamp()"))

    return read


@pytest.fixture
def stands(app, tenant):
    """Read what an answer about a machine is remembered by."""

    async def read(code: str) -> str:
        async with app.state.database.transaction() as session:
            machine = await machines.resolve(session, tenant.organization_id, code)
            return (await standing(session, tenant.organization_id, [machine.id], 24)).known[machine.id]

    return read

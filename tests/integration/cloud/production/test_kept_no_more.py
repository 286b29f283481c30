"""What was derived of readings that are dropped since: it stays, also where it meets what still comes."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.analytics.service.deriving import derive_all
from cloud.telemetry import retention
from cloud.telemetry.schemas import Kept
from cloud.telemetry.settling import settle_all
from shared.reading import concatenate
from tests.integration.cloud.production.test_deriving import GOOD, STATE, TAGS, counted, machines, says, states
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import NOON, SECOND, Sender

__all__ = ["gateway", "machines", "new_gateway"]

NOW = datetime.now(UTC)
# midnight of the first day that is kept, and minutes after the noon that `says` counts from
EDGE = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=30)


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """Dropping concerns everybody, so each test has a database of its own."""
    return fresh_database_url


def after(minutes: float) -> float:
    return (int(EDGE.timestamp()) * SECOND - NOON) / (60 * SECOND) + minutes


async def derived(gateway: Sender) -> None:
    await settle_all(gateway.database, NOW + timedelta(minutes=5))
    await derive_all(gateway.database, NOW)


async def test_what_comes_late_at_the_edge_takes_nothing_from_what_was_derived_before(gateway):
    said = [
        says(STATE, (after(-240), "producing"), (after(180), "idle")),
        says(GOOD, (after(-1), 100), (after(61), 110), (after(65), 115)),
    ]
    await gateway.send(concatenate(said), tags=TAGS)
    await derived(gateway)
    before = await states(gateway)
    assert await counted(gateway) == {("P-1", "good"): 15}
    async with gateway.database.transaction() as session:
        await retention.set_policy(session, {Kept.READINGS: 30})
    assert len(await retention.apply(gateway.database, NOW)) == 1
    await gateway.send(concatenate([says(GOOD, (after(63), 112)), says(STATE, (after(30), "producing"))]), tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "good"): 15}
    assert await states(gateway) == before

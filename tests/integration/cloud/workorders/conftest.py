"""What the tests of work orders share: a planned order, with stages that may be the worker's."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from cloud.identity.schemas import Role

ORDER = {
    "product_code": "P-100",
    "lot_no": "L-7",
    "qty": 10,
    "planned_start": "2026-03-02T08:00:00Z",
    "planned_end": "2026-03-02T10:00:00Z",
}
Planned = tuple[dict[str, Any], list[dict[str, Any]]]


@pytest.fixture
def planned(app_client: httpx.AsyncClient, tenant) -> Callable[..., Awaitable[Planned]]:
    """A function that plans an order, all of whose stages are the worker's, and returns both."""

    async def plan(*, is_assigned: bool = True, **changes: Any) -> Planned:
        answer = await app_client.post("/workorders/", json=ORDER | changes, headers=tenant.planner)
        assert answer.status_code == 201, answer.text
        order = answer.json()
        if is_assigned:
            for stage in await stages_of(app_client, tenant.planner, order):
                body = {"user_id": tenant.callers[Role.WORKER].user_id}
                answer = await app_client.post(f"/stages/{stage['id']}/assignments", json=body, headers=tenant.planner)
                assert answer.status_code == 201, answer.text
        return order, await stages_of(app_client, tenant.planner, order)

    return plan


async def stages_of(client: httpx.AsyncClient, headers: dict[str, str], order: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await client.get(f"/workorders/{order['id']}/stages", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()

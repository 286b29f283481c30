"""What the tests of issues share: a stage that is the worker's, and what he reports there."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.identity.schemas import Role
from cloud.settings import Settings

ORDER = {
    "product_code": "P-100",
    "lot_no": "L-7",
    "qty": 10,
    "planned_start": "2026-03-02T08:00:00Z",
    "planned_end": "2026-03-02T10:00:00Z",
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """The same, with a directory for photos of this test's own."""
    return settings.model_copy(update={"photos_dir": tmp_path / "photos"})


@pytest.fixture
async def stage(app_client: httpx.AsyncClient, tenant) -> dict[str, Any]:
    """A stage on a machine, assigned to the worker."""
    await app_client.post("/machines", json={"code": "PRESS-1", "name": "P"}, headers=tenant.planner)
    window = {"planned_start": ORDER["planned_start"], "planned_end": ORDER["planned_end"]}
    body = ORDER | {"stages": [{"stage_name": "Enjeksiyon", "machine": "PRESS-1", **window}]}
    order = (await app_client.post("/workorders/", json=body, headers=tenant.planner)).json()
    found = (await app_client.get(f"/workorders/{order['id']}/stages", headers=tenant.planner)).json()[0]
    assigned = {"user_id": tenant.callers[Role.WORKER].user_id}
    await app_client.post(f"/stages/{found['id']}/assignments", json=assigned, headers=tenant.planner)
    return found


@pytest.fixture
def report(app_client: httpx.AsyncClient, tenant, stage) -> Callable[..., Awaitable[dict[str, Any]]]:
    """A function that reports an issue at the stage."""

    async def make(headers: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
        body = {"type": "machine_failure", "description": "The mould leaks."} | changes
        answer = await app_client.post(f"/stages/{stage['id']}/issue", json=body, headers=headers or tenant.worker)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make

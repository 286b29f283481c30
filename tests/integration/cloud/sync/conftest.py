"""Orders of the test's own organization, and phones that pull."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

ORDER = {
    "product_code": "P-1",
    "lot_no": "L-1",
    "qty": 100,
    "planned_start": "2026-03-02T08:00:00Z",
    "planned_end": "2026-03-02T16:00:00Z",
}


@pytest.fixture
def plan(app_client: httpx.AsyncClient, tenant: Any) -> Callable[..., Awaitable[tuple[dict, list[dict]]]]:
    """A function that plans an order; returns it and its stages."""

    async def planned(**more: object) -> tuple[dict, list[dict]]:
        made = await app_client.post("/workorders/", json=ORDER | more, headers=tenant.planner)
        assert made.status_code == 201, made.text
        stages = await app_client.get(f"/workorders/{made.json()['id']}/stages", headers=tenant.planner)
        return made.json(), stages.json()

    return planned


class Replica:
    """What one phone has kept: things by kind and id, and how far it has come."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str], limit: int = 200) -> None:
        self.client, self.headers, self.limit = client, headers, limit
        self.cursor: str | None = None
        self.things: dict[tuple[str, int], dict] = {}

    async def pull(self) -> list[dict]:
        """Pull until there is no more; return what came."""
        came = []
        while True:
            page = await self.page()
            self.keep(page)
            came += page["changes"]
            if not page["has_more"]:
                return came

    async def page(self) -> dict:
        params = {"limit": self.limit} | ({"cursor": self.cursor} if self.cursor else {})
        answer = await self.client.get("/sync/pull", params=params, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def keep(self, page: dict) -> None:
        if page["reset"]:
            self.things.clear()
        for change in page["changes"]:
            if change["op"] == "deleted":
                self.things.pop((change["entity"], change["id"]), None)
            else:
                self.things[change["entity"], change["id"]] = change["data"]
        self.cursor = page["cursor"]


@pytest.fixture
def phone(app_client: httpx.AsyncClient) -> Callable[..., Replica]:
    """A function that makes a phone of whoever the headers name."""
    return lambda headers, limit=200: Replica(app_client, headers, limit)

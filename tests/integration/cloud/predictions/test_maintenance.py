"""What is predicted of maintenance and of OEE, over HTTP."""

import random
from datetime import timedelta

import pytest

from tests.integration.cloud.predictions import plants
from tests.integration.cloud.predictions.plants import HOUR, NOW


@pytest.fixture
def ask(app_client, tenant):
    async def send(path: str, body: dict, *, status: int = 200, method: str = "POST", **headers):
        answer = await app_client.request(method, path, json=body, headers=tenant.planner | headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


async def wearing(app, machine: dict, *, shape: float, stops: int = 500) -> None:
    rng, at, rows = random.Random(7), NOW - timedelta(days=300), []
    for _ in range(stops):
        stop = at + rng.weibullvariate(80, shape) * HOUR
        end = min(stop + HOUR, NOW)
        if stop >= NOW:
            break
        shared = {"machine_id": machine["id"], "source": "import", "recorded_at": NOW}
        rows.append(shared | {"from_at": at, "to_at": stop, "state": "producing"})
        rows.append(shared | {"from_at": stop, "to_at": end, "state": "faulted"})
        at = end
    await plants.write(app, rows)


async def test_wear_is_told_with_its_bounds_and_the_age_at_which_replacing_pays(app, app_client, tenant, ask):
    [machine] = await plants.machines(app_client, tenant, 1)
    await wearing(app, machine, shape=3.0)
    plan = {"title": "Oil", "basis": "calendar", "every": 30, "starts_at": (NOW - timedelta(days=10)).isoformat()}
    await ask("/machines/M-0/maintenance/plans", plan, status=201)
    told = await ask("/predictions/maintenance", {"machine_id": "M-0", "cost_ratio": 10})
    assert told["next_due"]["title"] == "Oil"
    assert told["identifiable"]
    assert 2 < told["hazard"]["shape_interval"]["lower"] < 3 < told["hazard"]["shape_interval"]["upper"]
    assert told["hazard"]["learned_from"] == "machine"
    assert 0 <= told["failure_probability"] <= 1
    assert 10 < told["preventive_replacement"]["every_h"] < 80
    cheap = await ask("/predictions/maintenance", {"machine_id": "M-0", "cost_ratio": 1})
    assert cheap["preventive_replacement"] is None


async def test_stops_of_chance_are_not_identifiable_and_no_interval_is_made_up(app, app_client, tenant, ask):
    [machine] = await plants.machines(app_client, tenant, 1)
    await wearing(app, machine, shape=1.0)
    told = await ask("/predictions/maintenance", {"machine_id": "M-0"}, **{"Accept-Language": "tr"})
    assert not told["identifiable"]
    assert told["preventive_replacement"] is None
    assert "belirlenemiyor" in told["detail"]


async def test_without_stops_there_is_no_law_and_the_calendar_still_speaks(app_client, tenant, ask):
    await plants.machines(app_client, tenant, 1)
    await ask("/machines/M-0/maintenance/plans", {"title": "Oil", "basis": "calendar", "every": 30}, status=201)
    told = await ask("/predictions/maintenance", {"machine_id": "M-0"})
    assert (told["status"], told["hazard"], told["failure_probability"]) == ("insufficient_data", None, None)
    assert told["next_due"]["title"] == "Oil"

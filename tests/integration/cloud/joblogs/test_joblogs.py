"""The job log over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.changes import Operator
from cloud.identity.schemas import Role
from cloud.joblogs.schemas import Entry, Flag, JobState
from cloud.joblogs.service import log as service

BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def entry(number: int, **over) -> Entry:
    start = BEGIN + timedelta(hours=number)
    values = {
        "source_id": str(number),
        "digest": b"x",
        "machine": f"M-{number % 2}",
        "start_time": start,
        "end_time": start + timedelta(hours=1),
        "state": JobState.CLOSED,
        "job_number": "J/1",
        "part_number": "P-1",
        "emp_id": f"E-{number % 3}",
        "operator_name": None,
        "op_number": "10",
        "parts_produced": 50,
        "job_duration_s": 3600.0,
        "seconds": {"running": 3000.0, "setup": 500.0},
        "flags": [Flag.UNACCOUNTED],
    }
    return Entry(**(values | over))


@pytest.fixture
async def log(app, tenant) -> None:
    opened = entry(6, state=JobState.OPENED, end_time=None, job_duration_s=None, flags=[])
    async with app.state.database.transaction() as session:
        actor = Operator(tenant.organization_id)
        await service.bring(session, actor, "test", [*(entry(number) for number in range(6)), opened])


async def listed(app_client, headers, **params) -> list[str]:
    answer = await app_client.get("/joblogs", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return [each["source_id"] for each in answer.json()]


async def test_a_row_shows_what_it_says_and_what_it_leaves_open(app_client, tenant, log):
    shown = (await app_client.get("/joblogs", headers=tenant.planner)).json()
    assert (shown[0]["machine"], shown[0]["running_s"], shown[0]["unaccounted_s"]) == ("M-0", 3000, 100)
    assert (shown[6]["end_time"], shown[6]["unaccounted_s"], shown[6]["state"]) == (None, None, "OPENED")


async def test_lists_are_filtered_and_paged(app_client, tenant, log):
    assert await listed(app_client, tenant.planner, machine="M-1") == ["1", "3", "5"]
    assert await listed(app_client, tenant.planner, emp_id="E-2", sort="-start_time") == ["5", "2"]
    assert await listed(app_client, tenant.planner, state="opened") == ["6"]
    assert await listed(
        app_client, tenant.planner, flag="unaccounted", job_number="J/1", part_number="P-1", limit=2
    ) == [
        "0",
        "1",
    ]
    window = {"from": "2026-03-02T08:30:00Z", "to": "2026-03-02T10:00:00Z"}
    assert await listed(app_client, tenant.planner, **window) == ["2", "3"]
    # what is open lasts until now
    assert await listed(app_client, tenant.planner, **{"from": "2026-03-03T00:00:00Z"}) == ["6"]
    unknown = await app_client.get("/joblogs", params={"machine": "M-9"}, headers=tenant.planner)
    assert unknown.status_code == 404


async def test_a_worker_sees_what_he_did_and_nothing_before_he_is_an_operator(app_client, tenant, new_tenant, log):
    assert await listed(app_client, tenant.worker) == []
    him = {"user_id": tenant.callers[Role.WORKER].user_id}
    assert (await app_client.patch("/operators/E-1", json=him, headers=tenant.admin)).status_code == 200
    assert await listed(app_client, tenant.worker) == ["1", "4"]
    assert await listed(app_client, tenant.worker, emp_id="E-2") == []
    assert await listed(app_client, (await new_tenant()).admin) == []


async def test_what_a_job_log_names_cannot_be_forgotten(app_client, tenant, log):
    for path in ("/operators/E-1", "/jobs/J%2F1", "/parts/P-1"):
        assert (await app_client.delete(path, headers=tenant.admin)).status_code == 409

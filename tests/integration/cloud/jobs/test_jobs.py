"""Jobs over HTTP: kept, listed by status, and found by numbers that hold a slash."""

import pytest

EVERYTHING = {
    "job_number": "2026/113",
    "job_name": "Gövde",
    "customer_id": "C-1",
    "customer_name": "Işık A.Ş.",
    "priority": "URGENT",
    "estimated_hours": 12.5,
    "actual_hours": 3.0,
    "quantity_ordered": 500,
    "quantity_completed": 0,
    "due_date": "2026-03-10T00:00:00Z",
    "start_date": "2026-03-02T08:00:00Z",
    "completion_date": None,
    "job_status": "IN_PROGRESS",
    "complexity_rating": 7,
    "setup_complexity": 10,
}
PATH = "/jobs/2026%2F113"


@pytest.fixture
async def job(app_client, tenant) -> dict:
    answer = await app_client.post("/jobs", json=EVERYTHING, headers=tenant.planner)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_every_field_comes_back_under_a_number_with_a_slash(app_client, tenant, job, prefix):
    answer = (await app_client.get(prefix + PATH, headers=tenant.worker)).json()
    shown = answer["data"] if prefix else answer
    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING


async def test_lists_go_by_status_in_any_case(app_client, tenant, job):
    await app_client.post("/jobs", json={"job_number": "J-1"}, headers=tenant.planner)

    async def numbers(path, **params):
        answer = await app_client.get(path, params=params, headers=tenant.worker)
        assert answer.status_code == 200, answer.text
        return [each["job_number"] for each in answer.json()]

    assert await numbers("/jobs/by-status/in_progress") == ["2026/113"]
    assert await numbers("/jobs/by-status/PENDING") == ["J-1"]
    assert await numbers("/jobs", priority="urgent") == ["2026/113"]
    assert await numbers("/jobs", q="ISIK") == ["2026/113"]
    assert await numbers("/jobs", customer_id="C-2") == []
    assert await numbers("/jobs", sort="-created_at") == ["J-1", "2026/113"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"complexity_rating": 11},
        {"setup_complexity": 0},
        {"quantity_ordered": -1},
        {"job_status": "OPEN"},
        {"priority": None},
        {"completion_date": "2026-03-01T00:00:00Z"},
        {"job_number": "J-9"},
        {"estimated_hours": -0.1},
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_and_nothing_changes(app_client, tenant, job, wrong):
    answer = await app_client.patch(PATH, json=wrong, headers=tenant.planner)
    assert answer.status_code == 422, answer.text
    assert (await app_client.get(PATH, headers=tenant.planner)).json() == job


async def test_a_job_is_changed_replaced_and_forgotten(app_client, tenant, new_tenant, job):
    done = {"job_status": "completed", "completion_date": "2026-03-09T10:00:00+03:00"}
    patched = (await app_client.patch(PATH, json=done, headers=tenant.planner)).json()
    assert (patched["job_status"], patched["completion_date"]) == ("COMPLETED", "2026-03-09T07:00:00Z")
    assert patched["complexity_rating"] == 7
    anew = (await app_client.put(PATH, json={}, headers=tenant.planner)).json()
    assert (anew["job_status"], anew["priority"], anew["customer_id"]) == ("PENDING", "NORMAL", None)
    strangers = await app_client.delete(PATH, headers=(await new_tenant()).admin)
    assert (strangers.status_code, strangers.json()["error_code"]) == (404, "JOB_NOT_FOUND")
    assert (await app_client.delete(PATH, headers=tenant.planner)).status_code == 204
    again = await app_client.post("/jobs", json={"job_number": "J-1"}, headers=tenant.planner)
    assert again.status_code == 201
    taken = await app_client.post("/jobs", json={"job_number": "J-1"}, headers=tenant.planner)
    assert (taken.status_code, taken.json()["error_code"]) == (409, "JOB_NUMBER_TAKEN")

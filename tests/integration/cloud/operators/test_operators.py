"""Operators over HTTP: kept, listed, changed by whoever saw them, and forgotten only while nothing names them."""

import pytest

from cloud.identity.schemas import Role

EVERYTHING = {
    "emp_id": "E-7",
    "operator_name": "Işıl Demir",
    "skill_level": "EXPERT",
    "hire_date": "2019-04-01",
    "shift_preference": "NIGHT",
    "certifications": ["CNC 5 axis", "Forklift"],
    "hourly_rate": 410.5,
    "department": "Talaşlı İmalat",
    "supervisor_id": None,
    "status": "ACTIVE",
    "user_id": None,
}


@pytest.fixture
async def isil(app_client, tenant) -> dict:
    answer = await app_client.post("/operators", json=EVERYTHING, headers=tenant.planner)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def numbers(app_client, headers, path="/operators", **params) -> list[str]:
    answer = await app_client.get(path, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return [each["emp_id"] for each in answer.json()]


async def test_every_field_comes_back_and_what_somebody_earns_not_to_workers(app_client, tenant, isil):
    shown = (await app_client.get("/operators/E-7", headers=tenant.planner)).json()
    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    assert shown["source"] == "manual"
    worker = (await app_client.get("/operators/E-7", headers=tenant.worker)).json()
    assert worker == shown | {"hourly_rate": None}
    assert [each["hourly_rate"] for each in (await app_client.get("/operators", headers=tenant.worker)).json()] == [
        None
    ]


async def test_lists_are_filtered_by_skill_in_any_case_and_by_words_in_turkish(app_client, tenant, isil):
    await app_client.post("/operators", json={"emp_id": "E-8", "operator_name": "Can"}, headers=tenant.planner)
    assert await numbers(app_client, tenant.worker) == ["E-7", "E-8"]
    assert await numbers(app_client, tenant.worker, "/operators/by-skill/expert") == ["E-7"]
    assert await numbers(app_client, tenant.worker, "/operators/by-skill/BEGINNER") == []
    assert await numbers(app_client, tenant.worker, q="isil talasli") == ["E-7"]
    assert await numbers(app_client, tenant.worker, sort="-operator_name") == ["E-7", "E-8"]
    assert await numbers(app_client, tenant.worker, department="TALAŞLI İMALAT") == ["E-7"]
    wrong = await app_client.get("/operators/by-skill/GURU", headers=tenant.worker)
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["valid_values"] == ["BEGINNER", "INTERMEDIATE", "ADVANCED", "EXPERT"]


async def test_the_versioned_list_pages_by_cursor(app_client, tenant):
    for number in range(5):
        body = {"emp_id": f"E-{number}", "operator_name": "Same"}
        await app_client.post("/operators", json=body, headers=tenant.admin)
    found, cursor = [], None
    while True:
        params = {"limit": 2, "sort": "operator_name"} | ({"cursor": cursor} if cursor else {})
        page = (await app_client.get("/api/v1/operators", params=params, headers=tenant.worker)).json()
        found += [each["emp_id"] for each in page["data"]]
        cursor = page["meta"]["next_cursor"]
        if cursor is None:
            break
    assert found == [f"E-{number}" for number in range(5)]


async def test_a_patch_changes_what_it_names_and_a_put_says_all_anew(app_client, tenant, isil):
    patched = await app_client.patch(
        "/operators/E-7", json={"skill_level": "advanced", "department": None}, headers=tenant.planner
    )
    assert (patched.json()["skill_level"], patched.json()["department"]) == ("ADVANCED", None)
    assert patched.json()["certifications"] == EVERYTHING["certifications"]
    anew = await app_client.put("/operators/E-7", json={"operator_name": "Işıl"}, headers=tenant.planner)
    assert (anew.json()["skill_level"], anew.json()["certifications"]) == (None, [])
    fixed = await app_client.patch("/operators/E-7", json={"emp_id": "E-8"}, headers=tenant.planner)
    assert fixed.status_code == 422


async def test_who_has_not_seen_the_last_change_changes_and_deletes_nothing(app_client, tenant, isil):
    tag = (await app_client.get("/operators/E-7", headers=tenant.planner)).headers["ETag"]
    seen = tenant.planner | {"If-Match": tag}
    assert (await app_client.patch("/operators/E-7", json={"department": "QA"}, headers=seen)).status_code == 200
    assert (await app_client.patch("/operators/E-7", json={"department": "PR"}, headers=seen)).status_code == 412
    assert (await app_client.delete("/operators/E-7", headers=seen)).status_code == 412
    unchanged = await app_client.get("/operators/E-7", headers=tenant.planner | {"If-None-Match": tag})
    assert unchanged.status_code == 200


async def test_a_supervisor_and_a_user_must_be_there_and_fit(app_client, tenant, new_tenant, isil):
    async def refused(**more):
        body = {"emp_id": "E-9", "operator_name": "Ali"} | more
        answer = await app_client.post("/operators", json=body, headers=tenant.planner)
        return answer.status_code, answer.json()["error_code"]

    worker = tenant.callers[Role.WORKER].user_id
    stranger = (await new_tenant()).callers[Role.WORKER].user_id
    assert await refused(supervisor_id="E-0") == (422, "SUPERVISOR_UNKNOWN")
    assert await refused(supervisor_id="E-9") == (422, "OWN_SUPERVISOR")
    assert await refused(user_id=stranger) == (422, "USER_UNKNOWN")
    assert (await app_client.patch("/operators/E-7", json={"user_id": worker}, headers=tenant.admin)).status_code == 200
    assert await refused(user_id=worker) == (409, "USER_TAKEN")
    assert await refused(emp_id="E-7") == (409, "OPERATOR_TAKEN")


async def test_one_whom_something_names_stays_and_another_is_forgotten(app_client, tenant, isil):
    body = {"emp_id": "E-8", "operator_name": "Can", "supervisor_id": "E-7"}
    await app_client.post("/operators", json=body, headers=tenant.planner)
    turkish = {"Accept-Language": "tr"}
    in_use = await app_client.delete("/operators/E-7", headers=tenant.planner | turkish)
    assert (in_use.status_code, in_use.json()["error_code"]) == (409, "OPERATOR_IN_USE")
    assert "silinemez" in in_use.json()["detail"]
    for key in ("E-8", "E-7"):
        assert (await app_client.delete(f"/operators/{key}", headers=tenant.planner)).status_code == 204
    assert (await app_client.get("/operators/E-7", headers=tenant.planner)).status_code == 404


async def test_each_change_is_recorded_and_a_repeated_post_is_one(app_client, tenant):
    keyed = tenant.planner | {"Idempotency-Key": "k-1"}
    body = {"emp_id": "E-1", "operator_name": "Ayşe"}
    first, again = [await app_client.post("/operators", json=body, headers=keyed) for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    await app_client.patch("/operators/E-1", json={"department": "QA"}, headers=tenant.admin)
    await app_client.delete("/operators/E-1", headers=tenant.admin)
    audit = (await app_client.get("/audit", params={"entity": "operator"}, headers=tenant.admin)).json()
    assert sorted((each["kind"], each["entity_id"]) for each in audit) == [
        ("created", "E-1"),
        ("deleted", "E-1"),
        ("updated", "E-1"),
    ]

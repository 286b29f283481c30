"""The asset registry over HTTP."""

import uuid

import pytest

from cloud.errors import NotFound
from cloud.machines import service


async def make(app_client, headers, code: str, **more) -> dict:
    answer = await app_client.post("/machines", json={"code": code, "name": code, **more}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_machine_is_found_by_its_uuid_and_by_its_code(app_client, tenant):
    made = await make(app_client, tenant.admin, "Machine0001", ideal_cycle_s=12.5, active_cavities=4)
    assert made["status"] == "active"
    for name in (made["id"], "Machine0001"):
        shown = (await app_client.get(f"/machines/{name}", headers=tenant.worker)).json()
        assert shown["id"] == made["id"]
        assert shown["ideal_cycle_s"] == 12.5


async def test_status_is_taken_in_any_case_and_given_in_lower(app_client, tenant):
    made = await make(app_client, tenant.admin, "M", status="MAINTENANCE")
    assert made["status"] == "maintenance"
    listed = await app_client.get("/machines", params={"status": "Maintenance"}, headers=tenant.worker)
    assert [machine["code"] for machine in listed.json()] == ["M"]
    assert (await app_client.get("/machines", params={"status": "active"}, headers=tenant.worker)).json() == []


async def test_a_status_that_is_none_is_answered_with_those_that_are(app_client, tenant):
    answer = await app_client.post("/machines", json={"code": "M", "name": "M", "status": "on"}, headers=tenant.admin)
    assert answer.status_code == 422
    (mistake,) = answer.json()["errors"]
    assert mistake["loc"] == ["body", "status"]
    assert mistake["valid_values"] == ["active", "inactive", "maintenance", "decommissioned"]
    assert isinstance(answer.json()["detail"], str)


async def test_a_code_is_unique_in_its_organization_only(app_client, tenant, new_tenant):
    await make(app_client, tenant.admin, "M")
    answer = await app_client.post("/machines", json={"code": "M", "name": "M"}, headers=tenant.admin)
    assert answer.status_code == 409
    assert answer.json()["error_code"] == "MACHINE_CODE_TAKEN"
    await make(app_client, (await new_tenant()).admin, "M")


async def test_another_organizations_machine_is_as_if_there_were_none(app_client, tenant, new_tenant):
    made = await make(app_client, tenant.admin, "M")
    stranger = (await new_tenant()).admin
    theirs = await app_client.get(f"/machines/{made['id']}", headers=stranger)
    nobodys = await app_client.get(f"/machines/{uuid.uuid4()}", headers=stranger)
    for answer in (theirs, nobodys):
        assert answer.status_code == 404
        assert answer.json()["error_code"] == "MACHINE_NOT_FOUND"
    assert theirs.json().keys() == nobodys.json().keys()
    assert (await app_client.get("/machines", headers=stranger)).json() == []


async def test_a_worker_registers_no_machine(app_client, tenant):
    answer = await app_client.post("/machines", json={"code": "M", "name": "M"}, headers=tenant.worker)
    assert answer.status_code == 403


async def test_pages_follow_each_other_and_show_each_machine_once(app_client, tenant):
    codes = [f"M{number:02}" for number in range(7)]
    for code in reversed(codes):
        await make(app_client, tenant.admin, code)
    first = (await app_client.get("/api/v1/machines?limit=3&with_total=true", headers=tenant.worker)).json()
    assert first["meta"]["total"] == 7
    # what comes before the place read so far moves nothing
    await make(app_client, tenant.admin, "L00")
    seen, meta = [machine["code"] for machine in first["data"]], first["meta"]
    while meta["next_cursor"] is not None:
        query = {"limit": 3, "cursor": meta["next_cursor"]}
        page = (await app_client.get("/api/v1/machines", params=query, headers=tenant.worker)).json()
        seen, meta = [*seen, *(machine["code"] for machine in page["data"])], page["meta"]
    assert seen == codes


@pytest.mark.parametrize(("query", "codes"), [("skip=2&limit=2", ["M2", "M3"]), ("page=2&page_size=3", ["M3", "M4"])])
async def test_clients_that_count_rows_or_pages_are_served_too(app_client, tenant, query, codes):
    for number in range(5):
        await make(app_client, tenant.admin, f"M{number}")
    listed = await app_client.get(f"/machines?{query}", headers=tenant.worker)
    assert [machine["code"] for machine in listed.json()] == codes


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=x", "cursor=bnVsbA", "skip=-1", "page=0", "status=", "limit=x"]
)
async def test_a_page_that_cannot_be_is_422(app_client, tenant, query):
    assert (await app_client.get(f"/machines?{query}", headers=tenant.worker)).status_code == 422


@pytest.mark.parametrize("name", ["%00", "a%00b", "x" * 65, "%F0%9F%98%80", "..%2F..", "' OR 1=1"])
async def test_no_name_is_too_strange_for_an_answer(app_client, tenant, name):
    assert (await app_client.get(f"/machines/{name}", headers=tenant.worker)).status_code in {404, 422}


@pytest.mark.parametrize(
    "fields",
    [
        {"code": ""},
        {"name": "a\x00"},
        {"ideal_cycle_s": 0},
        {"ideal_cycle_s": "NaN"},
        {"active_cavities": 2**31},
        {"year_installed": 1},
        {"next_maintenance_date": "2026-01-01T00:00:00"},
        {"id": "3a677c1f-e76c-45b5-a0ba-7376aa5a908c"},
        {"organization_id": "40bdde04-c631-44a1-ad0d-4e157d12222c"},
    ],
    ids=str,
)
async def test_an_impossible_machine_is_refused(app_client, tenant, fields):
    answer = await app_client.post("/machines", json={"code": "M", "name": "M", **fields}, headers=tenant.admin)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][:2] == ["body", next(iter(fields))]


async def test_codes_become_ids_and_unknown_ones_are_left_out(app, app_client, tenant, new_tenant):
    made = await make(app_client, tenant.admin, "M")
    await make(app_client, (await new_tenant()).admin, "OTHER")
    async with app.state.database.transaction() as session:
        found = await service.by_codes(session, tenant.organization_id, ["M", "OTHER", "NONE"])
        with pytest.raises(NotFound):
            await service.resolve(session, tenant.organization_id, "OTHER")
    assert {code: str(machine_id) for code, machine_id in found.items()} == {"M": made["id"]}

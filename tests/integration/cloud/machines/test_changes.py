"""Changing the asset registry over HTTP: in whole, in part, at the end of a machine's life, and by two at once."""

import uuid

import pytest
from sqlalchemy import text

EVERYTHING = {
    "code": "PRESS-07",
    "name": "Büyük pres",
    "customer_organization_id": None,
    "machine_type": "injection_molding",
    "model_type": "hydraulic",
    "manufacturer": "Engel",
    "model": "duo 700",
    "serial_number": "SN-1",
    "year_installed": 2019,
    "purchase_date": "2019-01-02",
    "warranty_expiry_date": "2024-01-02",
    "status": "active",
    "last_maintenance_date": "2026-01-01T00:00:00Z",
    "next_maintenance_date": "2026-06-01T00:00:00Z",
    "maintenance_schedule_hours": 500,
    "location": "Hall 2",
    "notes": "first\nsecond",
    "max_spindle_speed": 12000.0,
    "max_feed_rate": 500.0,
    "work_envelope_x": 1.0,
    "work_envelope_y": 2.0,
    "work_envelope_z": 3.0,
    "active_cavities": 4,
    "ideal_cycle_s": 12.5,
    "microstop_threshold_s": 60.0,
}


@pytest.fixture
async def press(app_client, tenant) -> dict:
    answer = await app_client.post("/machines", json=EVERYTHING, headers=tenant.planner)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_every_field_comes_back_as_it_was_given(app_client, tenant, press):
    shown = (await app_client.get("/machines/PRESS-07", headers=tenant.worker)).json()
    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    assert shown["runtime_status"] == "unknown"
    assert shown["created_at"] == press["created_at"]


async def test_a_put_says_everything_anew(app_client, tenant, press):
    answer = await app_client.put("/machines/PRESS-07", json={"code": "P7", "name": "P7"}, headers=tenant.planner)
    shown = answer.json()
    assert (shown["id"], shown["code"], shown["status"]) == (press["id"], "P7", "active")
    assert shown["notes"] is None
    assert shown["ideal_cycle_s"] is None


async def test_a_patch_changes_what_it_names_and_null_clears(app_client, tenant, press):
    given = {"notes": None, "status": "MAINTENANCE", "ideal_cycle_s": 11}
    shown = (await app_client.patch(f"/machines/{press['id']}", json=given, headers=tenant.planner)).json()
    assert (shown["notes"], shown["status"], shown["ideal_cycle_s"]) == (None, "maintenance", 11)
    assert shown["name"] == "Büyük pres"
    assert shown["updated_at"] > press["updated_at"]


@pytest.mark.parametrize("given", [{"code": None}, {"name": None}, {"status": None}, {"status": "on"}, {"id": "x"}])
async def test_what_a_machine_must_have_cannot_be_cleared(app_client, tenant, press, given):
    answer = await app_client.patch(f"/machines/{press['id']}", json=given, headers=tenant.planner)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", next(iter(given))]


async def test_missing_and_null_are_taken_alike_when_a_machine_is_registered(app_client, tenant):
    nothing = {name: None for name in EVERYTHING if name not in {"code", "name"}}
    for code, given in (("A", {}), ("B", nothing)):
        answer = await app_client.post("/machines", json={"code": code, "name": "x", **given}, headers=tenant.admin)
        assert answer.status_code == 201, answer.text
        shown = answer.json()
        assert shown["status"] == "active"
        assert all(shown[name] is None for name in nothing if name != "status")


async def test_a_row_written_by_hand_gets_the_databases_defaults(app, app_client, tenant):
    async with app.state.database.transaction() as session:
        await session.execute(
            text("INSERT INTO machine (organization_id, code, name) VALUES (:it, 'SQL-1', 'by hand')"),
            {"it": tenant.organization_id},
        )
    shown = (await app_client.get("/machines/SQL-1", headers=tenant.worker)).json()
    assert shown["status"] == "active"
    uuid.UUID(shown["id"])


async def test_the_end_of_a_machines_life_deletes_nothing(app_client, tenant, press):
    for _ in range(2):
        answer = await app_client.delete("/machines/PRESS-07", headers=tenant.planner)
        assert (answer.status_code, answer.json()["status"]) == (200, "decommissioned")
    assert (await app_client.get("/machines/PRESS-07", headers=tenant.worker)).json()["id"] == press["id"]
    back = await app_client.patch("/machines/PRESS-07", json={"status": "active"}, headers=tenant.planner)
    assert back.json()["status"] == "active"


@pytest.mark.parametrize(("method", "more"), [("PUT", {"json": EVERYTHING}), ("PATCH", {"json": {}}), ("DELETE", {})])
async def test_a_worker_and_a_stranger_change_nothing(app_client, tenant, new_tenant, press, method, more):
    path = f"/machines/{press['id']}"
    assert (await app_client.request(method, path, headers=tenant.worker, **more)).status_code == 403
    strangers = await app_client.request(method, path, headers=(await new_tenant()).admin, **more)
    assert strangers.status_code == 404
    assert strangers.json()["error_code"] == "MACHINE_NOT_FOUND"


async def test_a_code_that_is_taken_and_a_customer_that_is_not_there_are_named(app_client, tenant, press):
    await app_client.post("/machines", json={"code": "OTHER", "name": "x"}, headers=tenant.admin)
    taken = await app_client.patch(f"/machines/{press['id']}", json={"code": "OTHER"}, headers=tenant.admin)
    assert (taken.status_code, taken.json()["error_code"]) == (409, "MACHINE_CODE_TAKEN")
    nobody = {"customer_organization_id": str(uuid.uuid4())}
    unknown = await app_client.patch(f"/machines/{press['id']}", json=nobody, headers=tenant.admin)
    assert (unknown.status_code, unknown.json()["error_code"]) == (422, "CUSTOMER_UNKNOWN")


async def test_who_has_not_seen_the_last_change_changes_nothing(app_client, tenant, press):
    path = f"/machines/{press['id']}"
    tag = (await app_client.get(path, headers=tenant.planner)).headers["ETag"]
    first = await app_client.patch(path, json={"notes": "1"}, headers=tenant.planner | {"If-Match": tag})
    assert first.status_code == 200
    second = await app_client.patch(path, json={"notes": "2"}, headers=tenant.planner | {"If-Match": tag})
    assert (second.status_code, second.json()["error_code"]) == (412, "PRECONDITION_FAILED")
    third = await app_client.patch(
        path, json={"notes": "2"}, headers=tenant.planner | {"If-Match": first.headers["ETag"]}
    )
    assert third.json()["notes"] == "2"


async def test_each_change_is_recorded_with_who_and_what(app, app_client, tenant, press):
    await app_client.patch(f"/machines/{press['id']}", json={"notes": "new"}, headers=tenant.planner)
    await app_client.patch(f"/machines/{press['id']}", json={"notes": "new"}, headers=tenant.planner)
    await app_client.delete(f"/machines/{press['id']}", headers=tenant.planner)
    async with app.state.database.transaction() as session:
        found = await session.execute(
            text("SELECT kind, before, after FROM change WHERE entity_id = :it ORDER BY id"), {"it": press["id"]}
        )
        rows = found.all()
    assert [row.kind for row in rows] == ["created", "updated", "updated"]
    assert rows[1].before["notes"] == "first\nsecond"
    assert rows[1].after["notes"] == "new"
    assert rows[2].after["status"] == "decommissioned"


async def codes(app_client, tenant, query: str) -> list[str]:
    answer = await app_client.get(f"/machines?{query}", headers=tenant.worker)
    assert answer.status_code == 200, answer.text
    return [machine["code"] for machine in answer.json()]


async def test_a_list_is_filtered_and_sorted(app_client, tenant):
    for code, name, more in (
        ("A", "IŞIK kesici", {"machine_type": "Laser", "location": "Hol 1"}),
        ("B", "Izgara", {"machine_type": "laser", "location": "HOL İKİ"}),
        ("C", "%_pres", {"status": "inactive", "customer_organization_id": str(tenant.organization_id)}),
    ):
        await app_client.post("/machines", json={"code": code, "name": name, **more}, headers=tenant.admin)
    assert await codes(app_client, tenant, "machine_type=LASER") == ["A", "B"]
    assert await codes(app_client, tenant, "location=hol iki") == ["B"]
    assert await codes(app_client, tenant, "q=ışık") == ["A"]
    assert await codes(app_client, tenant, "q=isik KESİCİ") == ["A"]
    assert await codes(app_client, tenant, "q=%25") == ["C"]
    assert await codes(app_client, tenant, "status=INACTIVE") == ["C"]
    assert await codes(app_client, tenant, f"customer_organization_id={tenant.organization_id}") == ["C"]
    assert await codes(app_client, tenant, "sort=-code") == ["C", "B", "A"]
    assert await codes(app_client, tenant, "sort=created_at") == ["A", "B", "C"]


@pytest.mark.parametrize("sort", ["name", "-created_at", "updated_at"])
async def test_pages_of_a_sorted_list_show_each_machine_once(app_client, tenant, sort):
    for number in range(5):
        await app_client.post("/machines", json={"code": f"M{number}", "name": "same"}, headers=tenant.admin)
    seen, query = [], {"limit": 2, "sort": sort}
    while True:
        page = (await app_client.get("/api/v1/machines", params=query, headers=tenant.worker)).json()
        seen += [machine["code"] for machine in page["data"]]
        if page["meta"]["next_cursor"] is None:
            break
        query["cursor"] = page["meta"]["next_cursor"]
    assert sorted(seen) == [f"M{number}" for number in range(5)]


async def test_what_a_list_cannot_be_sorted_by_is_answered_with_what_it_can(app_client, tenant):
    answer = await app_client.get("/machines?sort=notes", headers=tenant.worker)
    assert answer.status_code == 422
    assert "name" in answer.json()["errors"][0]["valid_values"]

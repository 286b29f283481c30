"""The record of changes, as admins read it."""

from cloud.identity.schemas import Role

ORDER = {
    "product_code": "P-1",
    "lot_no": "L-1",
    "qty": 5,
    "planned_start": "2026-03-02T08:00:00Z",
    "planned_end": "2026-03-02T16:00:00Z",
}


async def test_an_admin_reads_who_did_what_when_and_with_which_request(app_client, tenant, new_tenant):
    made = await app_client.post("/workorders/", json=ORDER, headers=tenant.planner)
    order = made.json()["id"]
    patch = {"headers": tenant.planner | {"X-Request-ID": "shift-7"}, "json": {"qty": 9}}
    await app_client.patch(f"/workorders/{order}", **patch)
    asked = {"entity": "work_order", "entity_id": str(order)}
    newest, oldest = (await app_client.get("/audit", params=asked, headers=tenant.admin)).json()
    assert (newest["kind"], oldest["kind"]) == ("updated", "created")
    assert newest["actor"] == f"user:{tenant.callers[Role.PLANNER].user_id}"
    assert (newest["request_id"], newest["before"]["qty"], newest["after"]["qty"]) == ("shift-7", 5, 9)
    other = await new_tenant()
    assert (await app_client.get("/audit", params=asked, headers=other.admin)).json() == []
    assert (await app_client.get("/audit", headers=tenant.planner)).status_code == 403


async def test_the_record_is_filtered_and_paged(app_client, tenant):
    for lot in "ABC":
        await app_client.post("/workorders/", json=ORDER | {"lot_no": lot}, headers=tenant.planner)
    asked = {"entity": "work_order", "kind": "created", "limit": 2, "with_total": True}
    first = (await app_client.get("/api/v1/audit", params=asked, headers=tenant.admin)).json()
    assert [each["after"]["lot_no"] for each in first["data"]] == ["C", "B"]
    assert first["meta"]["total"] == 3
    rest = await app_client.get(
        "/api/v1/audit", params=asked | {"cursor": first["meta"]["next_cursor"]}, headers=tenant.admin
    )
    assert [each["after"]["lot_no"] for each in rest.json()["data"]] == ["A"]
    at = first["data"][0]["at"]
    for params, count in (({"to": at}, 2), ({"from": at}, 1), ({"actor": "user:0"}, 0), ({"request_id": "none"}, 0)):
        found = await app_client.get(
            "/audit", params={"entity": "work_order", "kind": "created"} | params, headers=tenant.admin
        )
        assert len(found.json()) == count, params

"""Work orders over HTTP."""

import pytest

ORDER = {
    "product_code": "P-100",
    "lot_no": "L-7",
    "qty": 250,
    "planned_start": "2026-03-02T11:00:00+03:00",
    "planned_end": "2026-03-02T13:00:00+03:00",
}


async def plan(app_client, headers, **changes) -> dict:
    answer = await app_client.post("/workorders/", json=ORDER | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_planned_order_has_the_default_route(app_client, tenant):
    order = await plan(app_client, tenant.planner)
    assert order["planned_start"] == "2026-03-02T08:00:00Z"
    assert (order["status"], order["on_hold"], order["priority"]) == ("planned", False, "NORMAL")
    shown = await app_client.get(f"/workorders/{order['id']}", headers=tenant.planner)
    assert shown.json() == order
    stages = (await app_client.get(f"/workorders/{order['id']}/stages", headers=tenant.planner)).json()
    assert [(stage["op_number"], stage["stage_name"], stage["status"]) for stage in stages] == [
        (10, "Enjeksiyon", "planned"),
        (20, "Montaj", "planned"),
    ]
    assert stages[0]["planned_end"] == stages[1]["planned_start"] == "2026-03-02T08:30:00Z"


async def test_an_order_may_name_its_stages(app_client, tenant):
    window = {"planned_start": ORDER["planned_start"], "planned_end": ORDER["planned_end"]}
    names = ["Kesim", "Kaynak", "Boya"]
    order = await plan(app_client, tenant.planner, stages=[{"stage_name": name, **window} for name in names])
    versioned = await app_client.get(f"/api/v1/workorders/{order['id']}/stages", headers=tenant.planner)
    assert [(stage["op_number"], stage["stage_name"]) for stage in versioned.json()["data"]] == [
        (10, "Kesim"),
        (20, "Kaynak"),
        (30, "Boya"),
    ]


async def test_orders_are_listed_by_planned_start_page_by_page(app_client, tenant):
    for hour in (9, 7, 8, 8):
        await plan(app_client, tenant.planner, planned_start=f"2026-03-02T0{hour}:00:00Z")
    seen, address = [], "/workorders/?limit=3"
    while address is not None:
        page = await app_client.get(address, headers=tenant.planner)
        seen += [order["planned_start"][11:13] for order in page.json()]
        address = page.links["next"]["url"] if "next" in page.links else None
    assert seen == ["07", "08", "08", "09"]


async def test_another_organizations_order_is_as_if_there_were_none(app_client, tenant, new_tenant):
    order = await plan(app_client, tenant.planner)
    stranger = (await new_tenant()).admin
    for path in (f"/workorders/{order['id']}", f"/workorders/{order['id']}/stages", "/workorders/2147483647"):
        answer = await app_client.get(path, headers=stranger)
        assert answer.status_code == 404
        assert answer.json()["error_code"] == "WORK_ORDER_NOT_FOUND"
    assert (await app_client.get("/workorders/", headers=stranger)).json() == []


async def test_a_worker_plans_nothing(app_client, tenant):
    assert (await app_client.post("/workorders/", json=ORDER, headers=tenant.worker)).status_code == 403


@pytest.mark.parametrize("order_id", ["0", "-1", "2147483648", "x", "1.5"])
async def test_an_id_that_cannot_be_is_422(app_client, tenant, order_id):
    answer = await app_client.get(f"/workorders/{order_id}", headers=tenant.planner)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["path", "wo_id"]


async def test_a_mistake_in_the_whole_is_said_in_words(app_client, tenant):
    answer = await app_client.post(
        "/workorders/", json=ORDER | {"planned_end": ORDER["planned_start"]}, headers=tenant.planner
    )
    assert answer.status_code == 422
    assert answer.json()["detail"] == "body: planned_end must be later than planned_start."


@pytest.mark.parametrize(
    "path",
    [
        "/gaps?cause=OVERFLOW",
        "/gaps?cause=Overflow",
        "/machines/M-1/readings?reading_type=State",
        "/machines?status=ACTIVE",
    ],
)
async def test_a_word_of_a_closed_set_is_taken_in_any_case(app_client, tenant, path):
    await app_client.post("/machines", json={"code": "M-1", "name": "M"}, headers=tenant.planner)
    assert (await app_client.get(path, headers=tenant.worker)).status_code == 200


async def test_a_priority_is_taken_in_any_case(app_client, tenant):
    order = {"product_code": "p", "lot_no": "1", "qty": 1, "priority": "urgent"}
    window = {"planned_start": "2026-11-20T10:00:00Z", "planned_end": "2026-11-20T12:00:00Z"}
    answer = await app_client.post("/workorders/", json=order | window, headers=tenant.planner)
    assert (answer.status_code, answer.json()["priority"]) == (201, "URGENT")


async def test_what_a_patch_names_changes_and_nothing_else(app_client, tenant):
    order = await plan(app_client, tenant.planner, job_number="J-1")
    path = f"/workorders/{order['id']}"
    answer = await app_client.patch(
        path,
        json={"priority": "high", "due_date": "2026-03-04T00:00:00+03:00", "job_number": None},
        headers=tenant.planner,
    )
    changed = answer.json()
    assert changed == order | {
        "priority": "HIGH",
        "due_date": "2026-03-03T21:00:00Z",
        "job_number": None,
        "updated_at": changed["updated_at"],
    }
    for wrong in ({}, {"qty": None}, {"qty": 0}, {"status": "done"}, {"planned_end": ORDER["planned_start"]}):
        assert (await app_client.patch(path, json=wrong, headers=tenant.planner)).status_code == 422, wrong
    assert (await app_client.patch(path, json={"qty": 1}, headers=tenant.worker)).status_code == 403


async def test_stages_that_have_not_begun_move_with_their_order(app_client, tenant):
    order = await plan(app_client, tenant.planner)
    window = {"planned_start": "2026-03-03T08:00:00Z", "planned_end": "2026-03-03T12:00:00Z"}
    await app_client.patch(f"/workorders/{order['id']}", json=window, headers=tenant.planner)

    async def ends() -> list[str]:
        stages = (await app_client.get(f"/workorders/{order['id']}/stages", headers=tenant.planner)).json()
        assert [stage["planned_start"] for stage in stages][1:] == [stage["planned_end"] for stage in stages][:-1]
        return [stage["planned_end"] for stage in stages]

    assert await ends() == ["2026-03-03T09:00:00Z", "2026-03-03T12:00:00Z"]
    stages = (await app_client.get(f"/workorders/{order['id']}/stages", headers=tenant.planner)).json()
    await app_client.post(f"/stages/{stages[0]['id']}/start", headers=tenant.planner)
    later = await app_client.patch(
        f"/workorders/{order['id']}", json={"planned_end": "2026-03-03T20:00:00Z"}, headers=tenant.planner
    )
    assert later.status_code == 200
    assert await ends() == ["2026-03-03T09:00:00Z", "2026-03-03T12:00:00Z"]


async def test_a_window_too_short_for_its_stages_is_refused(app_client, tenant):
    body = ORDER | {"planned_start": "2026-03-02T08:00:00Z", "planned_end": "2026-03-02T08:00:00.000001Z"}
    answer = await app_client.post("/workorders/", json=body, headers=tenant.planner)
    assert answer.status_code == 422
    assert "too short" in answer.json()["detail"]

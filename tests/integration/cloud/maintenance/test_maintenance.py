"""Maintenance over HTTP: orders to their end, plans, and what falls due next."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from cloud.telemetry.settling import settle_all

PATH = "/machines/M-1/maintenance"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def machine(app_client, tenant) -> dict:
    return (await app_client.post("/machines", json={"code": "M-1", "name": "Mill"}, headers=tenant.admin)).json()


@pytest.fixture
def act(app_client, tenant):
    async def send(method: str, path: str, body: dict | None = None, *, who: str = "planner", status: int = 200):
        answer = await app_client.request(method, path, json=body, headers=getattr(tenant, who))
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


async def opened(act, **more) -> dict:
    return await act("POST", PATH, {"kind": "CORRECTIVE", "title": "Spindle is loud", **more}, who="worker", status=201)


async def test_an_order_goes_from_open_to_completed_with_who_and_when(act, tenant):
    order = await opened(act, description="since Monday")
    assert (order["status"], order["kind"], order["started_by"]) == ("open", "corrective", None)
    path = f"/maintenance/orders/{order['id']}"
    begun = await act("POST", f"{path}/start", who="worker")
    assert begun["status"] == "in_progress"
    assert begun["started_by"] == order["opened_by"]
    done = await act("POST", f"{path}/complete", {"resolution": "bearing changed"}, who="planner")
    assert (done["status"], done["resolution"]) == ("completed", "bearing changed")
    assert done["completed_by"] not in {None, order["opened_by"]}
    shown = await act("GET", PATH)
    assert [each["id"] for each in shown["history"]] == [order["id"]]
    assert shown["last_maintenance_date"] == done["completed_at"]
    assert (await act("GET", "/machines/M-1"))["last_maintenance_date"] == done["completed_at"]


@pytest.mark.parametrize(
    ("steps", "step", "current", "allowed"),
    [
        (["start"], "start", "in_progress", ["completed", "cancelled"]),
        (["complete"], "start", "completed", []),
        (["complete"], "complete", "completed", []),
        (["cancel"], "complete", "cancelled", []),
        (["start", "cancel"], "cancel", "cancelled", []),
    ],
)
async def test_a_step_that_does_not_follow_is_refused_with_those_that_do(
    act, app_client, tenant, steps, step, current, allowed
):
    path = f"/maintenance/orders/{(await opened(act))['id']}"
    for each in steps:
        await act("POST", f"{path}/{each}")
    answer = await app_client.post(f"{path}/{step}", headers=tenant.planner | {"Accept-Language": "tr"})
    told = answer.json()
    assert (answer.status_code, told["error_code"]) == (409, "MAINTENANCE_INVALID_TRANSITION")
    assert (told["current_status"], told["allowed"]) == (current, allowed)
    assert told["detail"].startswith("Bakım emri ")
    assert told["detail"].endswith(("başlatılamaz.", "tamamlanamaz.", "iptal edilemez."))


async def test_a_closed_order_is_not_changed_and_an_open_one_is(act, app_client, tenant):
    order = await opened(act)
    path = f"/maintenance/orders/{order['id']}"
    assert (await act("PATCH", path, {"title": "Spindle"}))["title"] == "Spindle"
    await act("POST", f"{path}/cancel")
    answer = await app_client.patch(path, json={"title": "x"}, headers=tenant.planner)
    assert answer.status_code == 409
    assert answer.json()["current_status"] == "cancelled"


async def test_the_calendar_says_what_comes_next_and_completing_begins_anew(act):
    began = NOW - 10 * DAY
    plan = await act(
        "POST",
        f"{PATH}/plans",
        {"title": "Oil", "basis": "Calendar", "every": 30, "starts_at": began.isoformat()},
        status=201,
    )
    assert datetime.fromisoformat(plan["due"]["due_at"]) == began + 30 * DAY
    await act("POST", f"{PATH}/plans", {"title": "Filter", "basis": "calendar", "every": 90}, status=201)
    shown = await act("GET", PATH)
    assert (shown["next"]["title"], shown["next"]["plan_id"]) == ("Oil", plan["id"])
    order = await opened(act, kind="preventive", plan_id=plan["id"])
    done_at = NOW - DAY
    await act("POST", f"/maintenance/orders/{order['id']}/complete", {"completed_at": done_at.isoformat()})
    after = await act("GET", PATH)
    assert datetime.fromisoformat(after["next"]["due_at"]) == done_at + 30 * DAY
    machine = await act("GET", "/machines/M-1")
    assert machine["next_maintenance_date"] == after["next"]["due_at"]
    assert datetime.fromisoformat(machine["last_maintenance_date"]) == done_at
    stopped = await act("PATCH", f"/maintenance/plans/{plan['id']}", {"is_active": False})
    assert stopped["due"] is None
    assert (await act("GET", PATH))["next"]["title"] == "Filter"


async def test_whoever_did_not_see_a_plan_as_it_is_does_not_change_it(act, app_client, tenant):
    plan = await act("POST", f"{PATH}/plans", {"title": "Oil", "basis": "calendar", "every": 30}, status=201)
    path = f"/maintenance/plans/{plan['id']}"
    seen = tenant.planner | {"If-Match": (await app_client.get(path, headers=tenant.worker)).headers["ETag"]}
    answers = [await app_client.patch(path, json={"title": title}, headers=seen) for title in ("Grease", "Water")]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert (await act("GET", path, who="worker"))["title"] == "Grease"


async def test_running_hours_and_cycles_are_those_of_the_readings(act, app):
    began = NOW - 5 * DAY
    readings = [
        {"reading_type": "state", "value": "producing", "timestamp": (began + timedelta(hours=1)).isoformat()},
        {"reading_type": "state", "value": "idle", "timestamp": (began + timedelta(hours=11)).isoformat()},
        {"reading_type": "shot_count", "value": 100, "timestamp": (began + timedelta(hours=1)).isoformat()},
        {"reading_type": "shot_count", "value": 1300, "timestamp": (began + timedelta(hours=9)).isoformat()},
    ]
    await act("POST", "/machines/M-1/readings", readings, status=201)
    await settle_all(app.state.database, datetime.now(UTC) + DAY)
    plans = {
        basis: await act(
            "POST",
            f"{PATH}/plans",
            {"title": basis, "basis": basis, "every": every, "starts_at": began.isoformat()},
            status=201,
        )
        for basis, every in (("running_hours", 100), ("cycles", 1000))
    }
    assert plans["running_hours"]["due"]["used"] == pytest.approx(10)
    assert plans["running_hours"]["due"]["remaining"] == pytest.approx(90)
    assert plans["running_hours"]["due"]["is_overdue"] is False
    assert (plans["cycles"]["due"]["used"], plans["cycles"]["due"]["is_overdue"]) == (1200, True)
    assert (await act("GET", PATH))["next"]["title"] == "cycles"


async def test_the_machines_own_schedule_counts_as_a_plan(act):
    last = NOW - DAY
    fields = {"maintenance_schedule_hours": 48, "last_maintenance_date": last.isoformat()}
    await act("PATCH", "/machines/M-1", fields)
    following = (await act("GET", PATH))["next"]
    assert (following["plan_id"], following["title"]) == (None, "maintenance_schedule_hours")
    assert datetime.fromisoformat(following["due_at"]) == last + 2 * DAY


async def test_a_list_is_filtered(act):
    first = await opened(act)
    second = await opened(act, kind="predictive")
    await act("POST", f"/maintenance/orders/{first['id']}/complete")
    listed = [each["id"] for each in await act("GET", "/maintenance/orders")]
    assert listed == [second["id"], first["id"]]
    for query, found in (("status=OPEN", second), ("kind=corrective", first), ("status=completed&machine=M-1", first)):
        assert [each["id"] for each in await act("GET", f"/maintenance/orders?{query}")] == [found["id"]]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{PATH}/plans", {"title": "x", "basis": "calendar", "every": 0}),
        ("POST", f"{PATH}/plans", {"title": "x", "basis": "moon", "every": 1}),
        ("POST", PATH, {"kind": "wishful", "title": "x"}),
        ("POST", PATH, {"kind": "corrective", "title": ""}),
    ],
)
async def test_what_cannot_be_planned_is_refused(act, method, path, body):
    await act(method, path, body, status=422)


async def test_roles_and_strangers(act, app_client, tenant, new_tenant):
    order = await opened(act)
    plan = await act("POST", f"{PATH}/plans", {"title": "x", "basis": "calendar", "every": 1}, status=201)
    await act("POST", f"{PATH}/plans", {"title": "x", "basis": "calendar", "every": 1}, who="worker", status=403)
    await act("POST", f"/maintenance/orders/{order['id']}/cancel", who="worker", status=403)
    stranger = (await new_tenant()).admin
    for method, path in (
        ("GET", f"/maintenance/orders/{order['id']}"),
        ("POST", f"/maintenance/orders/{order['id']}/start"),
        ("PATCH", f"/maintenance/plans/{plan['id']}"),
        ("GET", PATH),
    ):
        answer = await app_client.request(method, path, json={} if method == "PATCH" else None, headers=stranger)
        assert answer.status_code == 404
    mine = await app_client.post("/machines", json={"code": "M-2", "name": "x"}, headers=tenant.admin)
    assert mine.status_code == 201
    body = {"kind": "preventive", "title": "x", "plan_id": plan["id"]}
    answer = await app_client.post("/machines/M-2/maintenance", json=body, headers=tenant.admin)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "MAINTENANCE_PLAN_OF_ANOTHER_MACHINE")


async def test_a_decommissioned_machine_takes_no_new_order_and_keeps_its_history(act):
    await opened(act)
    await act("DELETE", "/machines/M-1")
    await act("POST", PATH, {"kind": "corrective", "title": "x"}, status=409)
    assert len((await act("GET", PATH))["history"]) == 1


async def test_each_step_is_recorded(act, app):
    order = await opened(act)
    await act("POST", f"/maintenance/orders/{order['id']}/complete")
    statement = text("SELECT kind, before->>'status' AS was, after->>'status' AS is FROM change WHERE entity = :what")
    async with app.state.database.transaction() as session:
        rows = [tuple(row) for row in await session.execute(statement, {"what": "maintenance"})]
    assert rows[-2:] == [("created", None, "open"), ("updated", "open", "completed")]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=2026-02-01&to=2026-01-01", "DAYS_INVALID"),
        ("from=2020-01-01&to=2026-01-01", "DAYS_INVALID"),
        ("time_zone=Mars/Olympus", "TIME_ZONE_UNKNOWN"),
        ("from=1999-12-31", "VALIDATION_ERROR"),
        ("to=9999-12-31", "VALIDATION_ERROR"),
        ("from=x", "VALIDATION_ERROR"),
    ],
)
async def test_days_that_cannot_be_asked_for_are_refused(app_client, tenant, query, code):
    answer = await app_client.get(f"/machines/M-1/usage?{query}", headers=tenant.worker)
    assert (answer.status_code, answer.json()["error_code"]) == (422, code)


async def test_use_is_shown_day_by_day_in_the_organizations_zone(act, app, tenant):
    async with app.state.database.transaction() as session:
        statement = text("UPDATE organization SET time_zone = 'Europe/Istanbul' WHERE id = :it")
        await session.execute(statement, {"it": tenant.organization_id})
    shown = await act("GET", "/machines/M-1/usage?from=2026-03-01&to=2026-03-03")
    assert shown["time_zone"] == "Europe/Istanbul"
    assert [day["date"] for day in shown["days"]] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert shown["days"][0] == {
        "date": "2026-03-01", "running_s": None, "known_s": None, "cycles": None, "energy_kwh": None,
    }  # fmt: skip
    assert len((await act("GET", "/machines/M-1/usage"))["days"]) == 30

"""Stages over HTTP: who may do what with them, and when."""

import asyncio

import pytest

from cloud.db import Database
from cloud.errors import Conflict
from cloud.identity.schemas import Role
from cloud.workorders.service import stages as service

MANY = 20


async def act(client, headers, stage, verb, status=200):
    answer = await client.post(f"/stages/{stage['id']}/{verb}", headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def status_of(client, headers, order):
    return (await client.get(f"/workorders/{order['id']}", headers=headers)).json()["status"]


async def test_a_worker_runs_an_order_through(app_client, tenant, planned):
    order, (first, second) = await planned()
    started = await act(app_client, tenant.worker, first, "start")
    assert (started["status"], started["actual_end"]) == ("in_progress", None)
    assert started["actual_start"] is not None
    assert await status_of(app_client, tenant.worker, order) == "in_progress"
    done = await act(app_client, tenant.worker, first, "done")
    assert done["status"] == "done"
    assert done["actual_start"] <= done["actual_end"]
    assert await status_of(app_client, tenant.worker, order) == "in_progress"
    await act(app_client, tenant.worker, second, "start")
    await act(app_client, tenant.worker, second, "done")
    assert await status_of(app_client, tenant.worker, order) == "done"


@pytest.mark.parametrize(
    ("before", "verb", "current", "allowed"),
    [
        ([], "done", "planned", ["in_progress"]),
        (["start"], "start", "in_progress", ["done"]),
        (["start", "done"], "start", "done", []),
        (["start", "done"], "done", "done", []),
    ],
)
async def test_a_step_that_does_not_follow_is_refused_with_what_would(
    app_client, tenant, planned, before, verb, current, allowed
):
    _, (stage, _) = await planned()
    for each in before:
        await act(app_client, tenant.worker, stage, each)
    problem = await act(app_client, tenant.worker, stage, verb, 409)
    assert problem["error_code"] == "STAGE_INVALID_TRANSITION"
    assert (problem["current_status"], problem["allowed"]) == (current, allowed)


async def test_of_twenty_who_start_a_stage_at_once_one_does(database_url, tenant, planned):
    _, (stage, _) = await planned()
    pool = Database(database_url, pool_size=MANY)
    ready = asyncio.Barrier(MANY)
    refusals: list[Conflict] = []

    async def start() -> None:
        try:
            async with pool.transaction() as session:
                await session.connection()  # each has its own before anybody begins
                await ready.wait()
                await service.start(session, tenant.callers[Role.WORKER], stage["id"])
        except Conflict as refusal:
            refusals.append(refusal)

    async with asyncio.TaskGroup() as group:
        for _ in range(MANY):
            group.create_task(start())
    await pool.close()
    assert len(refusals) == MANY - 1
    assert {refusal.facts["current_status"] for refusal in refusals} == {"in_progress"}


async def test_an_order_is_done_when_its_last_stages_end_at_once(app_client, database_url, tenant, planned):
    window = {"planned_start": "2026-03-02T08:00:00Z", "planned_end": "2026-03-02T10:00:00Z"}
    order, stages = await planned(stages=[{"stage_name": f"S{n}", **window} for n in range(8)])
    for stage in stages:
        await act(app_client, tenant.worker, stage, "start")
    pool = Database(database_url, pool_size=len(stages))

    async def finish(stage_id: int) -> None:
        async with pool.transaction() as session:
            await service.finish(session, tenant.callers[Role.WORKER], stage_id)

    async with asyncio.TaskGroup() as group:
        for stage in stages:
            group.create_task(finish(stage["id"]))
    await pool.close()
    assert await status_of(app_client, tenant.planner, order) == "done"


async def test_a_stage_that_is_not_theirs_is_as_if_there_were_none(app_client, tenant, new_tenant, planned):
    order, (stage, _) = await planned(is_assigned=False)
    stranger = (await new_tenant()).admin
    for headers in (tenant.worker, stranger):
        for method, path in [
            ("POST", f"/stages/{stage['id']}/start"),
            ("POST", f"/stages/{stage['id']}/done"),
            ("GET", f"/stages/{stage['id']}"),
            ("GET", f"/stages/{stage['id']}/metrics"),
            ("GET", f"/stages/{stage['id']}/production"),
            ("GET", f"/workorders/{order['id']}"),
            ("GET", f"/workorders/{order['id']}/stages"),
            ("GET", f"/workorders/{order['id']}/metrics"),
        ]:
            answer = await app_client.request(method, path, headers=headers)
            assert answer.status_code == 404, f"{method} {path}"
    assert (await app_client.get("/workorders/", headers=tenant.worker)).json() == []


async def test_a_worker_sees_his_stages_of_an_order_and_a_planner_all(app_client, tenant, planned):
    order, (first, second) = await planned()
    worker_id = tenant.callers[Role.WORKER].user_id
    gone = await app_client.delete(f"/stages/{second['id']}/assignments/{worker_id}", headers=tenant.planner)
    assert gone.status_code == 204
    for headers, ids in ((tenant.worker, [first["id"]]), (tenant.admin, [first["id"], second["id"]])):
        shown = await app_client.get(f"/workorders/{order['id']}/stages", headers=headers)
        assert [stage["id"] for stage in shown.json()] == ids
    assert [each["user_id"] for each in first["assignments"]] == [worker_id]
    await act(app_client, tenant.worker, second, "start", 404)
    await act(app_client, tenant.planner, second, "start")


async def test_a_stage_is_assigned_once_to_a_colleague_and_to_nobody_else(app_client, tenant, new_tenant, planned):
    _, (stage, _) = await planned()
    path = f"/stages/{stage['id']}/assignments"
    worker_id = tenant.callers[Role.WORKER].user_id
    again = await app_client.post(path, json={"user_id": worker_id}, headers=tenant.planner)
    assert (again.status_code, again.json()["error_code"]) == (409, "ALREADY_ASSIGNED")
    stranger_id = (await new_tenant()).callers[Role.WORKER].user_id
    answer = await app_client.post(path, json={"user_id": stranger_id}, headers=tenant.planner)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "USER_NOT_FOUND")
    refused = await app_client.post(path, json={"user_id": worker_id}, headers=tenant.worker)
    assert refused.status_code == 403
    never = await app_client.delete(f"{path}/{stranger_id}", headers=tenant.planner)
    assert (never.status_code, never.json()["error_code"]) == (404, "ASSIGNMENT_NOT_FOUND")


@pytest.mark.parametrize("what", ["stages", "workorders"])
async def test_what_is_on_hold_can_neither_start_nor_finish(app_client, tenant, planned, what):
    order, (first, second) = await planned()
    await act(app_client, tenant.worker, second, "start")
    for stage in (first, second):
        held = stage if what == "stages" else order
        path = f"/{what}/{held['id']}"
        answer = await app_client.post(f"{path}/hold", headers=tenant.planner)
        assert (answer.status_code, answer.json()["on_hold"]) == (200, True)
        verb = "start" if stage is first else "done"
        problem = await act(app_client, tenant.worker, stage, verb, 409)
        assert (problem["error_code"], problem["allowed"]) == ("STAGE_ON_HOLD", [])
        answer = await app_client.post(f"{path}/release", headers=tenant.planner)
        assert answer.json()["on_hold"] is False
        await act(app_client, tenant.worker, stage, verb)


async def test_what_is_done_cannot_be_held(app_client, tenant, planned):
    order, stages = await planned()
    for stage in stages:
        await act(app_client, tenant.worker, stage, "start")
        await act(app_client, tenant.worker, stage, "done")
        await act(app_client, tenant.planner, stage, "hold", 409)
    answer = await app_client.post(f"/workorders/{order['id']}/hold", headers=tenant.planner)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "WORK_ORDER_DONE")


async def test_stages_of_an_order_wait_as_its_sequencing_says(app_client, tenant, planned):
    _, (_, free) = await planned()
    await act(app_client, tenant.worker, free, "start")
    for sequencing in ("flow", "strict"):
        _, (first, second) = await planned(sequencing=sequencing)
        problem = await act(app_client, tenant.worker, second, "start", 409)
        assert (problem["error_code"], problem["waits_for"]) == ("STAGE_OUT_OF_SEQUENCE", 10)
        await act(app_client, tenant.worker, first, "start")
        await act(app_client, tenant.worker, second, "start", 409)
        made = {"kind": "good", "quantity": 1}
        await app_client.post(f"/stages/{first['id']}/production", json=made, headers=tenant.worker)
        if sequencing == "strict":
            await act(app_client, tenant.worker, second, "start", 409)
            await act(app_client, tenant.worker, first, "done")
        await act(app_client, tenant.worker, second, "start")


async def test_a_stage_is_planned_anew_with_its_machine(app_client, tenant, planned):
    _, (stage, _) = await planned()
    machine = await app_client.post("/machines", json={"code": "PRESS-1", "name": "P"}, headers=tenant.planner)
    path = f"/stages/{stage['id']}"
    body = {"machine": "PRESS-1", "planned_end": "2026-03-02T09:00:00Z"}
    answer = await app_client.patch(path, json=body, headers=tenant.planner)
    assert (answer.json()["machine_id"], answer.json()["planned_end"][11:16]) == (machine.json()["id"], "09:00")
    for wrong, status in [({"planned_end": "2026-03-02T08:00:00Z"}, 422), ({"machine": "X"}, 404), ({}, 422)]:
        assert (await app_client.patch(path, json=wrong, headers=tenant.planner)).status_code == status, wrong
    assert (await app_client.patch(path, json=body, headers=tenant.worker)).status_code == 403


async def test_metrics_of_a_stage_and_its_order_follow_its_life(app_client, tenant, planned):
    order, (first, _) = await planned(planned_start="2026-03-02T08:00:00Z", planned_end="2026-03-02T10:00:00Z")

    async def of(path):
        return (await app_client.get(f"{path}/metrics", headers=tenant.worker)).json()

    unstarted = await of(f"/stages/{first['id']}")
    assert (unstarted["planned_duration"], unstarted["actual_duration"]) == (30.0, None)
    assert (unstarted["efficiency_percent"], unstarted["on_time"]) == (None, False)
    assert unstarted["delay_minutes"] > 0
    await act(app_client, tenant.worker, first, "start")
    running = await of(f"/stages/{first['id']}")
    assert running["efficiency_percent"] > 0
    await act(app_client, tenant.worker, first, "done")
    whole = await of(f"/workorders/{order['id']}")
    assert (whole["planned_duration"], whole["stages_total"], whole["stages_done"]) == (120.0, 2, 1)
    assert (whole["on_time_percentage"], whole["status"]) == (0.0, "in_progress")

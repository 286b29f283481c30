"""What somebody did while away."""

import asyncio
import uuid

import psycopg
import pytest

from cloud.identity.schemas import Role
from tests.integration.cloud.waiting import until_waiting


def intention(op: str, at: str | None = None, **args) -> dict:
    return {"op_id": uuid.uuid4().hex, "op": op, "at": at, "args": args}


@pytest.fixture
def push(app_client):
    async def pushed(headers, *ops: dict) -> list[dict]:
        answer = await app_client.post("/sync/push", json={"ops": list(ops)}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["results"]

    return pushed


@pytest.fixture
async def stage(app_client, tenant, plan) -> dict:
    """A stage that is the worker's."""
    _, (first, _) = await plan()
    body = {"user_id": tenant.callers[Role.WORKER].user_id}
    await app_client.post(f"/stages/{first['id']}/assignments", json=body, headers=tenant.planner)
    return first


async def test_a_days_work_is_done_in_its_order_at_the_times_it_was_done(app_client, tenant, stage, push):
    here = {"stage_id": stage["id"]}
    results = await push(
        tenant.worker,
        intention("stage.start", "2026-03-02T08:01:00Z", **here),
        intention("production.add", "2026-03-02T09:00:00+01:00", kind="good", quantity=40, **here),
        intention("production.add", quantity=2, kind="SCRAP", **here),
        intention("stage.done", "2026-03-02T08:31:00Z", **here),
    )
    assert [each["status"] for each in results] == ["applied"] * 4
    assert [each["outcome"] for each in results] == ["applied"] * 4
    now = (await app_client.get(f"/stages/{stage['id']}", headers=tenant.worker)).json()
    assert (now["actual_start"], now["actual_end"]) == ("2026-03-02T08:01:00Z", "2026-03-02T08:31:00Z")
    assert (now["quantities"]["good"], now["quantities"]["scrap"]) == (40, 2)
    assert results[3]["result"]["status"] == "done"
    assert results[1]["result"]["occurred_at"] == "2026-03-02T08:00:00Z"


async def test_an_intention_sent_again_is_not_done_again_and_says_what_became_of_it(app_client, tenant, stage, push):
    op = intention("stage.start", stage_id=stage["id"])
    add = intention("production.add", stage_id=stage["id"], quantity=5)
    [first, made] = await push(tenant.worker, op, add)
    [again, remade] = await push(tenant.worker, op, add)
    assert (again["status"], again["outcome"], again["result"]) == ("duplicate", "applied", first["result"])
    assert remade["result"] == made["result"]
    now = (await app_client.get(f"/stages/{stage['id']}", headers=tenant.worker)).json()
    assert now["quantities"]["good"] == 5


async def test_a_conflict_stays_one_even_when_it_would_be_none_any_more(app_client, tenant, stage, push):
    await app_client.post(f"/stages/{stage['id']}/hold", headers=tenant.planner)
    op = intention("stage.start", stage_id=stage["id"])
    [first] = await push(tenant.worker, op)
    assert (first["status"], first["error"]["error_code"]) == ("conflict", "STAGE_ON_HOLD")
    assert first["error"]["current_status"] == "planned"
    await app_client.post(f"/stages/{stage['id']}/release", headers=tenant.planner)
    [again] = await push(tenant.worker, op)
    assert (again["status"], again["outcome"], again["error"]) == ("duplicate", "conflict", first["error"])
    assert (await app_client.get(f"/stages/{stage['id']}", headers=tenant.worker)).json()["status"] == "planned"


@pytest.mark.parametrize(
    ("op", "code"),
    [
        (intention("stage.explode"), "OP_UNKNOWN"),
        (intention("stage.start"), "VALIDATION_ERROR"),
        (intention("stage.start", stage_id=0), "VALIDATION_ERROR"),
        (intention("stage.start", stage_id="twelve"), "VALIDATION_ERROR"),
        (intention("stage.start", stage_id=2**31 - 1), "STAGE_NOT_FOUND"),
        (intention("production.add", stage_id=1, quantity=-1), "VALIDATION_ERROR"),
        (intention("production.add", stage_id=1, quantity=1, surprise=True), "VALIDATION_ERROR"),
    ],
    ids=lambda value: str(value.get("op")) + str(value.get("args")) if isinstance(value, dict) else value,
)
async def test_what_can_never_be_done_is_rejected_and_holds_nothing_up(tenant, stage, push, op, code):
    [refused, done] = await push(tenant.worker, op, intention("stage.start", stage_id=stage["id"]))
    assert (refused["status"], refused["error"]["error_code"], refused["result"]) == ("rejected", code, None)
    assert isinstance(refused["error"]["detail"], str)
    assert done["status"] == "applied"


async def test_a_worker_does_nothing_to_stages_that_are_not_his(tenant, new_tenant, plan, push):
    _, (first, _) = await plan()
    op = intention("stage.start", stage_id=first["id"])
    for who in (tenant.worker, (await new_tenant()).admin):
        [refused] = await push(who, op)
        assert (refused["status"], refused["error"]["error_code"]) == ("rejected", "STAGE_NOT_FOUND")
    [done] = await push(tenant.planner, op)
    assert done["status"] == "applied"


async def test_an_op_id_is_for_one_intention_of_one_user(tenant, stage, push):
    op = intention("stage.start", stage_id=stage["id"])
    await push(tenant.worker, op)
    [other] = await push(tenant.worker, op | {"op": "stage.done"})
    assert (other["status"], other["error"]["error_code"]) == ("rejected", "OP_ID_REUSED")
    [same_again] = await push(tenant.worker, op)
    assert same_again["status"] == "duplicate"
    [planners] = await push(tenant.planner, op)
    assert planners["status"] == "conflict"


async def test_a_clock_that_is_ahead_does_not_make_the_future(tenant, stage, push):
    [done] = await push(tenant.worker, intention("stage.start", "2099-01-01T00:00:00Z", stage_id=stage["id"]))
    assert done["status"] == "applied"
    assert done["result"]["actual_start"] < "2099"


async def test_the_same_push_at_once_from_two_sides_is_done_once(app_client, tenant, stage, push):
    ops = [intention("stage.start", stage_id=stage["id"])]
    ops += [intention("production.add", stage_id=stage["id"], quantity=1) for _ in range(5)]
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(push(tenant.worker, *ops)) for _ in range(4)]
    statuses = sorted({each["status"] for each in task.result()} == {"applied"} for task in sent)
    assert statuses == [False, False, False, True]
    now = (await app_client.get(f"/stages/{stage['id']}", headers=tenant.worker)).json()
    assert now["quantities"]["good"] == 5


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ops": []},
        {"ops": [{"op": "stage.start"}]},
        {"ops": [intention("stage.start") | {"op_id": "x"}]},
        {"ops": [intention("stage.start") | {"at": "2026-03-02T08:00:00"}]},
        {"ops": [intention("stage.start")] * 101},
        {"ops": [intention("stage.start") | {"more": 1}]},
    ],
    # the ids in them are made anew each time the tests are collected
    ids=["nothing", "no operation", "half an operation", "a short id", "a naive time", "too many", "another member"],
)
async def test_a_push_that_is_none_is_422(app_client, tenant, body):
    assert (await app_client.post("/sync/push", json=body, headers=tenant.worker)).status_code == 422


async def test_trouble_that_passes_settles_nothing(app_client, tenant, stage, database, database_url):
    ops = [
        intention("stage.start", stage_id=stage["id"]),
        intention("production.add", stage_id=stage["id"], quantity=1),
    ]
    waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute("SELECT FROM work_order FOR UPDATE")
        async with asyncio.TaskGroup() as group:
            sent = group.create_task(app_client.post("/sync/push", json={"ops": ops}, headers=tenant.worker))
            await until_waiting(database, 1)
            await holder.execute(f"{waiting} AND datname = current_database()")
    assert (sent.result().status_code, sent.result().headers["Retry-After"]) == (503, "2")
    answer = await app_client.post("/sync/push", json={"ops": ops}, headers=tenant.worker)
    assert [each["status"] for each in answer.json()["results"]] == ["applied", "applied"]


async def test_an_issue_is_reported_talked_about_and_resolved_from_a_distance(app_client, tenant, stage, push):
    report = intention(
        "issue.create", "2026-03-02T08:20:00Z", stage_id=stage["id"], type="TOOLING", description="Kalıp çatladı"
    )
    [made] = await push(tenant.worker, report)
    assert (made["status"], made["result"]["created_at"]) == ("applied", "2026-03-02T08:20:00Z")
    issue = made["result"]["id"]
    results = await push(
        tenant.planner,
        intention("issue.comment", issue_id=issue, text="Geliyorum"),
        intention("issue.change", issue_id=issue, status="ack"),
        intention("issue.change", issue_id=issue, status="resolved", resolution="Değişti"),
        intention("issue.change", issue_id=issue, status="ack"),
    )
    assert [each["status"] for each in results] == ["applied", "applied", "applied", "conflict"]
    again = await push(tenant.worker, report)
    assert again[0]["result"] == made["result"]
    assert len((await app_client.get("/issues", headers=tenant.worker)).json()) == 1

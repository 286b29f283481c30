"""Pieces reported stage by stage."""

import asyncio

import psycopg
import pytest

from cloud.db import Database
from cloud.errors import Conflict
from cloud.identity.schemas import Role
from cloud.workorders.schemas import ProductionIn
from cloud.workorders.service import production


@pytest.fixture
def report(app_client, tenant):
    async def add(stage, kind, quantity, status=201):
        body = {"kind": kind, "quantity": quantity}
        answer = await app_client.post(f"/stages/{stage['id']}/production", json=body, headers=tenant.worker)
        assert answer.status_code == status, answer.text
        return answer.json()

    return add


async def begin(client, headers, *stages):
    for stage in stages:
        assert (await client.post(f"/stages/{stage['id']}/start", headers=headers)).status_code == 200


async def made(client, headers, stage):
    return (await client.get(f"/stages/{stage['id']}/production", headers=headers)).json()


async def test_pieces_flow_to_the_next_stage_as_they_become_good(app_client, tenant, planned, report):
    # of ten, eight and then two: the second dialog must offer two, not ten (frappe/erpnext#45440)
    _, (first, second) = await planned(qty=10)
    await begin(app_client, tenant.worker, first, second)
    await report(second, "good", 1, 409)
    await report(first, "good", 8)
    assert (await made(app_client, tenant.worker, first))["remaining"] == 2
    assert (await made(app_client, tenant.worker, second))["remaining"] == 8
    await report(second, "good", 6)
    await report(second, "scrap", 2)
    over = await report(second, "good", 1, 409)
    assert (over["error_code"], over["remaining"]) == ("PRODUCTION_OVER_REPORTED", 0)
    await report(first, "good", 2)
    await report(first, "good", 1, 409)
    assert (await made(app_client, tenant.worker, second))["remaining"] == 2


async def test_what_did_not_become_good_is_counted_and_does_not_use_the_order_up(app_client, tenant, planned, report):
    _, (first, _) = await planned(qty=10)
    await begin(app_client, tenant.worker, first)
    for kind, quantity in (("startup", 3), ("scrap", 20), ("rework", 1), ("good", 10)):
        await report(first, kind, quantity)
    assert (await made(app_client, tenant.worker, first))["quantities"] == {
        "good": 10,
        "scrap": 20,
        "rework": 1,
        "startup": 3,
        "basis": "reported",
    }


async def test_an_order_may_allow_more(app_client, tenant, planned, report):
    _, (first, _) = await planned(qty=10, over_report_percent=10)
    await begin(app_client, tenant.worker, first)
    await report(first, "good", 11)
    await report(first, "good", 1, 409)


async def test_a_report_is_taken_back_by_its_opposite_once(app_client, tenant, planned, report):
    _, (first, second) = await planned(qty=10)
    await begin(app_client, tenant.worker, first, second)
    event = await report(first, "good", 9)
    path = f"/stages/{first['id']}/production/{event['id']}/reverse"
    await report(second, "good", 1)
    used = await app_client.post(path, headers=tenant.worker)
    assert (used.status_code, used.json()["error_code"]) == (409, "PRODUCTION_USED")
    other = await report(first, "good", 1)
    answer = await app_client.post(path.replace(str(event["id"]), str(other["id"])), headers=tenant.worker)
    assert (answer.status_code, answer.json()["quantity"]) == (201, -1)
    for event_id in (other["id"], answer.json()["id"]):
        again = await app_client.post(f"/stages/{first['id']}/production/{event_id}/reverse", headers=tenant.worker)
        assert (again.status_code, again.json()["error_code"]) == (409, "PRODUCTION_REVERSED")
    shown = await made(app_client, tenant.worker, first)
    assert shown["quantities"]["good"] == 9
    assert [each["quantity"] for each in shown["events"]] == [-1, 1, 9]


async def test_nothing_is_reported_before_the_start_nor_from_the_future(app_client, tenant, planned, report):
    _, (first, _) = await planned()
    refused = await report(first, "good", 1, 409)
    assert (refused["error_code"], refused["allowed"]) == ("STAGE_NOT_STARTED", ["in_progress"])
    await begin(app_client, tenant.worker, first)
    body = {"quantity": 1, "occurred_at": "2099-01-01T00:00:00Z"}
    answer = await app_client.post(f"/stages/{first['id']}/production", json=body, headers=tenant.worker)
    assert answer.status_code == 422
    for quantity in (0, -1, 1.5, 2**31):
        await report(first, "good", quantity, 422)


async def test_many_who_report_at_once_never_report_more_than_there_is(
    app_client, database_url, tenant, planned, report
):
    _, (first, second) = await planned(qty=10)
    await begin(app_client, tenant.worker, first, second)
    await report(first, "good", 7)
    pool = Database(database_url, pool_size=10)
    refusals = []

    async def one() -> None:
        try:
            async with pool.transaction() as session:
                await production.add(session, tenant.callers[Role.WORKER], second["id"], ProductionIn(quantity=1))
        except Conflict as refusal:
            refusals.append(refusal)

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(one())
    await pool.close()
    assert len(refusals) == 3
    with psycopg.connect(database_url) as connection:
        sums = connection.execute(
            "SELECT good_qty, (SELECT sum(quantity) FROM production_event WHERE stage_id = work_order_stage.id)"
            " FROM work_order_stage WHERE id = %s",
            (second["id"],),
        ).fetchone()
    assert sums == (7, 7)


async def test_a_quantity_below_what_was_made_is_refused(app_client, tenant, planned, report):
    order, (first, _) = await planned(qty=10)
    await begin(app_client, tenant.worker, first)
    await report(first, "good", 6)
    for qty, status in ((5, 409), (6, 200)):
        answer = await app_client.patch(f"/workorders/{order['id']}", json={"qty": qty}, headers=tenant.planner)
        assert answer.status_code == status

"""What changed while somebody was away."""

import psycopg
import pytest

from cloud import paging
from cloud.identity.schemas import Role


def told(changes: list[dict]) -> list[tuple[str, int, str]]:
    return [(each["entity"], each["id"], each["op"]) for each in changes]


async def everything(client, headers) -> dict[tuple[str, int], dict]:
    """What the ordinary paths show."""
    orders = (await client.get("/workorders/", headers=headers, params={"limit": 200})).json()
    found = {("work_order", order["id"]): order for order in orders}
    for order in orders:
        stages = (await client.get(f"/workorders/{order['id']}/stages", headers=headers)).json()
        found |= {("stage", stage["id"]): stage for stage in stages}
    return found


async def assign(client, tenant, stage: dict) -> None:
    body = {"user_id": tenant.callers[Role.WORKER].user_id}
    answer = await client.post(f"/stages/{stage['id']}/assignments", json=body, headers=tenant.planner)
    assert answer.status_code == 201


@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_a_first_pull_brings_everything_there_is_orders_before_stages(app_client, tenant, plan, phone, limit):
    for lot in "ABC":
        await plan(lot_no=lot)
    mine = phone(tenant.planner, limit)
    came = await mine.pull()
    assert [each["entity"] for each in came] == ["work_order"] * 3 + ["stage"] * 6
    assert {each["op"] for each in came} == {"created"}
    assert mine.things == await everything(app_client, tenant.planner)
    assert await mine.pull() == []


async def test_a_pull_brings_what_was_created_and_updated_since(app_client, tenant, plan, phone):
    _, (first, _) = await plan()
    mine = phone(tenant.planner)
    await mine.pull()
    order, stages = await plan(lot_no="L-2")
    await app_client.post(f"/stages/{first['id']}/start", headers=tenant.planner)
    came = await mine.pull()
    assert told(came) == [
        ("work_order", order["id"], "created"),
        ("work_order", first["work_order_id"], "updated"),
        ("stage", stages[0]["id"], "created"),
        ("stage", stages[1]["id"], "created"),
        ("stage", first["id"], "updated"),
    ]
    assert mine.things == await everything(app_client, tenant.planner)


async def test_a_worker_gets_what_is_assigned_to_him_and_loses_it_with_the_assignment(app_client, tenant, plan, phone):
    order, (first, second) = await plan()
    his = phone(tenant.worker)
    assert await his.pull() == []
    await assign(app_client, tenant, first)
    assert told(await his.pull()) == [("work_order", order["id"], "created"), ("stage", first["id"], "created")]
    await assign(app_client, tenant, second)
    assert told(await his.pull()) == [("stage", second["id"], "created")]
    worker = tenant.callers[Role.WORKER].user_id
    await app_client.delete(f"/stages/{first['id']}/assignments/{worker}", headers=tenant.planner)
    assert told(await his.pull()) == [("stage", first["id"], "deleted")]
    assert his.things == await everything(app_client, tenant.worker)
    await app_client.delete(f"/stages/{second['id']}/assignments/{worker}", headers=tenant.planner)
    assert told(await his.pull()) == [("stage", second["id"], "deleted"), ("work_order", order["id"], "deleted")]
    assert his.things == {}


async def test_a_worker_is_not_told_of_what_was_never_his(app_client, tenant, plan, phone):
    his = phone(tenant.worker)
    await his.pull()
    _, (first, _) = await plan()
    await app_client.post(f"/stages/{first['id']}/start", headers=tenant.planner)
    assert await his.pull() == []


async def test_nothing_of_another_organization_is_told(tenant, new_tenant, plan, phone):
    other = await new_tenant()
    theirs = phone(other.admin)
    await theirs.pull()
    await plan()
    assert await theirs.pull() == []
    assert await phone(other.admin).pull() == []


async def test_a_change_whose_transaction_was_open_when_the_cursor_was_taken_is_not_lost(
    app_client, tenant, plan, phone, database_url
):
    _, (early, late) = await plan()
    mine = phone(tenant.planner)
    await mine.pull()
    # a transaction that began before and ends after another one, so that its row has the smaller id
    async with await psycopg.AsyncConnection.connect(database_url) as slow:
        await slow.execute("UPDATE work_order_stage SET stage_name = 'slow' WHERE id = %s", [early["id"]])
        await slow.execute(
            "INSERT INTO change (organization_id, kind, entity, entity_id, actor)"
            " VALUES (%s, 'updated', 'stage', %s, 'test')",
            [tenant.organization_id, str(early["id"])],
        )
        held = await app_client.patch(f"/stages/{late['id']}", json={"stage_name": "quick"}, headers=tenant.planner)
        assert held.status_code == 200
        while_open = await mine.pull()
        await slow.commit()
    assert told(while_open) + told(await mine.pull()) == [
        ("stage", early["id"], "updated"),
        ("stage", late["id"], "updated"),
    ]
    assert mine.things["stage", early["id"]]["stage_name"] == "slow"


async def test_who_may_see_less_or_more_than_before_begins_anew(app_client, tenant, plan, phone):
    await plan()
    planner = phone(tenant.planner)
    await planner.pull()
    assert len(planner.things) == 3
    role = f"/auth/users/{tenant.callers[Role.PLANNER].user_id}/role"
    await app_client.patch(role, json={"role": "worker"}, headers=tenant.admin)
    page = await planner.page()
    assert page["reset"] is True
    await planner.pull()
    assert planner.things == {}
    await app_client.patch(role, json={"role": "planner"}, headers=tenant.admin)
    await planner.pull()
    assert len(planner.things) == 3


async def test_a_cursor_of_another_user_or_of_another_server_is_not_gone_on_from(tenant, plan, phone):
    await plan()
    mine, theirs = phone(tenant.planner), phone(tenant.admin)
    await mine.pull()
    theirs.cursor = mine.cursor
    assert (await theirs.page())["reset"] is True
    server, *rest = paging.decode(mine.cursor, [int, int, bool, int, int, int, int])
    mine.cursor = paging.encode([server + 1, *rest])
    assert (await mine.page())["reset"] is True


@pytest.mark.parametrize("cursor", ["x", "bm9uZQ", paging.encode([1]), paging.encode([1, 1, True, -1, 0, 0, 0])])
async def test_what_is_no_cursor_is_refused(app_client, tenant, cursor):
    answer = await app_client.get("/sync/pull", params={"cursor": cursor}, headers=tenant.worker)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "CURSOR_INVALID")


async def test_the_feed_is_read_from_its_index(app_client, tenant, plan, database_url):
    await plan()
    with psycopg.connect(database_url) as connection:
        connection.execute("SET enable_seqscan = off")
        plan_of = connection.execute(
            "EXPLAIN SELECT * FROM change WHERE organization_id = %s AND (xid, id) > (5, 0) AND xid < 9"
            " AND kind IN ('created', 'updated', 'deleted', 'granted', 'revoked') ORDER BY xid, id LIMIT 200",
            [tenant.organization_id],
        ).fetchall()
    text = "\n".join(row[0] for row in plan_of)
    assert "ix_change_feed" in text
    assert "Sort" not in text

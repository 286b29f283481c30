"""What the frame promises of orders and stages: tags, keys, and a record of every change."""

import psycopg
import pytest

from cloud.identity.schemas import Role


@pytest.fixture
def record(database_url):
    """A function that returns what was recorded of a thing, in order."""

    def of(entity, entity_id):
        with psycopg.connect(database_url) as connection:
            statement = "SELECT kind, subject_id, after FROM change WHERE entity = %s AND entity_id = %s ORDER BY id"
            return connection.execute(statement, (entity, str(entity_id))).fetchall()

    return of


async def test_a_change_based_on_an_older_look_is_refused(app_client, tenant, planned):
    order, (stage, _) = await planned()
    route = {"product_code": "P-5", "steps": [{"stage_name": "S"}]}
    made = (await app_client.post("/routes", json=route, headers=tenant.planner)).json()
    for method, path, body, other in [
        ("PATCH", f"/workorders/{order['id']}", {"qty": 11}, {"qty": 12}),
        ("PATCH", f"/stages/{stage['id']}", {"stage_name": "A"}, {"stage_name": "B"}),
        ("PUT", f"/routes/{made['id']}", route | {"over_report_percent": 1}, route | {"over_report_percent": 2}),
    ]:
        seen = (await app_client.get(path, headers=tenant.planner)).headers["ETag"]
        headers = tenant.planner | {"If-Match": seen}
        changed = await app_client.request(method, path, json=body, headers=headers)
        assert changed.status_code == 200, changed.text
        refused = await app_client.request(method, path, json=other, headers=headers)
        assert (refused.status_code, refused.headers["ETag"]) == (412, changed.headers["ETag"])
        same = await app_client.get(path, headers=tenant.planner | {"If-None-Match": changed.headers["ETag"]})
        assert same.status_code == 304
    gone = await app_client.delete(f"/routes/{made['id']}", headers=headers)
    assert gone.status_code == 412
    assert (await app_client.get(f"/routes/{made['id']}", headers=tenant.planner)).status_code == 200
    latest = tenant.planner | {"If-Match": gone.headers["ETag"]}
    assert (await app_client.delete(f"/routes/{made['id']}", headers=latest)).status_code == 204


async def test_a_start_and_pieces_sent_again_with_their_key_count_once(app_client, tenant, planned):
    _, (stage, _) = await planned()
    for path, body, key in [("start", None, "k1"), ("production", {"quantity": 4}, "k2")]:
        answers = [
            await app_client.post(
                f"/stages/{stage['id']}/{path}", json=body, headers=tenant.worker | {"Idempotency-Key": key}
            )
            for _ in range(2)
        ]
        assert answers[0].status_code == answers[1].status_code < 300
        assert answers[0].json() == answers[1].json()
    made = (await app_client.get(f"/stages/{stage['id']}/production", headers=tenant.worker)).json()
    assert made["quantities"]["good"] == 4


async def test_every_step_is_recorded(app_client, tenant, planned, record):
    order, (stage, _) = await planned()
    worker_id = tenant.callers[Role.WORKER].user_id
    await app_client.post(f"/stages/{stage['id']}/start", headers=tenant.worker)
    await app_client.post(f"/stages/{stage['id']}/production", json={"quantity": 4}, headers=tenant.worker)
    await app_client.post(f"/stages/{stage['id']}/hold", headers=tenant.planner)
    await app_client.post(f"/stages/{stage['id']}/hold", headers=tenant.planner)
    await app_client.delete(f"/stages/{stage['id']}/assignments/{worker_id}", headers=tenant.planner)
    kinds = [(kind, subject) for kind, subject, _ in record("stage", stage["id"])]
    assert kinds == [
        ("created", None),
        ("granted", worker_id),
        ("updated", None),
        ("updated", None),
        ("updated", None),
        ("revoked", worker_id),
    ]
    after = [after for _, _, after in record("stage", stage["id"])]
    assert after[2]["status"] == "in_progress"
    assert (after[3], after[4]) == ({"good_qty": 4}, {"on_hold": True})
    # the order came into the worker's sight once, with the first of his stages
    assert [(kind, subject) for kind, subject, _ in record("work_order", order["id"])] == [
        ("created", None),
        ("granted", worker_id),
        ("updated", None),
    ]

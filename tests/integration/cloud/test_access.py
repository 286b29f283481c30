"""The table of routes and roles over HTTP: every route, by everybody; and none leads into another organization."""

import io
import re
import uuid
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from cloud import api
from cloud.access import ACCESS, Open
from cloud.changes import Operator
from cloud.gateways import service as gateways
from cloud.identity.schemas import Role
from tests.integration.cloud.predictions import plants

PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
# these would answer for as long as they are listened to
NEVER_ENDING = {"GET /events": "?topics=nonsense"}
ORDER = {
    "product_code": "P-1",
    "lot_no": "L-1",
    "qty": 5,
    "planned_start": "2026-03-02T08:00:00Z",
    "planned_end": "2026-03-02T16:00:00Z",
}
WINDOW = {"params": {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}}
# what a route needs besides its path to come as far as looking for what the path names
PATTERN = {
    "name": "x",
    "time_zone": "UTC",
    "cycle_days": 1,
    "anchor": "2026-03-02",
    "shifts": [{"name": "day", "start": "06:00", "end": "14:00"}],
}
HOLIDAY = {"business_date": "2026-04-23", "label": "x"}
REASON = {"code": "R-40", "label_en": "x", "label_tr": "x"}
HOUR = {"from": "2026-03-02T08:00:00Z", "to": "2026-03-02T09:00:00Z"}
SUGGESTION = text("""
    INSERT INTO oee_suggestion (organization_id, machine_id, bucket, policy, from_at, until_at, reduction, oee, gain,
                                gain_lower, gain_upper, suggested_by)
    SELECT :organization_id, id, :bucket, :policy, now(), now(), 0.5, 0.5, 0.1, 0.1, 0.1, :suggested_by
    FROM machine WHERE organization_id = :organization_id AND (id::text = :machine_id OR code = :machine_id)
    RETURNING id
""")
GIVEN: dict[str, dict[str, Any]] = {
    "PUT /shifts/patterns/{pattern_id}": {"json": PATTERN},
    "POST /shifts/patterns/{pattern_id}/exceptions": {"json": HOLIDAY},
    "GET /shifts/patterns/{pattern_id}/occurrences": {"params": {"from": "2026-03-02", "to": "2026-03-03"}},
    "PUT /reasons/{reason_id}": {"json": REASON},
    "GET /machines/{machine_id}/states": WINDOW,
    "GET /machines/{machine_id}/statements": WINDOW,
    "GET /machines/{machine_id}/stops": WINDOW,
    "GET /machines/{machine_id}/counts": WINDOW,
    "GET /machines/{machine_id}/counts/orphans": WINDOW,
    "GET /machines/{machine_id}/data": {"params": {"start_date": HOUR["from"], "end_date": HOUR["to"]}},
    "POST /machines/{machine_id}/states": {"json": HOUR | {"state": "idle"}},
    "PUT /machines/{machine_id}/states/model": {"json": {"preset": "packml"}},
    "POST /machines/{machine_id}/stops/classify": {"json": {"parts": [HOUR | {"reason": "R-40"}]}},
    "POST /machines/{machine_id}/counts/claim": {"json": HOUR | {"stage_id": 1}},
    "POST /machines/{machine_id}/data": {"json": {"start_date": HOUR["from"], "end_date": HOUR["to"]}},
    "PATCH /auth/users/{user_id}/role": {"json": {"role": "worker"}},
    "PUT /gateways/{gateway}/configuration": {"json": {"document": "version: 1\n"}},
    "PUT /machines/{machine_id}": {"json": {"code": "M-9", "name": "M 9"}},
    "PATCH /machines/{machine_id}": {"json": {"name": "mine now"}},
    "POST /machines/{machine_id}/readings": {
        "json": {"reading_type": "temperature", "value": 1.0, "unit": "Cel", "timestamp": "2026-03-02T08:00:00Z"}
    },
    "GET /machines/{machine_id}/rollups": WINDOW,
    "GET /machines/{machine_id}/coverage": WINDOW,
    "POST /machines/{machine_id}/maintenance": {"json": {"kind": "corrective", "title": "x"}},
    "POST /machines/{machine_id}/maintenance/plans": {"json": {"title": "x", "basis": "calendar", "every": 30}},
    "PATCH /maintenance/plans/{plan_id}": {"json": {"title": "mine now"}},
    "PATCH /maintenance/orders/{order_id}": {"json": {"title": "mine now"}},
    "PUT /operators/{emp_id}": {"json": {"operator_name": "mine now"}},
    "PATCH /operators/{emp_id}": {"json": {"operator_name": "mine now"}},
    "PUT /jobs/{job_number:path}": {"json": {"job_name": "mine now"}},
    "PATCH /jobs/{job_number:path}": {"json": {"job_name": "mine now"}},
    "PUT /parts/{part_number:path}": {"json": {"part_name": "mine now"}},
    "PATCH /parts/{part_number:path}": {"json": {"part_name": "mine now"}},
    "POST /machines/{machine_id}/cavities": {"json": {"active_cavities": 4, "valid_from": "2026-03-02T08:00:00Z"}},
    "POST /parts/{part_number:path}/ideal-cycles": {
        "json": {"machine_type": "x", "ideal_cycle_s": 1, "valid_from": "2026-03-02"}
    },
    "PATCH /workorders/{wo_id}": {"json": {"qty": 7}},
    "PUT /routes/{route_id}": {"json": {"steps": [{"stage_name": "S"}]}},
    "PATCH /stages/{wos_id}": {"json": {"stage_name": "mine now"}},
    "POST /stages/{wos_id}/assignments": {"json": {"user_id": 1}},
    "POST /stages/{wos_id}/production": {"json": {"quantity": 1}},
    "POST /stages/{wos_id}/issue": {"json": {"type": "quality", "description": "x"}},
    "PATCH /stages/{wos_id}/issues/{issue_id}": {"json": {"status": "ack"}},
    "POST /issues/{issue_id}/comments": {"json": {"text": "x"}},
}
# what is named there is made, in the caller's own organization, where it is not yet
MAKES = {"POST /gateways/{gateway}/enrolment", "PUT /oee/policies/{name}"}
# their parameters are words, which name nobody's thing
BY_WORD = re.compile(r"/by-(skill|status|material)/")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


@pytest.fixture
async def gateway_headers(app, tenant) -> dict[str, str]:
    async with app.state.database.transaction() as session:
        made = await gateways.create(session, Operator(tenant.organization_id), f"hall-{uuid.uuid4().hex[:6]}")
    return {"Authorization": f"Bearer {made.token}"}


def url_of(line: str, prefix: str = "", values: dict[str, object] | None = None) -> tuple[str, str]:
    method, _, path = line.partition(" ")
    filled = PARAMETER.sub(lambda found: str((values or {}).get(found[1], 2**31 - 1)), path)
    return method, prefix + filled + NEVER_ENDING.get(line, "")


@pytest.mark.parametrize("prefix", ["", api.PREFIX])
async def test_every_route_lets_in_exactly_whom_the_table_names(app_client, tenant, gateway_headers, prefix):
    callers = {role: getattr(tenant, role.value) for role in Role}
    strangers = {"nobody": {}, "a forger": {"Authorization": "Bearer x.y.z"}}
    for line, who in ACCESS.items():
        if prefix and line.startswith(("GET /health", "GET /metrics")):
            continue
        method, url = url_of(line, prefix)

        async def status(headers: dict[str, str], method: str = method, url: str = url) -> httpx.Response:
            return await app_client.request(method, url, headers=headers)

        for name, headers in strangers.items():
            answer = await status(headers)
            if who is Open.PUBLIC:
                assert answer.status_code not in {401, 403}, f"{line}: {name}"
            else:
                assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), f"{line}: {name}"
        if who is Open.PUBLIC:
            continue
        gateways_answer = await status(gateway_headers)
        if who is Open.GATEWAY:
            assert gateways_answer.status_code not in {401, 403}, line
        else:
            assert gateways_answer.status_code == 401, f"{line}: a gateway"
        for role, headers in callers.items():
            answer = await status(headers)
            if who is Open.GATEWAY:
                assert answer.status_code == 401, f"{line}: {role}"
            elif role in who:
                assert answer.status_code not in {401, 403}, f"{line}: {role} got {answer.text}"
            else:
                assert answer.status_code == 403, f"{line}: {role}"
                assert answer.json()["required_permission"] == sorted(who), line


@pytest.fixture
async def theirs(app, app_client, tenant) -> dict[str, object]:
    """One thing of each kind that a path can name, of the tenant's organization."""

    async def made(method: str, path: str, **more: Any) -> dict:
        answer = await app_client.request(method, path, headers=tenant.admin, **more)
        assert answer.status_code in {200, 201, 202}, f"{path}: {answer.text}"
        return answer.json()

    order = await made("POST", "/workorders/", json=ORDER)
    stage = (await made("GET", f"/workorders/{order['id']}/stages"))[0]["id"]
    worker = tenant.callers[Role.WORKER].user_id
    await made("POST", f"/stages/{stage}/assignments", json={"user_id": worker})
    await made("POST", f"/stages/{stage}/start")
    event = await made("POST", f"/stages/{stage}/production", json={"quantity": 1})
    issue = await made("POST", f"/stages/{stage}/issue", json={"type": "quality", "description": "x"})
    photo = {"file": ("a.jpg", io.BytesIO(JPEG), "image/jpeg")}
    attachment = await made("POST", f"/issues/{issue['id']}/attachments", files=photo)
    gateway = await made("POST", "/gateways", json={"name": "hall-1"})
    machine = (await made("POST", "/machines", json={"code": "M-1", "name": "M 1"}))["id"]
    maintenance = f"/machines/{machine}/maintenance"
    plan = {"title": "x", "basis": "calendar", "every": 30}
    await made("POST", "/parts", json={"part_number": "P-40"})
    pattern = (await made("POST", "/shifts/patterns", json=PATTERN))["id"]
    await made("PUT", "/oee/policies/own-40", json={})
    said = (await made("POST", f"/machines/{machine}/states", json=HOUR | {"state": "idle"}))["id"]
    cycle = {"machine_type": "x", "ideal_cycle_s": 1, "valid_from": "2026-03-02"}
    mould = {"active_cavities": 4, "valid_from": "2026-03-02T08:00:00Z"}
    model = await plants.champion_with_another_file(app, tenant)
    suggestion = {"machine_id": machine, "bucket": "set_up", "policy": "iso22400", "suggested_by": "x"}
    async with app.state.database.transaction() as session:
        suggestion_id = await session.scalar(SUGGESTION, suggestion | {"organization_id": tenant.organization_id})
    return {
        "suggestion_id": suggestion_id,
        "job_id": (await made("POST", "/ml/train/downtime-predictor", json={}))["id"],
        "model_id": model,
        "report_id": (await made("POST", "/analytics/reports", json={"metrics": ["oee"]}))["id"],
        "emp_id": (await made("POST", "/operators", json={"emp_id": "E-40", "operator_name": "x"}))["emp_id"],
        "job_number": (await made("POST", "/jobs", json={"job_number": "J-40"}))["job_number"],
        "part_number": "P-40",
        "cycle_id": (await made("POST", "/parts/P-40/ideal-cycles", json=cycle))["id"],
        "told_id": (await made("POST", f"/machines/{machine}/cavities", json=mould))["id"],
        "wo_id": order["id"],
        "order_id": (await made("POST", maintenance, json={"kind": "corrective", "title": "x"}))["id"],
        "plan_id": (await made("POST", f"{maintenance}/plans", json=plan))["id"],
        "wos_id": stage,
        "user_id": worker,
        "event_id": event["id"],
        "issue_id": issue["id"],
        "attachment_id": attachment["id"],
        "route_id": (await made("POST", "/routes", json={"steps": [{"stage_name": "S"}]}))["id"],
        "machine_id": machine,
        "pattern_id": pattern,
        "exception_id": (await made("POST", f"/shifts/patterns/{pattern}/exceptions", json=HOLIDAY))["id"],
        "reason_id": (await made("POST", "/reasons", json=REASON))["id"],
        "statement_id": said,
        "name": "own-40",
        "gateway": gateway["id"],
        "version": 1,
    }


async def test_what_is_another_organizations_answers_exactly_like_what_does_not_exist(
    app_client, tenant, new_tenant, theirs, database_url
):
    other = await new_tenant()
    nowhere = dict.fromkeys(theirs, 2**31 - 1) | {
        "machine_id": str(uuid.uuid4()),
        "gateway": str(uuid.uuid4()),
        "report_id": str(uuid.uuid4()),
        "job_id": str(uuid.uuid4()),
        "model_id": str(uuid.uuid4()),
        "version": 1,
    }
    lines = [line for line in ACCESS if PARAMETER.search(line) and line not in MAKES and not BY_WORD.search(line)]
    unknown = {name for line in lines for name in PARAMETER.findall(line)} - theirs.keys()
    assert not unknown, f"say in `theirs` what a path's {unknown} is"
    before = recorded(database_url, tenant.organization_id)
    for line in lines:
        answers = []
        for values in (theirs, nowhere):
            method, url = url_of(line, values=values)
            answer = await app_client.request(method, url, headers=other.admin, **given(line))
            assert answer.status_code == 404, f"{line} is {answer.status_code}: {answer.text}"
            answers.append(bare(answer.json(), values))
        assert answers[0] == answers[1], line
    assert recorded(database_url, tenant.organization_id) == before


def given(line: str) -> dict[str, Any]:
    if line.endswith("POST /issues/{issue_id}/attachments"):
        return {"files": {"file": ("a.jpg", io.BytesIO(JPEG), "image/jpeg")}}
    return GIVEN.get(line, {})


def bare(problem: dict, values: dict[str, object]) -> str:
    """What is said, but for the ids that were asked for."""
    text = str({name: value for name, value in problem.items() if name not in {"request_id", "timestamp", "instance"}})
    for value in sorted(map(str, values.values()), key=len, reverse=True):
        text = re.sub(rf"\b{re.escape(value)}\b", "*", text) if len(value) > 1 or value in text else text
    return re.sub(r"\b\d+\b", "*", text)


def recorded(url: str, organization_id: uuid.UUID) -> int:
    with psycopg.connect(url) as connection:
        statement = "SELECT count(*) FROM change WHERE organization_id = %s"
        return connection.execute(statement, [organization_id]).fetchone()[0]


async def test_nothing_of_another_organization_can_be_named_in_a_body_or_a_query(app_client, new_tenant, theirs):
    other = await new_tenant()
    made = await app_client.post("/workorders/", json=ORDER, headers=other.planner)
    own = (await app_client.get(f"/workorders/{made.json()['id']}/stages", headers=other.planner)).json()[0]["id"]
    machine = {"machine": str(theirs["machine_id"])}
    user = {"user_id": theirs["user_id"]}
    refused = [
        await app_client.post(f"/stages/{own}/assignments", json=user, headers=other.planner),
        await app_client.patch(f"/stages/{own}", json=machine, headers=other.planner),
        await app_client.patch(
            f"/stages/{own}/issues/{theirs['issue_id']}", json={"status": "ack"}, headers=other.admin
        ),
        await app_client.post(f"/stages/{own}/production/{theirs['event_id']}/reverse", headers=other.admin),
        await app_client.get(
            f"/issues/{theirs['issue_id']}/attachments/{theirs['attachment_id']}", headers=other.admin
        ),
    ]
    assert [each.status_code for each in refused] == [404] * 5
    for path in ("/workorders/", "/issues", "/auth/users", "/gateways", "/machines", "/routes", "/gaps"):
        listed = await app_client.get(path, headers=other.admin)
        for kind, each in theirs.items():
            if kind in {"machine_id", "gateway"}:
                assert str(each) not in listed.text, path
    assert [each["id"] for each in (await app_client.get("/workorders/", headers=other.admin)).json()] == [
        made.json()["id"]
    ]

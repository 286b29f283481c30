"""Issues over HTTP: reported, dealt with, listed, measured, talked about."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.identity.schemas import Role
from cloud.issues import service
from cloud.issues.schemas import IssueIn, IssuePatch


async def step(client, headers, issue, status, expected=200):
    path = f"/stages/{issue['work_order_stage_id']}/issues/{issue['id']}"
    answer = await client.patch(path, json={"status": status}, headers=headers)
    assert answer.status_code == expected, answer.text
    return answer.json()


async def test_an_issue_has_what_was_said_and_what_is_known_of_the_stage(app_client, tenant, stage, report):
    issue = await report(type="TOOLING", severity="High")
    assert issue["work_order_stage_id"] == stage["id"]
    assert (issue["type"], issue["severity"], issue["status"]) == ("tooling", "high", "open")
    assert issue["created_by"] == tenant.callers[Role.WORKER].user_id
    assert (issue["machine_id"], issue["work_order_id"]) == (stage["machine_id"], stage["work_order_id"])
    assert (await report())["severity"] == "medium"
    assert (await app_client.get(f"/issues/{issue['id']}", headers=tenant.worker)).json() == issue


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "broken"},
        {"severity": "bad"},
        {"description": ""},
        {"description": "a\x00"},
        {"status": "open"},
        {"type": None},
    ],
    ids=str,
)
async def test_an_issue_that_cannot_be_is_refused(app_client, tenant, stage, changes):
    body = {"type": "quality", "description": "d"} | changes
    answer = await app_client.post(f"/stages/{stage['id']}/issue", json=body, headers=tenant.worker)
    assert answer.status_code == 422
    if changes.get("type") == "broken":
        assert "machine_failure" in answer.json()["errors"][0]["valid_values"]


async def test_each_step_is_kept_with_who_and_when(app_client, tenant, report):
    issue = await report()
    known = await step(app_client, tenant.planner, issue, "ack")
    assert (known["status"], known["acknowledged_by"]) == ("ack", tenant.callers[Role.PLANNER].user_id)
    ended = await step(app_client, tenant.worker, issue, "RESOLVED")
    assert (ended["status"], ended["resolved_by"]) == ("resolved", tenant.callers[Role.WORKER].user_id)
    assert issue["created_at"] <= ended["acknowledged_at"] <= ended["resolved_at"]
    again = await step(app_client, tenant.admin, issue, "open")
    assert (again["status"], again["reopened_by"]) == ("open", tenant.callers[Role.ADMIN].user_id)
    assert (again["acknowledged_at"], again["resolved_at"]) == (None, None)


@pytest.mark.parametrize(
    ("before", "wanted", "allowed"),
    [
        ([], "open", ["ack", "resolved"]),
        (["ack"], "ack", ["resolved"]),
        (["ack"], "open", ["resolved"]),
        (["resolved"], "ack", []),
        (["resolved"], "resolved", []),
    ],
)
async def test_a_step_that_does_not_follow_is_refused_with_what_would(
    app_client, tenant, report, before, wanted, allowed
):
    issue = await report()
    for each in before:
        await step(app_client, tenant.worker, issue, each)
    problem = await step(app_client, tenant.worker, issue, wanted, 409)
    assert problem["error_code"] == "ISSUE_INVALID_TRANSITION"
    assert (problem["current_status"], problem["allowed"]) == ((before or ["open"])[-1], allowed)


async def test_a_worker_opens_nothing_again(app_client, tenant, report):
    issue = await report()
    await step(app_client, tenant.worker, issue, "resolved")
    problem = await step(app_client, tenant.worker, issue, "open", 403)
    assert problem["required_permission"] == ["admin", "planner"]


async def test_a_worker_has_his_own_issues_and_a_stranger_none(app_client, tenant, new_tenant, stage, report):
    his, other = await report(), await report(tenant.planner)
    stranger = (await new_tenant()).admin
    for headers, found in ((tenant.worker, [his]), (tenant.planner, [other, his]), (stranger, [])):
        assert (await app_client.get("/issues", headers=headers)).json() == found
    for headers, issue in ((tenant.worker, other), (stranger, his)):
        for path in ("", "/comments", "/attachments", "/attachments/1"):
            assert (await app_client.get(f"/issues/{issue['id']}{path}", headers=headers)).status_code == 404
        await step(app_client, headers, issue, "ack", 404)
    body = {"type": "other", "description": "d"}
    answer = await app_client.post(f"/stages/{stage['id']}/issue", json=body, headers=stranger)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "STAGE_NOT_FOUND")
    elsewhere = f"/stages/{stage['id'] + 1000}/issues/{his['id']}"
    assert (await app_client.patch(elsewhere, json={"status": "ack"}, headers=tenant.admin)).status_code == 404


async def test_filters_leave_what_they_name(app_client, tenant, stage, report):
    first, second = await report(type="quality", severity="low"), await report(type="safety", severity="critical")
    await step(app_client, tenant.planner, second, "ack")
    after = first["created_at"]
    for query, found in [
        ("", [second, first]),
        ("?sort=created_at", [first, second]),
        ("?status=open", [first]),
        ("?status=ACK", [second]),
        ("?type=safety", [second]),
        ("?severity=low", [first]),
        (f"?work_order_stage_id={stage['id']}", [second, first]),
        ("?work_order_stage_id=2147483647", []),
        (f"?work_order_id={stage['work_order_id']}&type=quality", [first]),
        ("?machine=PRESS-1", [second, first]),
        (f"?machine={stage['machine_id']}&status=open", [first]),
        (f"?created_to={after}", []),
        (f"?created_from={after}", [second, first]),
    ]:
        answer = await app_client.get(f"/issues{query}", headers=tenant.planner)
        assert [each["id"] for each in answer.json()] == [each["id"] for each in found], query
    page = await app_client.get("/issues?limit=1", headers=tenant.planner)
    rest = await app_client.get(page.links["next"]["url"], headers=tenant.planner)
    assert [each["id"] for each in page.json() + rest.json()] == [second["id"], first["id"]]
    assert (await app_client.get("/issues?status=closed", headers=tenant.planner)).status_code == 422


async def test_means_are_of_the_time_from_the_report(app_client, session, tenant, stage):
    planner = tenant.callers[Role.PLANNER]
    began = datetime(2026, 3, 2, 8, tzinfo=UTC)
    # minutes until acknowledged and resolved
    lives = {"quality": [(10, 40), (20, None)], "setup": [(None, 60)], "other": [(None, None)]}
    for kind, of_kind in lives.items():
        for known, ended in of_kind:
            issue = await service.create(session, planner, stage["id"], IssueIn(type=kind, description="d"), now=began)
            for status, minutes in (("ack", known), ("resolved", ended)):
                if minutes is not None:
                    at = began + timedelta(minutes=minutes)
                    await service.change(session, planner, issue.id, IssuePatch(status=status), now=at)
    measured = await service.statistics(session, planner, service.Wanted())
    assert (measured.total, measured.open, measured.ack, measured.resolved) == (4, 1, 1, 2)
    assert measured.mean_minutes_to_acknowledge == (10 + 20 + 60) / 3
    assert measured.mean_minutes_to_resolve == (40 + 60) / 2
    quality, other = measured.by_type["quality"], measured.by_type["other"]
    assert (quality.mean_minutes_to_acknowledge, quality.mean_minutes_to_resolve) == (15.0, 40.0)
    assert (other.mean_minutes_to_acknowledge, other.mean_minutes_to_resolve) == (None, None)


async def test_statistics_of_nothing_are_empty(app_client, tenant):
    answer = await app_client.get("/issues/statistics", headers=tenant.planner)
    assert answer.json()["total"] == 0
    assert (answer.json()["mean_minutes_to_resolve"], answer.json()["by_type"]) == (None, {})


async def test_a_change_based_on_an_older_look_is_refused(app_client, tenant, report):
    issue = await report()
    path = f"/stages/{issue['work_order_stage_id']}/issues/{issue['id']}"
    seen = (await app_client.get(f"/issues/{issue['id']}", headers=tenant.planner)).headers["ETag"]
    headers = tenant.planner | {"If-Match": seen}
    assert (await app_client.patch(path, json={"severity": "low"}, headers=headers)).status_code == 200
    assert (await app_client.patch(path, json={"severity": "high"}, headers=headers)).status_code == 412


async def test_comments_stay_in_the_order_in_which_they_were_made(app_client, tenant, report):
    issue = await report()
    path = f"/issues/{issue['id']}/comments"
    for headers, text in ((tenant.worker, "It leaks.\nA lot."), (tenant.planner, "On my way."), (tenant.worker, "İyi")):
        answer = await app_client.post(path, json={"text": text}, headers=headers)
        assert answer.status_code == 201
    said = (await app_client.get(path, headers=tenant.worker)).json()
    assert [each["text"] for each in said] == ["It leaks.\nA lot.", "On my way.", "İyi"]
    assert said[1]["created_by"] == tenant.callers[Role.PLANNER].user_id
    assert (await app_client.post(path, json={"text": " "}, headers=tenant.worker)).status_code == 422

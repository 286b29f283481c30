"""The app's whole working day over HTTP, on the paths and with the fields it has known since its older backend.

Planner, workers and admin at two workers' processes. A field may be added to an answer, none may go or change.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest

from simulators.demo.stack import Stack

USER = {"id": int, "username": str, "role": str}
ORDER = {"id": int, "product_code": str, "lot_no": str, "qty": int, "planned_start": datetime, "planned_end": datetime}
STAGE = {
    "id": int,
    "work_order_id": int,
    "stage_name": str,
    "planned_start": datetime,
    "planned_end": datetime,
    "actual_start": datetime | None,
    "actual_end": datetime | None,
    "status": str,
}
ISSUE = {
    "id": int,
    "work_order_stage_id": int,
    "type": str,
    "description": str,
    "created_by": int,
    "created_at": datetime,
}
NEW = {
    "product_code": "KAPAK-12",
    "lot_no": "LOT-GÜN",
    "qty": 100,
    "planned_start": "2026-03-02T08:00:00+03:00",
    "planned_end": "2026-03-02T16:00:00+03:00",
}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@contextmanager
def signed_in(stack: Stack, username: str) -> Iterator[httpx.Client]:
    # a client that follows no redirect, as some phones follow none with a body
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.ports.api}", timeout=30, follow_redirects=False) as client:
        answer = client.post("/auth/login", json={"username": username, "password": stack.password})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


@pytest.fixture
def people(stack: Stack) -> Iterator[dict[str, httpx.Client]]:
    """Everybody who works that day, signed in."""
    with ExitStack() as held:
        yield {name: held.enter_context(signed_in(stack, name)) for name in ("admin", "planner", "worker")}


def holds(shown: dict[str, Any], fields: dict[str, Any]) -> None:
    """Hold an answer to the fields that the app knows, bare and of their types."""
    for name, kind in fields.items():
        assert name in shown, f"{name} is gone from {shown}"
        value = shown[name]
        if kind in (datetime, datetime | None):
            assert (value is None and kind is not datetime) or datetime.fromisoformat(value).tzinfo is not None
        else:
            assert type(value) is kind, f"{name} is {value!r}"


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_the_apps_day(people: dict[str, httpx.Client]) -> None:
    admin, planner, worker = people["admin"], people["planner"], people["worker"]
    me = ok(worker.get("/auth/me"))
    holds(me, USER)
    # in the morning the planner plans, and gives the worker his stages
    order = ok(planner.post("/workorders/", json=NEW), 201)
    holds(order, ORDER)
    assert {name: order[name] for name in ("product_code", "lot_no", "qty")} == {
        name: NEW[name] for name in ("product_code", "lot_no", "qty")
    }
    stages = ok(planner.get(f"/workorders/{order['id']}/stages"))
    assert [stage["stage_name"] for stage in stages] == ["Enjeksiyon", "Montaj"]
    for stage in stages:
        holds(stage, STAGE)
        assert (stage["status"], stage["actual_start"], stage["work_order_id"]) == ("planned", None, order["id"])
        assert ok(worker.get(f"/workorders/{order['id']}/stages"), 404 if stage is stages[0] else 200)
        ok(planner.post(f"/stages/{stage['id']}/assignments", json={"user_id": me["id"]}), 201)
    # the worker finds what is his, works it through, and says what is wrong
    found = ok(worker.get("/workorders/", params={"q": "lot-gun"}))
    assert [each["id"] for each in found] == [order["id"]]
    holds(found[0], ORDER)
    holds(ok(worker.get(f"/workorders/{order['id']}")), ORDER)
    for stage in stages:
        started = ok(worker.post(f"/stages/{stage['id']}/start"))
        holds(started, STAGE)
        assert (started["status"], started["actual_end"]) == ("in_progress", None)
        ok(worker.post(f"/stages/{stage['id']}/production", json={"kind": "good", "quantity": 98}), 201)
        issue = ok(
            worker.post(f"/stages/{stage['id']}/issue", json={"type": "quality", "description": "Çapak var"}), 201
        )
        holds(issue, ISSUE)
        assert (issue["created_by"], issue["work_order_stage_id"]) == (me["id"], stage["id"])
        ok(worker.post(f"/issues/{issue['id']}/attachments", files={"file": ("capak.png", PNG, "image/png")}), 201)
        done = ok(worker.post(f"/stages/{stage['id']}/done"))
        holds(done, STAGE)
        assert done["status"] == "done"
        again = ok(worker.post(f"/stages/{stage['id']}/start"), 409)
        assert (again["current_status"], again["allowed"]) == ("done", [])
    # in the evening the planner settles the issues, and the admin looks at how it went
    mine = ok(planner.get("/issues", params={"work_order_id": order["id"]}))
    for issue in mine:
        path = f"/stages/{issue['work_order_stage_id']}/issues/{issue['id']}"
        assert ok(planner.patch(path, json={"status": "ack"}))["status"] == "ack"
        assert ok(planner.patch(path, json={"status": "resolved"}))["status"] == "resolved"
    assert len(mine) == len(stages)
    assert ok(admin.get(f"/workorders/{order['id']}"))["status"] == "done"
    measured = ok(admin.get(f"/workorders/{order['id']}/metrics"))
    assert (measured["stages_done"], measured["planned_duration"]) == (2, 480.0)
    assert ok(admin.get("/issues/statistics"))["resolved"] >= len(mine)


def test_the_same_day_in_an_envelope(people: dict[str, httpx.Client]) -> None:
    planner = people["planner"]
    order = ok(planner.post("/api/v1/workorders/", json=NEW | {"lot_no": "LOT-V1"}), 201)
    holds(order["data"], ORDER)
    assert order["meta"]["request_id"]
    stages = ok(planner.get(f"/api/v1/workorders/{order['data']['id']}/stages"))["data"]
    holds(stages[0], STAGE)
    holds(ok(planner.post(f"/api/v1/stages/{stages[0]['id']}/start"))["data"], STAGE)
    body = {"type": "SETUP", "description": "d"}
    holds(ok(planner.post(f"/api/v1/stages/{stages[0]['id']}/issue", json=body), 201)["data"], ISSUE)
    holds(ok(planner.post(f"/api/v1/stages/{stages[0]['id']}/done"))["data"], STAGE)
    page = ok(planner.get("/api/v1/workorders/", params={"limit": 1, "with_total": True}))
    holds(page["data"][0], ORDER)
    assert page["meta"]["total"] >= 1
    assert page["meta"]["next_cursor"]


@pytest.mark.parametrize("path", ["/workorders", "/workorders/", "/api/v1/workorders", "/api/v1/workorders/"])
def test_a_slash_more_or_less_costs_no_redirect(people: dict[str, httpx.Client], path: str) -> None:
    made = ok(people["planner"].post(path, json=NEW | {"lot_no": "LOT-SLASH"}), 201)
    assert (made.get("data") or made)["qty"] == NEW["qty"]
    ok(people["planner"].get(path))
    order_id = (made.get("data") or made)["id"]
    ok(people["planner"].get(f"{path.rstrip('/')}/{order_id}/"))
    ok(people["planner"].get(f"{path.rstrip('/')}/{order_id}/stages/"))


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"planned_start": "2026-03-02T08:00:00"}, "planned_start", "offset"),
        ({"planned_end": "2026-03-02"}, "planned_end", "offset"),
        ({"qty": 0}, "qty", "at least 1"),
        ({"qty": "many"}, "qty", "whole number"),
        ({"planned_end": NEW["planned_start"]}, "body", "later than planned_start"),
        ({"colour": "red"}, "colour", "not a known field"),
    ],
)
def test_what_an_older_app_gets_wrong_is_told_field_by_field(
    people: dict[str, httpx.Client], changes: dict[str, Any], where: str, words: str
) -> None:
    problem = ok(people["planner"].post("/workorders/", json=NEW | changes), 422)
    assert isinstance(problem["detail"], str)
    assert problem["errors"][0]["loc"][-1] == where
    assert words in problem["errors"][0]["msg"]

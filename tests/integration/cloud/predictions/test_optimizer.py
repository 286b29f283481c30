"""The OEE optimizer over HTTP, on facts in PostgreSQL: what it says, who decides, and what an accepted one brought."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from cloud.analytics.service import storing
from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts
from cloud.predictions.learning.making import Limits, train_next
from cloud.predictions.optimizer import fitting
from tests.integration.cloud.predictions.plants import NOW

MINUTE_US = 60_000_000
TO = NOW.replace(minute=0, second=0)
FROM = TO - timedelta(days=40)
WINDOW = {"from": FROM.isoformat(), "to": TO.isoformat()}
_COLUMNS = ("machine_id", "bucket", "revision", *storing.COLUMNS)
_FACTS = text(f"""
    INSERT INTO fact_hour ({", ".join(_COLUMNS)})
    SELECT :machine_id, at, {", ".join(f":{name}" for name in _COLUMNS[2:])}
    FROM generate_series(CAST(:start AS timestamptz), CAST(:end AS timestamptz) - interval '1 hour', interval '1 hour')
         AS at
    WHERE floor(extract(epoch FROM at - CAST(:since AS timestamptz)) / 86400)::int % :cycle = :turn
""")


def hour(setup: int, idle: int) -> Facts:
    """An hour in minutes; of what it ran 80 % were good pieces of a minute each."""
    run = 60 - setup - idle
    time = {Category.RUN: run, Category.SETUP: setup, Category.IDLE: idle}
    good = run * 4 // 5
    return Facts(
        {category: minutes * MINUTE_US for category, minutes in time.items()},
        {PieceKind.GOOD: good},
        {PieceKind.GOOD: good * MINUTE_US},
    )


async def write(app, machine: dict, start, end, setups: tuple[int, ...], idle: int = 5) -> None:
    common = {"machine_id": machine["id"], "revision": 1, "start": start, "end": end, "since": FROM}
    rows = [
        common | {"cycle": len(setups), "turn": turn} | storing.columns(hour(setup, idle))
        for turn, setup in enumerate(setups)
    ]
    async with app.state.database.transaction() as session:
        await session.execute(_FACTS, rows)


@pytest.fixture
async def plant(app, app_client, tenant) -> list[dict]:
    """A line of two: the first waits less, and has days with a third of the usual set-up."""
    made = []
    for number in range(2):
        body = {"code": f"L-{number}", "name": "x", "location": "Hall 1"}
        made.append((await app_client.post("/machines", json=body, headers=tenant.admin)).json())
    await write(app, made[0], FROM, TO, (5, 5, 15, 35))
    await write(app, made[1], FROM, TO, (5,), idle=20)
    return made


@pytest.fixture
def call(app_client, tenant):
    async def send(method: str, path: str, *, who: str = "planner", status: int = 200, **more):
        answer = await app_client.request(method, path, headers=getattr(tenant, who) | more.pop("headers", {}), **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else {}

    return send


async def test_the_answer_sums_says_what_is_attainable_and_for_whom(call, plant):
    told = await call("GET", "/machines/L-0/oee/optimizer", who="worker", params=WINDOW)
    losses = told["losses"]
    assert losses["good_s"] + sum(each["seconds"] for each in losses["branches"]) == pytest.approx(losses["pbt_s"])
    assert losses["pbt_s"] == 40 * 86400
    assert told["attainable"]["reductions"]["set_up"] > 0.3
    best = told["what_if"][0]
    assert best["bucket"] == "set_up"
    assert 0 < best["interval"]["lower"] < best["gain"] < best["interval"]["upper"]
    assert best["is_sure"]
    assert told["line"]["bottleneck"] == "L-0"
    assert told["line"]["gain_is_the_lines"] is True
    assert told["maintenance"]["identifiable"] is False
    assert told["maintenance"]["preventive_replacement"] is None
    assert "does not cause" in told["associations_say"]


async def test_a_gain_at_a_machine_that_does_not_hold_the_line_up_is_none_of_the_lines(call, plant):
    body = {"machine_id": "L-1", "reductions": {"set_up": 0.5, "speed": 1}} | WINDOW
    told = await call("POST", "/predictions/oee/what-if", who="worker", json=body, headers={"Accept-Language": "tr"})
    assert {each["bucket"] for each in told["gains"]} == {"set_up", "speed"}
    assert told["line"]["gain_is_the_lines"] is False
    assert "L-0" in told["line"]["says"]
    assert "kazandırmaz" in told["line"]["says"]


@pytest.mark.parametrize("reductions", [{}, {"set_up": 0}, {"set_up": 1.1}, {"luck": 0.5}])
async def test_a_reduction_that_is_none_is_refused(call, plant, reductions):
    body = {"machine_id": "L-0", "reductions": reductions}
    [mistake] = (await call("POST", "/predictions/oee/what-if", status=422, json=body))["errors"]
    # what stands where is named as it was sent
    assert mistake["loc"] == ["body", "reductions", *reductions]


async def test_a_machine_without_days_enough_is_told_what_is_lacking(call, plant, app_client, tenant):
    await app_client.post("/machines", json={"code": "NEW", "name": "x"}, headers=tenant.admin)
    told = await call("GET", "/machines/NEW/oee/optimizer")
    assert told["what_if"] == []
    assert told["attainable"] is None
    assert "0 days" in told["detail"]
    assert (await call("POST", "/oee/suggestions", json={"machine_id": "NEW"}))["suggestions"] == []


async def test_a_suggestion_is_kept_once_decided_once_and_in_the_record(call, plant):
    made = (await call("POST", "/oee/suggestions", json={"machine_id": "L-0"} | WINDOW))["suggestions"]
    assert [each["bucket"] for each in made] == ["set_up"]
    again = (await call("POST", "/oee/suggestions", json={"machine_id": "L-0"} | WINDOW))["suggestions"]
    assert [each["id"] for each in again] == [made[0]["id"]]
    await call("POST", f"/oee/suggestions/{made[0]['id']}/accept", who="worker", status=403)
    accepted = await call("POST", f"/oee/suggestions/{made[0]['id']}/accept")
    assert accepted["status"] == "accepted"
    assert accepted["decided_by"].startswith("user:")
    refused = await call("POST", f"/oee/suggestions/{made[0]['id']}/decline", status=409)
    assert refused["current_status"] == "accepted"
    listed = await call("GET", "/oee/suggestions", who="worker", params={"machine": "L-0", "status": "accepted"})
    assert [each["id"] for each in listed] == [made[0]["id"]]
    # an accepted one is closed: the same loss may be suggested anew
    anew = (await call("POST", "/oee/suggestions", json={"machine_id": "L-0"} | WINDOW))["suggestions"]
    assert anew[0]["id"] != made[0]["id"]
    record = await call("GET", "/audit", who="admin", params={"entity": "oee_suggestion"})
    # told anew, accepted; and the second one made
    assert [each["kind"] for each in record] == ["created", "updated", "updated", "created"]


async def test_an_accepted_suggestion_is_followed_to_what_it_brought(app, call, plant):
    made = (await call("POST", "/oee/suggestions", json={"machine_id": "L-0"} | WINDOW))["suggestions"][0]
    await call("POST", f"/oee/suggestions/{made['id']}/accept")
    soon = await call("GET", f"/oee/suggestions/{made['id']}", who="worker")
    assert soon["realised"] is None
    assert "7 days" in soon["detail"]
    # as if it had been accepted 20 days ago, and set-ups had fallen since
    then = TO - timedelta(days=20)
    async with app.state.database.transaction() as session:
        values = {"id": made["id"], "then": then, "machine": plant[0]["id"]}
        await session.execute(text("UPDATE oee_suggestion SET decided_at = :then WHERE id = :id"), values)
        await session.execute(text("DELETE FROM fact_hour WHERE machine_id = :machine AND bucket >= :then"), values)
    await write(app, plant[0], then, TO, (5,))
    told = (await call("GET", f"/oee/suggestions/{made['id']}"))["realised"]
    # 10 minutes of an hour, of which 8 are good
    assert told["gain"] == pytest.approx(8 / 60, abs=0.02)
    assert 0 < told["interval"]["lower"] < told["gain"] < told["interval"]["upper"]
    assert (told["compared"], told["policy"]) == (1, "iso22400")
    # by another policy it is another gain; what was expected was not expected by that
    other = {"is_default": True, "setup_is_loss": False}
    await call("PUT", "/oee/policies/easy", json=other)
    assert (await call("GET", f"/oee/suggestions/{made['id']}"))["realised"] == told


async def test_what_was_expected_by_a_policy_of_the_plants_own_is_followed_by_what_it_decided_then(app, call, plant):
    # it was suggested before by what the plant decided otherwise; told anew, it stands on what is decided now
    for settings in ({"cap": False}, {}):
        await call("PUT", "/oee/policies/ours", json={"is_default": True} | settings)
        made = (await call("POST", "/oee/suggestions", json={"machine_id": "L-0"} | WINDOW))["suggestions"][0]
        assert made["policy"] == "ours"
        async with app.state.database.reading() as session:
            kept = text("SELECT policy_settings FROM oee_suggestion WHERE id = :id")
            assert (await session.scalar(kept, {"id": made["id"]}))["cap"] is not bool(settings)
    await call("POST", f"/oee/suggestions/{made['id']}/accept")
    then = TO - timedelta(days=20)
    async with app.state.database.transaction() as session:
        values = {"id": made["id"], "then": then, "machine": plant[0]["id"]}
        await session.execute(text("UPDATE oee_suggestion SET decided_at = :then WHERE id = :id"), values)
        await session.execute(text("DELETE FROM fact_hour WHERE machine_id = :machine AND bucket >= :then"), values)
    await write(app, plant[0], then, TO, (5,))
    told = (await call("GET", f"/oee/suggestions/{made['id']}"))["realised"]
    assert told["gain"] == pytest.approx(8 / 60, abs=0.02)
    # set-ups are no loss any more: by that nothing was gained
    await call("PUT", "/oee/policies/ours", json={"is_default": True, "setup_is_loss": False})
    assert (await call("GET", f"/oee/suggestions/{made['id']}"))["realised"] == told
    await call("DELETE", "/oee/policies/ours", status=204)
    assert (await call("GET", f"/oee/suggestions/{made['id']}"))["realised"] == told
    # one from before its policy was kept beside it is read by what there is
    async with app.state.database.transaction() as session:
        await session.execute(text("UPDATE oee_suggestion SET policy_settings = NULL WHERE id = :id"), values)
    assert (await call("GET", f"/oee/suggestions/{made['id']}"))["realised"]["policy"] == "iso22400"


async def test_a_machine_that_was_sold_says_nothing_of_the_line_it_stood_in(app_client, tenant, call, plant):
    body = {"code": "SOLD", "name": "x", "location": "Hall 1"}
    assert (await app_client.post("/machines", json=body, headers=tenant.admin)).status_code == 201
    assert (await call("GET", "/machines/L-0/oee/optimizer", params=WINDOW))["line"]["bottleneck"] is None
    assert (await app_client.delete("/machines/SOLD", headers=tenant.admin)).status_code < 300
    assert (await call("GET", "/machines/L-0/oee/optimizer", params=WINDOW))["line"]["bottleneck"] == "L-0"


async def test_a_training_of_the_optimizer_learns_every_machine_of_its_organization_only(app, tenant, plant):
    async with app.state.database.reading() as session:
        found = await fitting.fit(session, tenant.organization_id, FROM, TO)
    assert set(found.result) == {"L-0", "L-1"}
    assert found.metrics["machines_judged"] == 2


async def test_what_every_machine_can_reach_is_learned_in_the_background(app, call, plant):
    async with app.state.database.transaction() as session:
        await session.execute(text("DELETE FROM ml_job"))
    asked = {"training_data_filter": {"start_date": WINDOW["from"], "end_date": WINDOW["to"]}}
    job = await call("POST", "/ml/train/oee-optimizer", json=asked, status=202)
    assert await train_next(app.state.database, Limits(nice=0))
    over = await call("GET", f"/ml/jobs/{job['id']}")
    assert (over["status"], over["outcome"], over["kind"]) == ("done", "learned", "oee-optimizer"), over
    assert over["result"]["machines"]["L-0"]["attainable"]["reductions"]["set_up"] > 0.3
    assert over["result"]["metrics"]["machines"] == 2
    assert over["asked"]["model_type"] == "oee_optimizer"
    empty = {"training_data_filter": {"start_date": "2020-01-01T00:00:00Z", "end_date": "2020-02-01T00:00:00Z"}}
    job = await call("POST", "/ml/train/oee-optimizer", json=empty, status=202)
    assert await train_next(app.state.database, Limits(nice=0))
    over = await call("GET", f"/ml/jobs/{job['id']}", headers={"Accept-Language": "tr"})
    assert (over["outcome"], "gün" in over["problem"]) == ("insufficient_data", True)

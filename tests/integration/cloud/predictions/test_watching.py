"""The watch over predictions: said, matured, matched, looked at; on real PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from cloud.predictions import watching
from tests.integration.cloud.predictions import plants
from tests.integration.cloud.predictions.plants import HOUR, NOW

DAYS = timedelta(days=1)
PATH = "/predictions/watch"


@pytest.fixture
def watch(app, app_client, tenant):
    """Let the background have its turns at instants, and return what is said to planners then."""

    async def look(*moments, who: str = "planner"):
        for moment in moments:
            while await watching.watch_next(app.state.database, moment):
                pass
        answer = await app_client.get(PATH, headers=getattr(tenant, who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    return look


def every(hours: int, start, end) -> list:
    return [start + each * hours * HOUR for each in range((end - start) // (hours * HOUR))]


async def test_predictions_are_matched_once_they_are_mature_and_not_before(app, app_client, tenant, watch):
    made = await plants.machines(app_client, tenant, 3)
    await plants.run(app, made, days=80)
    said = NOW - 20 * DAYS
    told = await watch(said)
    assert told["pending"] > 0
    assert told["servers"] == []
    # the horizon is over, the time for late records is not
    told = await watch(said + timedelta(days=3))
    assert told["servers"] == []
    told = await watch(said + timedelta(days=4, hours=4))
    served, challenger = sorted(told["servers"], key=lambda each: each["is_challenger"])
    assert served["rows"] == challenger["rows"] > 0
    assert served["name"] != challenger["name"]
    assert sum(each["rows"] for each in served["reliability"]) == served["rows"]
    assert 0 <= served["brier"] <= 1
    [challenge] = told["challenges"]
    assert (challenge["champion"], challenge["challenger"]) == (served["name"], challenger["name"])
    assert challenge["rows"] == served["rows"]
    assert challenge["gain"]["lower"] <= challenge["gain"]["upper"]
    assert told["concept"]["windows"] >= 1
    async with app.state.database.reading() as session:
        rows = (await session.execute(text("SELECT outcome, came_minutes, machine_id, at FROM prediction"))).all()
    # what came is what the machine's states say
    for row in rows:
        if row.outcome in {"stop", "none"}:
            assert (row.outcome == "stop") == (row.came_minutes > 0)


async def test_of_a_window_of_which_much_time_is_unknown_nothing_is_counted(app, app_client, tenant, watch):
    made = await plants.machines(app_client, tenant, 2)
    await plants.run(app, made, days=80)
    said = NOW - 20 * DAYS
    async with app.state.database.transaction() as session:
        await session.execute(text("DELETE FROM machine_state WHERE from_at = :from_at"), {"from_at": said + HOUR})
    # of the other one a gateway was started anew: that hides hardly a stop
    for machine, length in zip(made, (2 * HOUR, timedelta(seconds=9)), strict=True):
        start = said + HOUR
        await plants.write(app, [plants.row(machine, start, start + length, "no_data", source="tag", recorded_at=said)])
    told = await watch(said, said + timedelta(days=5))
    served = next(each for each in told["servers"] if not each["is_challenger"])
    assert served["rows"] == 1
    assert told["left_out"] == 2


async def test_a_plant_that_begins_to_stop_far_more_often_is_concept_drift_and_an_alarm(app, app_client, tenant, watch):
    made = await plants.machines(app_client, tenant, 6)
    turned = NOW - 40 * DAYS
    await plants.run(app, made, days=100, until=turned, mean_h=150)
    told = await watch(*every(48, turned - 12 * DAYS, turned - 2 * DAYS), turned + 3 * DAYS)
    assert not told["is_concept_drift"]
    # what the rules know stays the calm past: nothing of the trouble is told in time
    rows = []
    for machine in made:
        for hour in range(0, 24 * 30, 12):
            start = turned + (hour + 5) * HOUR
            rows.append(
                {"machine_id": machine["id"], "from_at": start, "to_at": start + HOUR, "state": "faulted"}
                | {"source": "operator", "recorded_at": NOW - DAYS}
            )
    async with app.state.database.transaction() as session:
        await session.execute(text("DELETE FROM machine_state WHERE to_at IS NULL"))
    for moment in every(48, turned + 4 * DAYS, turned + 24 * DAYS):
        await watch(moment)
    await plants.write(app, rows)
    async with app.state.database.transaction() as session:
        # what was settled without the late word is settled again in this test, in life it is not
        await session.execute(text("UPDATE prediction SET outcome = NULL WHERE at >= :at"), {"at": turned})
    told = await watch(NOW)
    assert told["is_concept_drift"]
    assert told["concept"]["observed"] > 2 * told["concept"]["expected"]
    assert told["concept"]["p_value"] < 0.01
    metrics = (await app_client.get("/metrics")).text
    [line] = [each for each in metrics.splitlines() if each.startswith("tezgah_alarms") and "concept" in each]
    assert float(line.split()[-1]) >= 1


async def test_of_a_machine_whose_life_is_over_nothing_is_said_any_more(app, app_client, tenant, watch):
    made = await plants.machines(app_client, tenant, 2)
    await plants.run(app, made, days=80)
    assert (await app_client.delete("/machines/M-0", headers=tenant.admin)).status_code < 300
    assert (await watch(NOW - DAYS))["pending"] > 0
    async with app.state.database.reading() as session:
        said = text("SELECT DISTINCT machine_id FROM prediction WHERE organization_id = :id")
        found = list(await session.scalars(said, {"id": tenant.organization_id}))
    assert [str(each) for each in found] == [made[1]["id"]]


async def test_a_model_is_watched_by_what_it_said_itself(app, app_client, tenant, new_tenant, watch):
    made = await plants.machines(app_client, tenant, 2)
    model = str(await plants.champion_with_another_file(app, tenant))
    said = text("""
        INSERT INTO prediction (organization_id, machine_id, model_id, served_by, is_challenger, source, horizon_h, at,
                                due_at, probability, baseline, minutes, minutes_lower, minutes_upper, outcome)
        VALUES (:organization_id, :machine_id, :model_id, :name, :challenges, 'periodic', 24, :at, :at, :said, 0.5,
                0, 0, 0, :outcome)
    """)
    rows = [
        {
            "organization_id": tenant.organization_id,
            "machine_id": machine["id"],
            "model_id": None if name == "prevalence" else model,
            "name": name,
            "challenges": name == "prevalence",
            "at": NOW - (10 + back) * DAYS,
            "said": 0.5 if name == "prevalence" else 0.9 * (back % 2),
            "outcome": "stop" if back % 2 else "none",
        }
        for machine in made
        for back in range(10)
        for name in ("boosting 1", "prevalence")
    ]
    async with app.state.database.transaction() as session:
        await session.execute(said, rows)
    await watch(NOW)
    path = f"/ml/models/{model}/watch"
    told = (await app_client.get(path, headers=tenant.planner)).json()
    assert (told["model_id"], told["challenged"], told["challenges"]) == (model, None, [])
    assert (told["served"]["rows"], told["served"]["stops"]) == (20, 10)
    assert told["served"]["brier"] == pytest.approx(0.005)
    assert told["served"]["baseline_brier"] == pytest.approx(0.25)
    assert (await app_client.get(path, headers=(await new_tenant()).planner)).status_code == 404


async def test_a_horizon_is_watched_while_there_are_models_of_it(app, app_client, tenant, watch):
    made = await plants.machines(app_client, tenant, 2)
    await plants.run(app, made, days=80)
    model = await plants.champion_with_another_file(app, tenant)
    week = text("UPDATE ml_model SET horizon_h = 168, state = :state WHERE id = :id")

    async def looked(moment, state: str) -> list[str | None]:
        async with app.state.database.transaction() as session:
            await session.execute(week, {"id": model, "state": state})
        await watch(moment)
        answers = [await app_client.get(f"{PATH}?horizon={each}", headers=tenant.planner) for each in (24, 168, 48)]
        return [answer.json()["made_at"] and answer.json()["pending"] > 0 for answer in answers]

    assert await looked(NOW - 2 * DAYS, "retired") == [True, None, None]
    assert await looked(NOW - DAYS, "champion") == [True, True, None]
    before = (await app_client.get(f"{PATH}?horizon=168", headers=tenant.planner)).json()["made_at"]
    await looked(NOW, "retired")
    assert (await app_client.get(f"{PATH}?horizon=168", headers=tenant.planner)).json()["made_at"] == before


async def test_a_worker_may_not_see_it_and_another_organization_sees_its_own(app_client, tenant, new_tenant, watch):
    await plants.machines(app_client, tenant, 1)
    assert (await watch(NOW))["made_at"] is not None
    assert (await app_client.get(PATH, headers=tenant.worker)).status_code == 403
    other = await new_tenant()
    told = (await app_client.get(PATH, headers=other.planner)).json()
    # nothing was looked at yet, and nothing is said
    assert (told["made_at"], told["servers"], told["pending"]) == (None, [], 0)
    assert (await app_client.get(f"{PATH}?horizon=0", headers=other.planner)).status_code == 422


@pytest.mark.parametrize(
    ("older", "is_whole"),
    [
        ("report - 'is_worse_than_rule' - 'challenges'", True),
        ("report || '{\"said_once\": 1}'", True),
        ("jsonb_set(report, '{servers}', '[{\"name\": \"prevalence\"}]')", False),
        ("'{}'", False),
    ],
    ids=["fewer", "more", "within", "nothing"],
)
async def test_a_report_that_an_older_version_wrote_is_told_as_far_as_it_goes(
    app, app_client, tenant, watch, older, is_whole
):
    await plants.run(app, await plants.machines(app_client, tenant, 2), days=80)
    told = await watch(NOW - DAYS)
    model = await plants.champion_with_another_file(app, tenant)
    async with app.state.database.transaction() as session:
        change = f"UPDATE prediction_watch SET report = {older} WHERE organization_id = :id"
        await session.execute(text(change), {"id": tenant.organization_id})
    answer = await app_client.get(PATH, headers=tenant.planner)
    assert answer.status_code == 200, answer.text
    nothing = {"made_at": None, "pending": 0, "detail": answer.json()["detail"]}
    assert answer.json() == (told if is_whole else told | nothing)
    of_model = await app_client.get(f"/ml/models/{model}/watch", headers=tenant.planner)
    assert of_model.status_code == 200, of_model.text
    # and by the next turn it is whole
    assert (await watch(NOW))["made_at"] is not None

"""Models over HTTP: learned in a process of their own from a plant in PostgreSQL, promoted, served, rolled back."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import text

from cloud import tomlfile
from cloud.predictions.files import read_history
from cloud.predictions.imported import bringing
from cloud.predictions.learning import making
from cloud.predictions.learning.making import Limits, train_next
from cloud.predictions.mapping import Mapping
from tests.integration.cloud.predictions import exports, plants
from tests.integration.cloud.predictions.plants import HOUR, NOW

TRAIN = "/ml/train/downtime-predictor"
# a line through what is known: learned in a second
QUICK = {"model_type": "logistic_regression", "trials": 0}
# it gives way to nobody, for the test waits for it
AT_ONCE = Limits(nice=0)


async def wearing(app, made: list[dict], days: int = 80) -> None:
    """Let machines stop a day after a small stop as a rule: more than any simple rule sees."""
    rng, rows = random.Random(3), []
    for machine in made:
        at = NOW - timedelta(days=days)
        while at < NOW - 100 * HOUR:
            for gap in (rng.uniform(60, 120), rng.uniform(3, 9), rng.uniform(3, 9)):
                stop = at + gap * HOUR
                rows.append(plants.row(machine, at, stop, "producing"))
                at = stop + HOUR / 2
                rows.append(plants.row(machine, stop, at, "faulted"))
        rows.append(plants.row(machine, at, None, "producing"))
    await plants.write(app, rows)


@pytest.fixture(autouse=True)
async def nothing_else_waits(app):
    """Leave what other tests asked for alone: whoever trains takes what has waited longest, whosever it is."""
    async with app.state.database.transaction() as session:
        await session.execute(text("DELETE FROM ml_job"))


@pytest.fixture
def call(app_client, tenant):
    async def send(method: str, path: str, body: dict | None = None, *, status: int = 200, **headers) -> dict:
        answer = await app_client.request(method, path, json=body, headers=tenant.planner | headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


@pytest.fixture
def trained(app, call):
    async def train(limits: Limits = AT_ONCE, **asked) -> dict:
        job = await call("POST", TRAIN, QUICK | asked, status=202)
        assert await train_next(app.state.database, limits)
        return await call("GET", f"/ml/jobs/{job['id']}")

    return train


async def test_a_model_is_learned_promoted_asked_rolled_back_and_retired(app, app_client, tenant, call, trained):
    # of fewer it is hardly ever sure that a gain is none of chance
    made = await plants.machines(app_client, tenant, 12)
    await wearing(app, made)
    shifts = [
        {"name": name, "start": at, "end": end} for name, at, end in (("a", "06:00", "18:00"), ("b", "18:00", "06:00"))
    ]
    told = {"name": "two", "cycle_days": 1, "anchor": "2020-01-01", "shifts": shifts, "is_default": True}
    pattern = await call("POST", "/shifts/patterns", told, status=201)
    first = await trained()
    assert (first["status"], first["outcome"], first["progress"]) == ("done", "learned", 1.0), first
    model = await call("GET", f"/ml/models/{first['model_id']}/status")
    assert (model["state"], model["may_serve"], model["number"]) == ("candidate", True, 1), model
    assert model["gain"]["lower"] > 0
    assert {"model", model["best_rule"], "machine_rate"} <= model["scores"].keys()
    assert model["minutes"].keys() == model["scores"].keys()
    assert model["minutes"]["model"]["deviance"] > 0
    assert len(model["sha256"]) == 64
    # a stop that follows a small one has that hour's company: no machine's mean knows
    assert model["tells_minutes"] is True
    assert 0 < model["minutes_gain"]["lower"] <= model["minutes_gain"]["value"]
    assert "scikit-learn" in model["versions"]

    question = {"machine_id": "M-0", "confidence_threshold": 0.5}
    before = await call("POST", "/predictions/downtime", question)
    assert before["served_by"]["kind"] == "baseline"
    await call("POST", f"/ml/models/{model['id']}/promote")
    after = await call("POST", "/predictions/downtime", question)
    assert (after["served_by"]["kind"], after["served_by"]["model_id"]) == ("model", model["id"])
    assert after["baseline"] == before["baseline"]
    assert after["probability"] != before["probability"]
    means = [each["expected_minutes"] / each["probability"] for each in (before, after)]
    assert means[0] != pytest.approx(means[1])
    async with app.state.database.transaction() as session:
        names = await session.scalar(text("SELECT features FROM ml_model WHERE id = :id"), {"id": model["id"]})
    assert {"shift", "hours_into_shift", "shift_hours_next_24h", "local_hour", "local_weekday"} <= set(names)
    # it answers also when the shifts that it learned are not told any more
    assert (await app_client.delete(f"/shifts/patterns/{pattern['id']}", headers=tenant.planner)).status_code == 204
    without = await call("POST", "/predictions/downtime", question)
    assert (without["served_by"]["kind"], without["as_of"] > after["as_of"]) == ("model", True)
    assert "missing" not in {each["group"] for each in without["reasons"]}
    # of the past it knows too much
    then = {**question, "as_of": (NOW - timedelta(days=5)).isoformat()}
    assert (await call("POST", "/predictions/downtime", then))["served_by"]["kind"] == "baseline"

    second = (await trained(seed=1))["model_id"]
    assert (await call("POST", f"/ml/models/{second}/promote"))["predecessor_id"] == model["id"]
    states = {each["id"]: each["state"] for each in (await call("GET", "/api/v1/ml/models"))["data"]}
    assert states == {model["id"]: "retired", second: "champion"}
    refused = await call("POST", f"/ml/models/{second}/promote", status=409)
    assert (refused["error_code"], refused["allowed"]) == ("MODEL_STATE", ["candidate", "retired"])
    assert refused["detail"].endswith("is champion; this needs one that is candidate or retired.")
    assert (await call("POST", f"/ml/models/{second}/rollback"))["id"] == model["id"]
    assert (await call("POST", "/predictions/downtime", question))["served_by"]["model_id"] == model["id"]
    await call("POST", f"/ml/models/{model['id']}/retire")
    assert (await call("POST", "/predictions/downtime", question))["served_by"]["kind"] == "baseline"
    answer = await app_client.get("/audit", params={"entity": "model"}, headers=tenant.admin)
    kinds = [each["kind"] for each in answer.json()]
    assert kinds.count("created") == 2
    assert kinds.count("updated") == 6


async def test_what_learned_chance_is_refused(app, app_client, tenant, call, trained):
    await wearing(app, await plants.machines(app_client, tenant, 4))
    model_id = (await trained(is_control=True))["model_id"]
    model = await call("GET", f"/ml/models/{model_id}/status")
    assert (model["state"], model["may_serve"]) == ("refused", False)
    told = await call("POST", f"/ml/models/{model_id}/promote", status=409)
    assert told["error_code"] == "MODEL_IS_CONTROL"
    # nor is it for its name alone
    async with app.state.database.transaction() as session:
        await session.execute(text("UPDATE ml_model SET is_control = false WHERE id = :id"), {"id": model_id})
    told = await call("POST", f"/ml/models/{model_id}/promote", status=409, **{"Accept-Language": "tr"})
    assert told["error_code"] == "MODEL_NO_BETTER"
    assert "kesin olarak iyi değil" in told["detail"]


async def test_too_little_is_said_and_makes_no_model(app, app_client, tenant, call, trained):
    await plants.run(app, await plants.machines(app_client, tenant, 2), days=20, mean_h=200)
    job = await trained()
    assert (job["status"], job["outcome"], job["model_id"]) == ("done", "insufficient_data", None)
    assert "unplanned stops, 30 are needed" in job["problem"]
    assert await call("GET", "/ml/models") == []


async def test_one_at_a_time_and_a_cancelled_one_leaves_nothing(app, call):
    job = await call("POST", TRAIN, QUICK, status=202)
    second = await call("POST", TRAIN, QUICK, status=409)
    assert (second["error_code"], second["job"]) == ("TRAINING_UNDER_WAY", job["id"])
    assert (await call("POST", f"/ml/jobs/{job['id']}/cancel"))["status"] == "cancelled"
    assert (await call("POST", f"/ml/jobs/{job['id']}/cancel", status=409))["error_code"] == "TRAINING_OVER"
    assert not await train_next(app.state.database, AT_ONCE)
    await call("POST", TRAIN, QUICK, status=202)


async def test_a_process_that_is_killed_cancelled_or_taken_over_leaves_the_champion(app, app_client, tenant, call):
    await wearing(app, await plants.machines(app_client, tenant, 2))
    champion = await plants.champion_with_another_file(app, tenant)
    for ending, status in (("killed", "failed"), ("cancelled", "cancelled"), ("taken over", "running")):
        job = await call("POST", TRAIN, {"trials": 40}, status=202)
        doing = asyncio.create_task(train_next(app.state.database, AT_ONCE))
        learner = await _process()
        if ending == "killed":
            learner.kill()
        elif ending == "cancelled":
            await call("POST", f"/ml/jobs/{job['id']}/cancel")
        else:
            # another service thinks that this one is gone, for it slept
            async with app.state.database.transaction() as session:
                await session.execute(text("UPDATE ml_job SET attempts = 2 WHERE id = :id"), {"id": job["id"]})
        assert await doing
        over = await call("GET", f"/ml/jobs/{job['id']}")
        # what is another's now is not failed by this one
        assert (over["status"], over["model_id"], over["problem"] is None) == (status, None, ending != "killed")
        assert not learner.is_running()
    async with app.state.database.transaction() as session:
        mine = text("SELECT id, state FROM ml_model WHERE organization_id = :organization_id")
        kept = (await session.execute(mine, {"organization_id": tenant.organization_id})).all()
    assert [tuple(each) for each in kept] == [(champion, "champion")]


async def _process() -> psutil.Process:
    async with asyncio.timeout(60):
        while True:
            for each in psutil.Process().children():
                # one of an earlier training may go while it is looked at
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "spawn_main" in " ".join(each.cmdline()):
                        return each
            await asyncio.sleep(0)


async def test_limits_are_kept_and_named(app, app_client, tenant, call, trained):
    await wearing(app, await plants.machines(app_client, tenant, 2))
    job = await trained(Limits(seconds=0.0), trials=40, model_type="random_forest")
    assert (job["status"], "was ended after" in job["problem"]) == ("failed", True)


async def test_a_training_whose_watcher_is_gone_is_done_once_more_and_then_given_up(app, call):
    job = await call("POST", TRAIN, QUICK, status=202)
    gone = """UPDATE ml_job SET status = 'running', attempts = :n, beat_at = now() - interval '1 hour'
              WHERE id = :id"""
    async with app.state.database.transaction() as session:
        await session.execute(text(gone), {"n": making.ATTEMPTS - 1, "id": job["id"]})
    assert await train_next(app.state.database, AT_ONCE)
    assert (await call("GET", f"/ml/jobs/{job['id']}"))["status"] == "done"
    job = await call("POST", TRAIN, QUICK, status=202)
    async with app.state.database.transaction() as session:
        await session.execute(text(gone), {"n": making.ATTEMPTS, "id": job["id"]})
    assert not await train_next(app.state.database, AT_ONCE)
    assert (await call("GET", f"/ml/jobs/{job['id']}"))["status"] == "failed"


async def test_a_file_that_was_altered_is_refused_and_the_rule_answers(app, app_client, tenant, call):
    await plants.run(app, await plants.machines(app_client, tenant, 2))
    await plants.champion_with_another_file(app, tenant)
    answer = await call("POST", "/predictions/downtime", {"machine_id": "M-0"})
    assert answer["served_by"]["kind"] == "baseline"
    assert "digest" in answer["served_by"]["why"]
    assert "tezgah_predictions_models_refused_total 1.0" in (await app_client.get("/metrics")).text


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"hyperparameters": {"depth": 3}}, "depth"),
        ({"hyperparameters": {"max_iter": 1e12}}, "max_iter is 1e+12; it must be a whole number in 1..2000"),
        ({"hyperparameters": {"max_leaf_nodes": 7.5}}, "max_leaf_nodes"),
        ({"hyperparameters": {"max_features": 1.5}}, "max_features is 1.5; it must lie in 0.01..1"),
        ({"model_type": "oracle"}, "model_type"),
        ({"validation_split": 0.9}, "validation_split"),
        (
            {"training_data_filter": {"start_date": "2026-03-02T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"}},
            "end_date",
        ),
    ],
)
async def test_what_cannot_be_learned_is_named(call, asked, named):
    told = await call("POST", TRAIN, asked, status=422)
    assert named in str(told)


async def test_days_of_the_optimizer_go_forwards_too(call):
    days = {"start_date": "2026-03-02T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"}
    told = await call("POST", "/ml/train/oee-optimizer", {"training_data_filter": days}, status=422)
    assert "end_date" in str(told)


async def test_a_machine_of_others_is_not_left_out_in_silence(app_client, tenant, new_tenant, call):
    (theirs,) = await plants.machines(app_client, await new_tenant(), 1)
    (mine,) = await plants.machines(app_client, tenant, 1)
    chosen = {"training_data_filter": {"machine_ids": [mine["id"], theirs["id"]]}}
    told = await call("POST", TRAIN, QUICK | chosen, status=404)
    assert theirs["id"] in told["detail"]
    assert await call("GET", "/ml/jobs") == []


async def test_machines_to_learn_from_may_be_named_by_their_codes(app_client, tenant, call):
    mine = await plants.machines(app_client, tenant, 2)
    chosen = {"training_data_filter": {"machine_ids": [mine[0]["code"], mine[1]["id"]]}}
    job = await call("POST", TRAIN, QUICK | chosen, status=202)
    assert job["asked"]["training_data_filter"]["machine_ids"] == [each["id"] for each in mine]


async def test_a_plants_own_logs_are_learned_from_and_answered_by_while_they_reach_the_present(
    app, tenant, call, trained, tmp_path
):
    directory = exports.write(tmp_path / "logs", until=NOW, machines=10)
    read = read_history(directory, tomlfile.read(directory / "mapping.toml", Mapping), now=datetime.now(UTC))
    async with app.state.database.transaction() as session:
        await bringing.bring(session, tenant.organization_id, "logs", read, lambda *_: None, is_dry_run=False)
    model = (await trained())["model_id"]
    told = await call("GET", f"/ml/models/{model}/status")
    assert told["may_serve"], told
    assert "alarms" in {each["group"] for each in told["leans_on"]}
    await call("POST", f"/ml/models/{model}/promote")
    question = {"machine_id": "M-0", "confidence_threshold": 0.5}
    assert (await call("POST", "/predictions/downtime", question))["served_by"]["model_id"] == model
    # nothing was imported for three days: that there were no alarms meanwhile is no calm
    async with app.state.database.transaction() as session:
        await session.execute(text("UPDATE history_import SET to_at = to_at - interval '3 days'"))
    app.state.predictions.answers.forget()
    told = await call("POST", "/predictions/downtime", question)
    served = told["served_by"]
    assert (served["kind"], "48 h" in served["why"]) == ("baseline", True), served
    assert (told["status"], told["abstained"], told["will_stop"]) == ("abstained", True, None)
    assert "48 h" in told["detail"]
    then = {"as_of": (NOW - timedelta(days=3)).isoformat()}
    assert "48 h" not in str((await call("POST", "/predictions/downtime", question | then))["detail"])

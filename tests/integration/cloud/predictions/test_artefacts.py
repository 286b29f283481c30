"""Files of models: kept as long as somebody could want them, then deleted; the model says so and serves no more."""

import uuid
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from cloud.predictions.learning import artefacts
from cloud.predictions.learning.artefacts import Policy
from cloud.predictions.learning.serving import Speakers
from tests.integration.cloud.predictions.plants import NOW

POLICY = Policy(newest=2, days=30)
VERDICT = """
    {"may_serve": true, "best_rule": "prevalence", "gain": {"value": 0.1, "lower": 0.05, "upper": 0.2, "level": 0.95},
     "skill_over_machine_rate": 0.1, "scores": {}, "leans_on": [], "rows": {}, "parameters": {}}
"""
MODEL = text("""
    INSERT INTO ml_model (id, organization_id, kind, number, horizon_h, algorithm, state, is_control, trained_at,
                          learned_until, verdict, features, usual, calibration, artefact, sha256, versions,
                          predecessor_id, retired_at)
    VALUES (:id, :organization_id, 'downtime-predictor', :number, :horizon_h, 'random_forest', :state, :is_control,
            :trained_at, :trained_at, :verdict, '[]', '[]', '{}', 'a file', 'a', '{}', :predecessor_id, :retired_at)
""")


@pytest.fixture
def model(app, tenant):
    """A function that puts a model into the database, older by the number of days."""
    number = 0

    async def put(state: str, days: int, *, retired: int | None = None, horizon_h: int = 24, **more) -> uuid.UUID:
        nonlocal number
        number += 1
        values = {
            "id": uuid.uuid4(),
            "organization_id": tenant.organization_id,
            "number": number,
            "horizon_h": horizon_h,
            "state": state,
            "is_control": False,
            "trained_at": NOW - timedelta(days=days),
            "verdict": VERDICT,
            "predecessor_id": None,
            "retired_at": None if retired is None else NOW - timedelta(days=retired),
        }
        async with app.state.database.transaction() as session:
            await session.execute(MODEL, values | more)
        return values["id"]

    return put


@pytest.fixture
def gone(app, tenant):
    """A function that lets the background have its turn, and returns the models whose files are gone."""

    async def look(policy: Policy = POLICY, now: datetime = NOW) -> set[uuid.UUID]:
        await artefacts.forget_old(app.state.database, now, policy)
        async with app.state.database.transaction() as session:
            found = text("SELECT id FROM ml_model WHERE organization_id = :id AND artefact IS NULL")
            return set(await session.scalars(found, {"id": tenant.organization_id}))

    return look


async def test_what_serves_what_could_again_and_the_newest_keep_their_files(app, tenant, model, gone):
    before = await model("retired", 400, retired=300)
    await model("champion", 300, predecessor_id=before)
    old = await model("retired", 500, retired=400)
    forgotten = await model("candidate", 250)
    await model("candidate", 200)
    await model("retired", 150, retired=100)
    # it served until lately
    await model("retired", 450, retired=29)
    # alone of its horizon
    await model("retired", 900, retired=800, horizon_h=168)
    refused, control = await model("refused", 31), await model("candidate", 31, is_control=True)
    await model("refused", 29)
    assert await gone(Policy(newest=100, days=30)) == {refused, control}
    assert await gone() == {old, forgotten, refused, control}
    # of the two candidates the one that has a file is read, which is none
    registry = CollectorRegistry()
    async with app.state.database.transaction() as session:
        assert await Speakers(registry).candidates(session, tenant.organization_id, 24) == []
    assert registry.get_sample_value("tezgah_predictions_models_refused_total") == 1
    assert await gone(Policy(newest=2, days=500)) == {old, forgotten, refused, control}


async def test_one_without_a_file_says_so_and_is_neither_promoted_nor_rolled_back_to(
    app, app_client, tenant, new_tenant, model, gone
):
    [old, *_] = [await model("retired", days, retired=days) for days in (400, 300, 200)]
    assert await gone() == {old}
    # what is gone already is not deleted anew every night
    assert await gone(now=NOW + timedelta(days=1)) == {old}

    async def call(method: str, path: str, status: int, **headers) -> dict:
        answer = await app_client.request(method, f"/ml/models/{path}", headers=tenant.planner | headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    assert (await call("GET", f"{old}/status", 200))["file_deleted_at"] is not None
    told = await call("POST", f"{old}/promote", 409)
    assert told["error_code"] == "MODEL_FILE_GONE"
    assert f"The file of model {old} was deleted for its age on {NOW:%Y-%m-%d}" in told["detail"]
    assert "Yeniden eğitin" in (await call("POST", f"{old}/promote", 409, **{"Accept-Language": "tr"}))["detail"]
    champion = await model("champion", 10, predecessor_id=old)
    told = await call("POST", f"{champion}/rollback", 409)
    assert (told["error_code"], str(old) in told["detail"]) == ("MODEL_FILE_GONE", True)
    assert (await call("GET", f"{champion}/status", 200))["state"] == "champion"
    # it is in the record who did it
    record = (await app_client.get("/audit", params={"entity": "model"}, headers=tenant.admin)).json()
    assert [(each["entity_id"], each["kind"]) for each in record] == [(str(old), "updated")]
    assert (await app_client.get("/audit", headers=(await new_tenant()).admin)).status_code == 200

"""Whoever promotes, rolls back and retires at the same time: one model serves, or none, and each step is whole."""

import asyncio
import random

from sqlalchemy import text

from tests.integration.cloud.predictions.test_artefacts import model

__all__ = ["model"]


async def test_of_many_who_promote_roll_back_and_retire_at_once_each_meets_a_whole_registry(
    app, app_client, tenant, model
):
    ids = [await model("candidate", days) for days in (3, 2, 1)]
    rng, done = random.Random(1), []

    async def client() -> None:
        for _ in range(8):
            what, which = rng.choice(["promote", "promote", "rollback", "retire"]), rng.choice(ids)
            answer = await app_client.post(f"/ml/models/{which}/{what}", headers=tenant.planner)
            assert answer.status_code in {200, 409}, answer.text
            if answer.status_code == 200:
                done.append((what, answer.json()["state"]))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(6):
            tasks.create_task(client())
    assert {what for what, _ in done} >= {"promote"}
    assert all(state == ("retired" if what == "retire" else "champion") for what, state in done)
    of = text("""
        SELECT state, promoted_at, retired_at FROM ml_model WHERE organization_id = :id ORDER BY promoted_at NULLS FIRST
    """)
    async with app.state.database.transaction() as session:
        rows = (await session.execute(of, {"id": tenant.organization_id})).all()
    assert sum(row.state == "champion" for row in rows) <= 1
    for row in rows:
        assert row.state != "champion" or (row.promoted_at, row.retired_at) == (rows[-1].promoted_at, None)
        # who waited for another was not there before him
        assert row.retired_at is None or row.promoted_at is None or row.promoted_at <= row.retired_at

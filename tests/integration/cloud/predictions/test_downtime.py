"""Predictions of downtime over HTTP, on a plant's history in PostgreSQL."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from cloud.predictions import asking
from cloud.predictions.asking import slot
from cloud.predictions.said import Question
from tests.integration.cloud.predictions import plants
from tests.integration.cloud.predictions.plants import HOUR, NOW

PATH = "/predictions/downtime"
THEN = (NOW - timedelta(days=10)).isoformat()


@pytest.fixture
def ask(app_client, tenant):
    async def send(body: dict, path: str = PATH, *, who: str = "worker", status: int = 200, **headers):
        answer = await app_client.post(path, json=body, headers=getattr(tenant, who) | headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


@pytest.fixture
async def plant(app, app_client, tenant) -> list[dict]:
    made = await plants.machines(app_client, tenant, 6)
    await plants.run(app, made)
    return made


async def computed(app_client) -> tuple[float, float]:
    """How many answers were computed, and how many were known already."""
    lines = (await app_client.get("/metrics")).text.splitlines()
    found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    name = 'tezgah_predictions_answers_total{kind="%s",what="answer"}'
    return found.get(name % "computed", 0.0), found.get(name % "known", 0.0)


async def test_a_machine_is_told_with_its_rule_its_interval_its_like_and_why(ask, plant):
    told = await ask({"machine_id": "M-5", "prediction_horizon": 24, "confidence_threshold": 0.5})
    assert told["machine_id"] == plant[5]["id"]
    assert told["status"] == "answered"
    assert 0 <= told["interval"]["lower"] <= told["probability"] <= told["interval"]["upper"] <= 1
    assert told["interval"]["level"] == told["minutes_interval"]["level"] == 0.9
    assert told["will_stop"] == (told["probability"] >= 0.5)
    assert told["confidence"] == pytest.approx(max(told["probability"], 1 - told["probability"]))
    assert told["minutes_interval"]["lower"] <= told["expected_minutes"] <= told["minutes_interval"]["upper"]
    assert told["served_by"]["kind"] == "baseline"
    assert told["served_by"]["name"] == told["baseline"]["name"]
    assert "No model is promoted" in told["served_by"]["why"]
    assert told["baseline"]["value"] == told["probability"]
    alike = told["similar_cases"]
    assert 0 <= alike["stopped"] <= alike["asked"]
    assert {each["machine"] for each in alike["cases"]} <= {f"M-{number}" for number in range(6)}
    assert all(each["stopped"] or each["minutes"] == 0 for each in alike["cases"])
    assert told["stops_known"] > 100


async def test_below_the_threshold_it_says_neither_yes_nor_no_in_the_callers_language(ask, plant):
    told = await ask({"machine_id": "M-3", "confidence_threshold": 1.0}, **{"Accept-Language": "tr"})
    assert (told["status"], told["abstained"], told["will_stop"]) == ("abstained", True, None)
    assert told["probability"] is not None
    assert told["detail"].endswith("evet ya da hayır denmiyor.")
    assert told["served_by"]["why"].startswith("Yayına alınmış bir model yok")


async def test_the_past_answers_the_same_whatever_came_later(app, ask, plant):
    body = {"machine_id": "M-2", "as_of": THEN}
    before = await ask(body)
    # a stop after the instant, and one that happened before it and was told after
    await plants.stop(app, plant[2], NOW - 5 * HOUR, NOW - 4 * HOUR)
    await plants.write(
        app,
        [
            {
                "machine_id": plant[2]["id"],
                "from_at": NOW - timedelta(days=11, minutes=3),
                "to_at": NOW - timedelta(days=11, minutes=2),
                "state": "faulted",
                "source": "operator",
                "recorded_at": NOW - HOUR,
            }
        ],
    )
    app.state.predictions.answers.forget()
    app.state.predictions.grounds.forget()
    assert await ask(body) == before
    now = await ask({"machine_id": "M-2"})
    assert now["stops_known"] > before["stops_known"]


async def test_a_stop_that_turned_out_to_be_none_is_still_what_was_known_then(app, ask, plant):
    body = {"machine_id": "M-1", "as_of": THEN}
    before = await ask(body)
    async with app.state.database.transaction() as session:
        await session.execute(
            text("UPDATE machine_state SET replaced_at = now() WHERE machine_id = :id AND state = 'faulted'"),
            {"id": plant[1]["id"]},
        )
    app.state.predictions.answers.forget()
    app.state.predictions.grounds.forget()
    assert await ask(body) == before
    assert (await ask({"machine_id": "M-1"}))["stops_known"] < before["stops_known"]


def lasting(plant: list[dict]) -> dict:
    """Return the machine of which what is remembered now is the same in so many half minutes to come as of no other."""
    now = datetime.now(UTC)
    soon = [now + timedelta(seconds=30 * each) for each in range(21)]

    def lasts(machine: dict) -> int:
        return [slot(uuid.UUID(machine["id"]), at) for at in soon].count(slot(uuid.UUID(machine["id"]), now))

    return max(plant, key=lasts)


async def test_an_answer_is_remembered_until_something_happens(app, app_client, ask, plant):
    machine = lasting(plant)
    body = {"machine_id": machine["code"]}
    was = await computed(app_client)
    first = await ask(body)
    again = await ask(body)
    assert again == first
    assert await computed(app_client) == (was[0] + 1, was[1] + 1)
    assert (await ask(body | {"confidence_threshold": 0.5}))["as_of"] == first["as_of"]
    await plants.stop(app, machine, NOW - timedelta(minutes=1), None)
    after = await ask(body)
    assert after["as_of"] > first["as_of"]
    assert after["is_down"]
    assert not first["is_down"]


HOUR_TOLD = """
    INSERT INTO fact_hour_told (machine_id, bucket, known_at, run_us, setup_us, micro_us, unknown_us, good, scrap,
                                ideal_milli)
    VALUES (:id, :hour, now(), 1, 0, 0, 0, 0, 0, 0)
"""
MEASURED = """
    INSERT INTO measured_hour (machine_id, bucket, known_at, numbers)
    VALUES (:id, :hour, now(), array_fill(1.0::float8, ARRAY[13]))
"""
JOBS = """
    WITH row AS (
        INSERT INTO joblog (organization_id, machine_id, start_time, end_time, job_duration_s, state, source,
                            source_id, digest)
        VALUES (:whose, :id, :hour, CAST(:hour AS timestamptz) + interval '9 s', 9, 'CLOSED', 'mdc', '1', 'x')
        RETURNING *
    )
    INSERT INTO joblog_told (organization_id, machine_id, joblog_id, at, known_at, numbers)
    SELECT organization_id, machine_id, id, end_time, end_time, array_fill(1.0::float8, ARRAY[17]) FROM row
"""


async def test_whatever_is_told_of_a_machine_its_answer_is_computed_anew_and_else_it_is_known(
    app, app_client, tenant, ask, plant
):
    # of an instant, so that no slot ends meanwhile
    body = {"machine_id": "M-4", "as_of": THEN}
    await ask(body)
    told = {"id": plant[4]["id"], "whose": tenant.organization_id, "hour": NOW - timedelta(days=40)}
    for news in (HOUR_TOLD, MEASURED, JOBS):
        before = await computed(app_client)
        await ask(body)
        assert await computed(app_client) == (before[0], before[1] + 1)
        async with app.state.database.transaction() as session:
            await session.execute(text(news), {name: each for name, each in told.items() if f":{name}" in news})
        await ask(body)
        assert await computed(app_client) == (before[0] + 1, before[1] + 1), news


async def test_what_was_recorded_by_a_clock_that_is_ahead_is_in_the_answer(app, tenant, plant):
    machine, asked = plant[4], Question(24, 0.5, None)
    async with app.state.database.transaction() as session:
        before = await session.scalar(text("SELECT clock_timestamp()"))
    await plants.stop(app, machine, NOW - HOUR, None, known=before + timedelta(microseconds=1))
    async with app.state.database.transaction() as session:
        # this service's clock is behind PostgreSQL's, which says when the stop was recorded
        told = await asking.downtime(
            session, tenant.organization_id, app.state.predictions, ["M-4"], asked, before - timedelta(seconds=30)
        )
    assert told[0].is_down


async def test_many_machines_are_told_at_once_in_their_order(ask, plant):
    names = ["M-3", plant[0]["id"], "M-1"]
    told = await ask({"machine_ids": names, "as_of": THEN}, f"{PATH}/batch")
    assert [each["machine"] for each in told["predictions"]] == ["M-3", "M-0", "M-1"]
    alone = await ask({"machine_id": "M-1", "as_of": THEN})
    assert alone == told["predictions"][2]
    assert (await ask({"machine_ids": ["M-1", "M-99"]}, f"{PATH}/batch", status=404))["error_code"] == (
        "MACHINE_NOT_FOUND"
    )


async def test_many_who_ask_the_same_at_once_wait_for_one_answer_that_is_kept_once(app, ask, plant):
    machine = lasting(plant)
    told = await asyncio.gather(*(ask({"machine_id": machine["code"]}) for _ in range(6)))
    assert all(each == told[0] for each in told)
    async with app.state.database.reading() as session:
        kept = text("SELECT count(*) FROM prediction WHERE machine_id = :id")
        assert await session.scalar(kept, {"id": machine["id"]}) == 1


async def test_machines_are_looked_up_together_however_many_are_named(app, ask, plant):
    async def statements(names: list[str]) -> int:
        await ask({"machine_ids": names}, f"{PATH}/batch")
        with plants.statements(app.state.database.engine.sync_engine) as said:
            await ask({"machine_ids": names}, f"{PATH}/batch")
        return len(said)

    few, many = await statements(["M-1"]), await statements([*(each["code"] for each in plant), plant[0]["id"].upper()])
    assert few == many > 0


async def test_too_little_is_not_remembered_for_the_past_either(app, app_client, ask, tenant):
    made = await plants.machines(app_client, tenant, 2)
    body = {"machine_id": "M-0", "as_of": THEN}
    assert (await ask(body))["status"] == "insufficient_data"
    # a history is imported of the other machine alone: what is known of the one asked about is as it was
    await plants.run(app, made[1:], mean_h=20.0)
    assert (await ask(body))["status"] != "insufficient_data"


async def test_without_a_past_nothing_is_made_up_and_what_cannot_be_meant_is_refused(app_client, ask, tenant):
    await plants.machines(app_client, tenant, 1)
    told = await ask({"machine_id": "M-0"})
    assert (told["status"], told["probability"], told["served_by"]) == ("insufficient_data", None, None)
    assert told["detail"].startswith("0 unplanned stops of the plant are known, 30 are needed")
    wrong = [
        ({"prediction_horizon": 0}, "VALIDATION_ERROR"),
        ({"prediction_horizon": 337}, "VALIDATION_ERROR"),
        ({"confidence_threshold": 0.4}, "VALIDATION_ERROR"),
        ({"as_of": "2099-01-01T00:00:00Z"}, "AS_OF_IN_THE_FUTURE"),
        ({"horizon": 3}, "VALIDATION_ERROR"),
        ({"features": {"hours_since_stop": 1e300}}, "VALIDATION_ERROR"),
    ]
    for more, code in wrong:
        assert (await ask({"machine_id": "M-0"} | more, status=422))["error_code"] == code, more


async def test_a_feature_may_be_supposed_and_an_unknown_one_is_refused_with_those_there_are(ask, plant):
    supposed = await ask({"machine_id": "M-1", "features": {"hours_since_stop": 500}})
    assert supposed["status"] in {"answered", "abstained"}
    for hours in (-1e12, 1e12):
        strange = await ask({"machine_id": "M-1", "features": {"hours_since_stop": hours}})
        assert 0 <= strange["probability"] <= 1
    refused = await ask({"machine_id": "M-1", "features": {"moon": 1}}, status=422)
    assert refused["error_code"] == "FEATURE_UNKNOWN"
    assert "hours_since_stop" in refused["detail"]


async def test_a_machine_nobody_has_and_one_of_others_are_not_found_alike(app_client, ask, plant, new_tenant):
    other = await new_tenant()
    for path in (PATH, "/predictions/maintenance", "/predictions/oee"):
        told = []
        for machine in (plant[0]["id"], str(uuid.uuid4())):
            answer = await app_client.post(path, json={"machine_id": machine}, headers=other.admin)
            assert answer.status_code == 404
            told.append(answer.json()["detail"].replace(machine, "*"))
        assert told[0] == told[1]


async def test_a_reason_is_told_in_words_with_its_direction_in_the_callers_language(ask, plant):
    asked = {"machine_id": "M-5", "prediction_horizon": 24, "features": {"stops_24h": 9, "stops_8h": 9}}
    reasons = (await ask(asked))["reasons"]
    assert reasons
    for each in reasons:
        points = f"{round(abs(each['effect']) * 100, 1):g} points"
        assert points in each["says"]
        assert ("raises" if each["effect"] > 0 else "lowers") in each["says"]
    turkish = (await ask(asked, **{"Accept-Language": "tr"}))["reasons"]
    assert all(("artırıyor" if each["effect"] > 0 else "azaltıyor") in each["says"] for each in turkish)


async def test_weeks_in_which_a_gateway_was_away_are_no_calm(app, app_client, tenant, ask):
    made = await plants.machines(app_client, tenant, 4)
    away, back = NOW - timedelta(days=60), NOW - timedelta(days=1)
    await plants.run(app, made, days=60, until=away)
    async with app.state.database.transaction() as session:
        mine = {"ids": [uuid.UUID(each["id"]) for each in made], "at": away}
        close = text("UPDATE machine_state SET to_at = :at WHERE machine_id = ANY(:ids) AND to_at IS NULL")
        await session.execute(close, mine)
    for each in made:
        hidden = plants.row(each, away, back, "no_data", source="tag")
        await plants.write(app, [hidden, plants.row(each, back, None, "producing", source="tag")])
    then, now = [
        await ask({"machine_id": "M-3", "confidence_threshold": 0.5} | more)
        for more in ({"as_of": away.isoformat()}, {})
    ]
    assert then["probability"] > 0.3
    assert now["probability"] == pytest.approx(then["probability"], abs=0.12)
    # and nobody knew on the day before that it would be away
    early = (away - timedelta(days=1)).isoformat()
    assert (await ask({"machine_id": "M-3", "as_of": early}))["probability"] is not None

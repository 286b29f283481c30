"""Readings that people and programs post: checked, stored once, all or none."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.integration.cloud.telemetry.sender import rows

PATH = "/machines/M-1/readings"
AT = "2026-03-02T19:00:00Z"


@pytest.fixture
async def machine(app_client, tenant) -> dict:
    given = {"code": "M-1", "name": "Mill", "max_spindle_speed": 6000}
    return (await app_client.post("/machines", json=given, headers=tenant.admin)).json()


@pytest.fixture
def post(app_client, tenant, machine):
    async def send(body, **headers: str):
        return await app_client.post(PATH, json=body, headers=tenant.worker | headers)

    return send


async def test_a_reading_is_stored_and_shown(app_client, tenant, post):
    now = datetime.now(UTC).isoformat()
    answer = await post({"reading_type": "TEMPERATURE", "value": 41, "unit": "°C", "timestamp": now})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["stored"], answer.json()["repeated"]) == (1, 0)
    (shown,) = (await app_client.get(PATH, headers=tenant.worker)).json()
    assert (shown["value"], shown["unit"], shown["tag"], shown["quality"]) == (41, "Cel", "temperature", "good")
    assert shown["flags"] == []
    status = (await app_client.get("/machines/M-1/status", headers=tenant.worker)).json()
    assert [value["value"] for value in status["values"]] == [41]


async def test_what_is_sent_again_is_stored_once_and_another_value_beside_it(app_client, tenant, post):
    one = {"reading_type": "temperature", "value": 41, "timestamp": AT}
    other = one | {"value": 42}
    await post(one)
    answer = (await post([one, other, other])).json()
    assert (answer["stored"], answer["repeated"]) == (1, 2)
    shown = (await app_client.get(PATH, headers=tenant.worker)).json()
    assert sorted(reading["value"] for reading in shown) == [41, 42]


async def test_a_posted_state_is_what_the_machine_is_doing(app_client, tenant, post):
    assert (await post({"reading_type": "state", "value": "Producing"})).status_code == 201
    shown = (await app_client.get("/machines/M-1", headers=tenant.worker)).json()
    assert shown["runtime_status"] == "running"


@pytest.mark.parametrize(
    ("kind", "value", "unit", "minimum", "maximum"),
    [
        ("temperature", -273.2, None, -273.15, 10000),
        ("temperature", -1, "K", 0, 10273.15),
        ("humidity", 100.1, "%", 0, 100),
        ("humidity", -0.1, "%", 0, 100),
        ("pressure", -1.1, "bar", -1.01325, 10000),
        ("energy", -1, "kWh", 0, 1e9),
        ("good_count", -1, None, 0, 2**53),
        ("cycle_time", 604801, None, 0, 604800),
    ],
)
async def test_the_impossible_is_refused_with_what_is_possible(post, kind, value, unit, minimum, maximum):
    answer = await post([{"reading_type": kind, "value": value, "unit": unit, "timestamp": AT}])
    assert answer.status_code == 422
    (mistake,) = answer.json()["errors"]
    assert (mistake["loc"][:2], mistake["type"]) == (["body", 0], "value_impossible")
    assert mistake["valid_range"]["minimum"] == pytest.approx(minimum)
    assert mistake["valid_range"]["maximum"] == pytest.approx(maximum)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"value": None}, "value_missing"),
        ({"value": "hot"}, "number_needed"),
        ({"value": True}, "float_type"),
        ({"unit": "bar"}, "unit_impossible"),
        ({"reading_type": "state", "value": "dancing"}, "state_unknown"),
        ({"reading_type": "state", "value": 1}, "state_unknown"),
        ({"reading_type": "good_count", "value": 1.5}, "whole_number_needed"),
        ({"reading_type": "smell"}, "enum"),
        ({"quality": "fine"}, "enum"),
        ({"timestamp": "2026-03-02T19:00:00"}, "timezone_aware"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "year_out_of_range"),
        ({"machine": "x"}, "extra_forbidden"),
        ({"tag": "a\x00"}, "character_not_allowed"),
    ],
    ids=str,
)
async def test_a_reading_that_means_nothing_is_refused_by_name(post, given, kind):
    answer = await post({"reading_type": "temperature", "value": 1, **given})
    assert answer.status_code == 422
    assert kind in {mistake["type"] for mistake in answer.json()["errors"]}


async def test_of_many_all_are_stored_or_none_and_each_mistake_has_its_place(app_client, tenant, post):
    fine = {"reading_type": "temperature", "value": 1, "timestamp": AT}
    answer = await post([fine, fine | {"value": -300}, fine, fine | {"reading_type": "humidity", "value": 101}])
    assert answer.status_code == 422
    assert [mistake["loc"][1] for mistake in answer.json()["errors"]] == [1, 3]
    assert (await app_client.get(PATH, headers=tenant.worker)).json() == []


@pytest.mark.parametrize("many", [0, 1001])
async def test_none_and_too_many_are_refused(post, many):
    assert (await post([{"reading_type": "temperature", "value": 1}] * many)).status_code == 422


async def test_what_lies_beyond_the_machines_own_limits_is_kept_and_flagged(app_client, tenant, post):
    fast = {"reading_type": "speed", "value": 101, "unit": "/s", "timestamp": AT}
    answer = await post([fast | {"value": 100}, fast | {"value": -101}])
    assert answer.json()["out_of_range"] == [1]
    shown = (await app_client.get(PATH, headers=tenant.worker)).json()
    assert {reading["value"]: reading["flags"] for reading in shown} == {100: [], -101: ["out_of_range"]}


async def test_a_tag_keeps_its_type_and_unit(post):
    assert (await post({"reading_type": "temperature", "value": 20, "unit": "Cel"})).status_code == 201
    answer = await post({"reading_type": "temperature", "value": 293, "unit": "K"})
    assert (answer.status_code, answer.json()["error_code"]) == (422, "TAG_DIFFERS")
    other = await post({"reading_type": "temperature", "value": 293, "unit": "K", "tag": "oven"})
    assert other.status_code == 201


async def test_a_reading_of_tomorrow_is_refused(post):
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    answer = await post({"reading_type": "temperature", "value": 20, "timestamp": later})
    assert (answer.status_code, answer.json()["error_code"]) == (422, "READING_FROM_THE_FUTURE")


async def test_a_decommissioned_machine_takes_none(app_client, tenant, post):
    await app_client.delete("/machines/M-1", headers=tenant.admin)
    answer = await post({"reading_type": "temperature", "value": 20})
    assert (answer.status_code, answer.json()["error_code"]) == (409, "MACHINE_DECOMMISSIONED")
    assert answer.json()["current_status"] == "decommissioned"


async def test_another_organizations_machine_takes_none_and_is_not_shown(app_client, machine, new_tenant):
    body = {"reading_type": "temperature", "value": 20}
    stranger = (await new_tenant()).admin
    answer = await app_client.post(f"/machines/{machine['id']}/readings", json=body, headers=stranger)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "MACHINE_NOT_FOUND")


async def test_a_bad_reading_has_no_value(app_client, tenant, post):
    assert (await post({"reading_type": "temperature", "value": None, "quality": "bad"})).status_code == 201
    (shown,) = (await app_client.get(PATH, headers=tenant.worker)).json()
    assert (shown["value"], shown["quality"]) == (None, "bad")


async def test_a_posted_reading_is_marked_for_the_rollups_and_lies_in_its_days_table(app, post):
    answer = await post({"reading_type": "temperature", "value": 20})
    assert answer.status_code == 201
    async with app.state.database.transaction() as session:
        touched = await session.scalar(text("SELECT count(*) FROM touched"))
        table = await session.scalar(
            text("SELECT tableoid::regclass::text FROM reading ORDER BY received_at DESC LIMIT 1")
        )
    assert touched >= 1
    assert table.startswith("reading_2")


async def test_a_gateways_batch_is_never_blocked_by_a_decommissioned_machine(app_client, tenant, gateway):
    await app_client.post("/machines", json={"code": "P-1", "name": "Press"}, headers=tenant.admin)
    await app_client.delete("/machines/P-1", headers=tenant.admin)
    receipt = await gateway.send(rows(20.0, 21.0))
    assert (receipt["outcome"], receipt["rows"]) == ("stored", 2)
    assert len((await app_client.get("/machines/P-1/readings", headers=tenant.worker)).json()) == 2

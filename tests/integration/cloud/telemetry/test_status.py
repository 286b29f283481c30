"""What a machine is doing, told from its readings, for those of its own organization."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud.changes import Operator
from cloud.machines import service as machines
from cloud.machines.schemas import MachineIn
from cloud.production.rules import SILENT_AFTER
from cloud.production.service import present
from shared.reading import Quality, Tag, concatenate
from tests.integration.cloud.telemetry.sender import MODE, NOON, SECOND, rows, states

NOW_US = int(datetime.now(UTC).timestamp()) * 1_000_000 - 60 * SECOND


@pytest.fixture
async def press(gateway, tenant) -> Any:
    """The machine that the gateway's tags belong to."""
    async with gateway.database.transaction() as session:
        return await machines.create(session, Operator(tenant.organization_id), MachineIn(code="P-1", name="Press"))


async def status(gateway, tenant, machine: str = "P-1") -> dict[str, Any]:
    answer = await gateway.client.get(f"/machines/{machine}/status", headers=tenant.worker)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_machines_status_shows_state_and_newest_values(gateway, tenant, press):
    await gateway.send(
        concatenate(
            [
                states("setup", "producing", "producing", ts=NOW_US),
                rows(20.0, 21.5, ts=NOW_US, flags=1, quality=1, status=0x40920000),
            ]
        )
    )
    told = await status(gateway, tenant)
    assert told["id"] == str(press.id)
    assert (told["code"], told["name"], told["status"]) == ("P-1", "Press", "active")
    assert (told["runtime_status"], told["state"], told["unknown_because"]) == ("running", "producing", None)
    assert told["since"] == iso(NOW_US + SECOND)
    mode, temp = told["values"]
    assert (mode["tag"], mode["text"], mode["value"]) == ("mode", "producing", None)
    age_s = temp.pop("age_s")
    # NOW_US is of when the tests were collected, which may be long ago
    assert 0 <= datetime.now(UTC).timestamp() - (NOW_US + SECOND) / 1e6 - age_s < 30
    assert temp == {
        "gateway": gateway.caller.name,
        "device": "press",
        "tag": "temp",
        "reading_type": "temperature",
        "value": 21.5,
        "text": None,
        "unit": "Cel",
        "timestamp": iso(NOW_US + SECOND),
        "received_at": iso(NOW_US + SECOND + 2000),
        "quality": "uncertain",
        "flags": ["out_of_range"],
        "status": 0x40920000,
    }


async def test_a_machine_without_readings_is_unknown_and_says_why(gateway, tenant, press):
    told = await status(gateway, tenant)
    assert (told["runtime_status"], told["unknown_because"], told["values"]) == ("unknown", "no_state_tag", [])


async def test_a_bad_state_is_unknown_and_not_the_last_good_one(gateway, tenant, press):
    await gateway.send(states("producing"))
    await gateway.send(rows(math.nan, tag=MODE, ts=NOON + SECOND, quality=Quality.BAD))
    told = await status(gateway, tenant)
    assert (told["runtime_status"], told["unknown_because"], told["since"]) == ("unknown", "bad_quality", None)


async def test_a_silent_gateways_machines_are_unknown_and_it_speaking_again_brings_them_back(gateway, tenant, press):
    await gateway.send(states("producing"))
    later = datetime.now(UTC) + SILENT_AFTER + timedelta(seconds=11)
    async with gateway.database.transaction() as session:
        told = await present.machine_status(session, tenant.organization_id, "P-1", later)
    assert (told.runtime_status, told.unknown_because) == ("unknown", "gateway_silent")
    assert (await status(gateway, tenant))["runtime_status"] == "running"


async def test_the_state_began_where_it_last_changed_however_late_that_is_told(gateway, tenant, press):
    await gateway.send(states("producing", ts=NOON))
    await gateway.send(states("producing", ts=NOON + 10 * SECOND))
    assert (await status(gateway, tenant))["since"] == iso(NOON)
    await gateway.send(states("faulted", ts=NOON + 4 * SECOND))
    assert (await status(gateway, tenant))["since"] == iso(NOON + 10 * SECOND)
    await gateway.send(states("producing", ts=NOON + 5 * SECOND))
    assert (await status(gateway, tenant))["since"] == iso(NOON + 5 * SECOND)


@pytest.mark.parametrize("days", [3, 40])
async def test_a_state_of_many_days_is_followed_to_its_beginning(gateway, tenant, press, days):
    begin = NOON - days * 86_400 * SECOND
    await gateway.send(states("off", "idle", ts=begin - SECOND))
    await gateway.send(states("idle"))
    assert (await status(gateway, tenant))["since"] == iso(begin)


async def test_lists_of_machines_say_what_each_is_doing(gateway, tenant, press):
    await gateway.client.post("/machines", json={"code": "P-2", "name": "Other"}, headers=tenant.admin)
    await gateway.send(states("faulted"))
    listed = (await gateway.client.get("/machines", headers=tenant.worker)).json()
    assert {machine["code"]: machine["runtime_status"] for machine in listed} == {"P-1": "down", "P-2": "unknown"}
    one = (await gateway.client.get(f"/api/v1/machines/{press.id}", headers=tenant.worker)).json()["data"]
    assert (one["code"], one["runtime_status"]) == ("P-1", "down")


async def test_the_list_pages_and_filters(gateway, tenant, press):
    for code, life in (("A", "ACTIVE"), ("B", "inactive"), ("C", "active")):
        await gateway.client.post("/machines", json={"code": code, "name": code, "status": life}, headers=tenant.admin)
    first = (await gateway.client.get("/api/v1/machines?limit=2&status=Active", headers=tenant.worker)).json()
    assert [machine["code"] for machine in first["data"]] == ["A", "C"]
    rest = f"/api/v1/machines?limit=2&status=active&cursor={first['meta']['next_cursor']}"
    assert [each["code"] for each in (await gateway.client.get(rest, headers=tenant.worker)).json()["data"]] == ["P-1"]


async def test_nobody_learns_of_another_organizations_machines(gateway, tenant, press, new_tenant, new_gateway):
    stranger = await new_tenant()
    await gateway.send(states("producing"))
    for path in ("", "/status", "/readings"):
        answer = await gateway.client.get(f"/machines/{press.id}{path}", headers=stranger.admin)
        absent = await gateway.client.get(f"/machines/nothing{path}", headers=stranger.admin)
        assert answer.status_code == absent.status_code == 404
        assert answer.json()["error_code"] == absent.json()["error_code"]
    assert (await gateway.client.get("/machines", headers=stranger.admin)).json() == []
    # a machine of the same code, and a gateway with the same tags
    await gateway.client.post("/machines", json={"code": "P-1", "name": "Theirs"}, headers=stranger.admin)
    other = await new_gateway(stranger.organization_id)
    await other.send(states("off"), tags=[Tag("x", "y"), Tag("press", "mode", "P-1", "state")])
    assert (await status(gateway, stranger))["runtime_status"] == "offline"
    assert (await status(gateway, tenant))["runtime_status"] == "running"


def iso(us: int) -> str:
    at = datetime.fromtimestamp(us // SECOND, UTC).replace(microsecond=us % SECOND)
    return at.isoformat().replace("+00:00", "Z")

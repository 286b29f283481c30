"""Parts over HTTP, and how fast each can be made where and from when on."""

import uuid
from datetime import date

import pytest

from cloud.parts import rules, service

EVERYTHING = {
    "part_number": "IŞIK/40-B",
    "part_name": "Kapak",
    "part_description": "first\nsecond",
    "material_type": "Çelik 1.2379",
    "material_hardness": "58 HRC",
    "weight": 1.25,
    "dimensions_length": 120.0,
    "dimensions_width": 60.0,
    "dimensions_height": 8.5,
    "tolerance_class": "ISO 2768-m",
    "surface_finish": "Ra 0.8",
    "standard_cycle_time": 42.0,
    "setup_time_standard": 1800.0,
    "tooling_requirements": "D12",
    "quality_requirements": "CMM",
    "cost_per_unit": 3.75,
    "revision": "B",
}
PATH = "/parts/IŞIK%2F40-B"


@pytest.fixture
async def part(app_client, tenant) -> dict:
    answer = await app_client.post("/parts", json=EVERYTHING, headers=tenant.planner)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
async def press(app_client, tenant) -> dict:
    body = {"code": "PRESS-07", "name": "Pres", "machine_type": "Press"}
    return (await app_client.post("/machines", json=body, headers=tenant.planner)).json()


async def test_every_field_comes_back_and_lists_go_by_material(app_client, tenant, part):
    shown = (await app_client.get(PATH, headers=tenant.worker)).json()
    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    by_material = await app_client.get("/parts/by-material/celik 1.2379", headers=tenant.worker)
    assert [each["part_number"] for each in by_material.json()] == ["IŞIK/40-B"]
    assert (await app_client.get("/parts/by-material/PA66", headers=tenant.worker)).json() == []


async def test_an_ideal_cycle_belongs_to_a_part_a_place_and_a_day(app, app_client, tenant, part, press):
    async def say(**body):
        return await app_client.post(f"{PATH}/ideal-cycles", json=body, headers=tenant.planner)

    first = await say(machine="PRESS-07", ideal_cycle_s=30, valid_from="2026-01-01")
    assert (first.status_code, first.json()["machine_id"]) == (201, press["id"])
    assert (await say(machine_type="press", ideal_cycle_s=25, valid_from="2026-05-01")).status_code == 201
    taken = await say(machine=press["id"], ideal_cycle_s=29, valid_from="2026-01-01")
    assert (taken.status_code, taken.json()["error_code"]) == (409, "IDEAL_CYCLE_TAKEN")
    assert (await say(ideal_cycle_s=29, valid_from="2026-01-01")).status_code == 422
    both = await say(machine="PRESS-07", machine_type="press", ideal_cycle_s=29, valid_from="2026-01-01")
    assert both.status_code == 422
    assert (await say(machine="PRESS-08", ideal_cycle_s=29, valid_from="2026-01-01")).status_code == 404
    listed = (await app_client.get(f"{PATH}/ideal-cycles", headers=tenant.worker)).json()
    assert [each["ideal_cycle_s"] for each in listed] == [30, 25]
    async with app.state.database.transaction() as session:
        speed = (await service.speeds(session, tenant.organization_id, ["IŞIK/40-B", "nothing"]))["IŞIK/40-B"]
    machine_id = uuid.UUID(press["id"])
    june = date(2026, 6, 1)
    assert rules.ideal_cycle_s(speed.standards, june, machine_id, "Press", speed.standard_cycle_s) == 30


async def test_a_part_with_a_past_stays_until_it_has_none(app_client, tenant, new_tenant, part):
    body = {"machine_type": "press", "ideal_cycle_s": 25, "valid_from": "2026-05-01"}
    cycle = (await app_client.post(f"{PATH}/ideal-cycles", json=body, headers=tenant.planner)).json()
    in_use = await app_client.delete(PATH, headers=tenant.planner)
    assert (in_use.status_code, in_use.json()["error_code"]) == (409, "PART_IN_USE")
    gone = f"{PATH}/ideal-cycles/{cycle['id']}"
    assert (await app_client.delete(gone, headers=(await new_tenant()).admin)).status_code == 404
    assert (await app_client.delete(gone, headers=tenant.planner)).status_code == 204
    assert (await app_client.delete(gone, headers=tenant.planner)).status_code == 404
    assert (await app_client.delete(PATH, headers=tenant.planner)).status_code == 204


async def test_a_patch_clears_with_null_and_a_put_says_all_anew(app_client, tenant, part):
    patched = (await app_client.patch(PATH, json={"weight": None}, headers=tenant.planner)).json()
    assert (patched["weight"], patched["revision"]) == (None, "B")
    anew = (await app_client.put(PATH, json={"revision": "C"}, headers=tenant.planner)).json()
    assert (anew["revision"], anew["material_type"]) == ("C", None)
    assert (await app_client.patch(PATH, json={"weight": 0}, headers=tenant.planner)).status_code == 422

"""Shifts and the clock reach predictions from when they are told, and change nothing that was said before."""

from datetime import timedelta

import numpy as np
import pytest

from cloud.identity import service as identity
from cloud.predictions.features import Instants, features
from cloud.predictions.standing import standing
from cloud.production.service.moments import us
from tests.integration.cloud.predictions import plants
from tests.integration.cloud.predictions.plants import HOUR, NOW

PATH = "/shifts/patterns"
# weeks ago, at 03:00 UTC: the night of whoever works from 22:00 in Istanbul
THEN = (NOW - timedelta(days=30)).replace(hour=3, minute=0, second=0)


def body(*shifts: tuple[str, str, str], **more) -> dict:
    told = [{"name": name, "day": 0, "start": start, "end": end} for name, start, end in shifts]
    return {"name": "p", "cycle_days": 1, "anchor": "2020-01-01", "time_zone": "Europe/Istanbul", "shifts": told} | more


THREE = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00"))


@pytest.fixture
async def plant(app, app_client, tenant) -> list[dict]:
    made = await plants.machines(app_client, tenant, 3)
    await plants.run(app, made)
    return made


@pytest.fixture
def call(app_client, tenant):
    async def send(method: str, path: str, body: dict | None = None, status: int = 200):
        answer = await app_client.request(method, path, json=body, headers=tenant.admin)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return send


def looked_at(told, plant, *moments, machine=0) -> list[dict]:
    """Return what features tell of a machine at moments."""
    place = [str(each) for each in told.machines].index(plant[machine]["id"])
    at = np.array([us(each) for each in moments], np.int64)
    matrix = features(told.history, Instants(np.full(len(at), place, np.int32), at))
    return [dict(zip(matrix.names, row, strict=True)) for row in matrix.values.tolist()]


async def test_shifts_are_known_from_their_telling_and_then_of_the_time_before_too(known, moment, call, plant):
    before = await moment()
    [bare] = looked_at(await known(before), plant, THEN)
    assert "shift" not in bare
    assert bare["local_hour"] == 3
    made = await call("POST", PATH, body(*THREE, is_default=True), 201)
    told = await moment()
    [row] = looked_at(await known(told), plant, THEN)
    # six in the morning by the site's clock
    assert (row["local_hour"], row["shift"], row["hours_into_shift"]) == (6, 0, 0)
    assert (row["shift_hours_next_24h"], row["shift_hours_next_7d"]) == (24, 168)

    closed = {"business_date": (THEN + timedelta(days=1)).date().isoformat(), "label": "it broke"}
    await call("POST", f"{PATH}/{made['id']}/exceptions", closed, 201)
    [row] = looked_at(await known(told), plant, THEN)
    assert row["shift_hours_next_7d"] == 168
    # of the time before anything was told the latest telling speaks, of the time since then each in its time
    now = await moment()
    was, at_told, later = looked_at(await known(now), plant, THEN, told, now)
    assert (was["shift_hours_next_7d"], at_told["shift_hours_next_7d"]) == (144, 168)
    assert later["shift_hours_next_7d"] == 168
    await call("DELETE", f"{PATH}/{made['id']}", status=204)
    gone = looked_at(await known(await moment()), plant, THEN, told)
    assert np.isnan(gone[0]["shift"])
    assert gone[1]["shift_hours_next_7d"] == 168


async def test_a_machine_has_a_pattern_of_its_own_until_another_names_it(known, moment, call, plant):
    await call("POST", PATH, body(*THREE, is_default=True), 201)
    own = await call("POST", PATH, body(("day", "06:00", "14:00"), machines=["M-1"]), 201)
    told = await known(await moment())
    assert [looked_at(told, plant, THEN, machine=each)[0]["shift_hours_next_24h"] for each in range(3)] == [24, 8, 24]
    await call("PUT", f"{PATH}/{own['id']}", body(("day", "06:00", "14:00"), machines=["M-2"]))
    now = await moment()
    told = await known(now)
    rows = [looked_at(told, plant, now, machine=each)[0]["shift_hours_next_24h"] for each in range(3)]
    assert rows == [24, 24, 8]


async def test_the_clock_is_the_organizations_where_no_shifts_are_told(app, known, moment, tenant, plant):
    before = await moment()
    async with app.state.database.transaction() as session:
        named = next(each for each in await identity.organizations(session) if each.id == tenant.organization_id)
        await identity.set_time_zone(session, named.name, "Europe/Istanbul")
    assert looked_at(await known(await moment()), plant, THEN)[0]["local_hour"] == 6
    assert looked_at(await known(before), plant, THEN)[0]["local_hour"] == 3


async def test_an_answer_about_the_past_stays_and_one_of_now_is_computed_anew(
    app, app_client, moment, call, plant, tenant
):
    async def ask(**more):
        asked = {"machine_id": "M-1"} | more
        answer = await app_client.post("/predictions/downtime", json=asked, headers=tenant.worker)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def stands(whose=tenant.organization_id):
        async with app.state.database.transaction() as session:
            return (await standing(session, whose, [plant[1]["id"]], 24)).brought

    then = (NOW - HOUR).isoformat()
    was, now, stood = await ask(as_of=then), await ask(), await stands()
    assert await ask() == now
    made = await call("POST", PATH, body(*THREE, is_default=True), 201)
    assert (after := await ask())["as_of"] > now["as_of"]
    app.state.predictions.answers.forget()
    app.state.predictions.grounds.forget()
    assert await ask(as_of=then) == was
    assert (told := await stands()) != stood
    assert await stands() == told
    # what tells nothing of shifts changes nothing
    await call("POST", "/machines", {"code": "M-9", "name": "x"}, 201)
    assert await stands() == told
    closed = {"business_date": "2026-01-01", "label": "new year"}
    await call("POST", f"{PATH}/{made['id']}/exceptions", closed, 201)
    assert await stands() != told
    assert after["status"] == now["status"]

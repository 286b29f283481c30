"""Shift patterns over HTTP: who follows which, what they look like in time, and what cannot be."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from cloud.machines import service as machines
from cloud.shifts.service import patterns as service

NIGHT = {"name": "night", "start": "22:00", "end": "06:00", "breaks": [{"start": "02:00", "end": "02:30"}]}
PATTERN = {
    "name": "nights",
    "time_zone": "Europe/Berlin",
    "cycle_days": 1,
    "anchor": "2026-10-19",
    "shifts": [NIGHT],
}
PATH = "/shifts/patterns"


@pytest.fixture
def ask(app_client, tenant):
    async def send(method: str, path: str, body: object = None, *, who: str = "planner", status: int = 200, **headers):
        answer = await app_client.request(method, path, json=body, headers=getattr(tenant, who) | headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return send


async def in_time(ask, pattern: dict, first: str, last: str) -> list[tuple]:
    found = await ask("GET", f"{PATH}/{pattern['id']}/occurrences?from={first}&to={last}", who="worker")
    return [(each["business_date"], each["starts_at"], each["ends_at"]) for each in found]


async def test_a_pattern_is_shown_in_time_also_over_the_change_of_the_clock(ask):
    made = await ask("POST", PATH, PATTERN, status=201)
    assert (made["time_zone"], made["is_default"], made["machines"]) == ("Europe/Berlin", False, [])
    assert await in_time(ask, made, "2026-10-24", "2026-10-25") == [
        ("2026-10-24", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"),
        ("2026-10-25", "2026-10-25T21:00:00Z", "2026-10-26T05:00:00Z"),
    ]
    assert await in_time(ask, made, "2026-10-17", "2026-10-18") == []


async def test_a_replaced_pattern_keeps_the_shifts_that_stay_and_takes_the_others_away(ask):
    made = await ask("POST", PATH, PATTERN, status=201)
    query = f"{PATH}/{made['id']}/occurrences?from=2026-10-19&to=2026-10-20"
    before = await ask("GET", query)
    day = {"name": "day", "start": "06:00", "end": "14:00"}
    await ask("PUT", f"{PATH}/{made['id']}", PATTERN | {"shifts": [NIGHT, day]})
    after = await ask("GET", query)
    assert {each["id"] for each in before} < {each["id"] for each in after}
    await ask("PUT", f"{PATH}/{made['id']}", PATTERN | {"shifts": [day]})
    assert {each["name"] for each in await ask("GET", query)} == {"day"}
    await ask("DELETE", f"{PATH}/{made['id']}", status=204)
    assert (await ask("GET", query, status=404))["error_code"] == "SHIFT_PATTERN_NOT_FOUND"


async def test_a_machine_follows_its_own_pattern_and_else_the_default_of_which_there_is_one(ask, app, tenant):
    ids = {
        code: (await ask("POST", "/machines", {"code": code, "name": code}, status=201))["id"] for code in ("A", "B")
    }
    first = await ask("POST", PATH, PATTERN | {"is_default": True}, status=201)
    second = await ask("POST", PATH, PATTERN | {"is_default": True, "machines": ["A"]}, status=201)
    shown = {each["id"]: each for each in await ask("GET", PATH)}
    assert (shown[first["id"]]["is_default"], shown[second["id"]]["is_default"]) == (False, True)
    own = await ask("POST", PATH, PATTERN | {"machines": ["A"]}, status=201)
    async with app.state.database.transaction() as session:
        everybody = await machines.ids(session, tenant.organization_id)
        followed = await service.followed_by(session, tenant.organization_id, everybody)
        marked = set(await session.scalars(text("SELECT machine_id::text FROM mark")))
    expected = {ids["A"]: own["id"], ids["B"]: second["id"]}
    assert {str(machine): pattern for machine, pattern in followed.items()} == expected
    assert set(ids.values()) <= marked


async def test_an_exception_closes_a_day_or_gives_it_other_shifts(ask):
    made = await ask("POST", PATH, PATTERN, status=201)
    path = f"{PATH}/{made['id']}/exceptions"
    short = {"name": "short", "start": "22:00", "end": "23:00"}
    body = {"business_date": "2026-10-29", "kind": "REPLACED", "label": "Cumhuriyet Bayramı", "shifts": [short]}
    told = await ask("POST", path, body, status=201)
    assert await in_time(ask, made, "2026-10-29", "2026-10-29") == [
        ("2026-10-29", "2026-10-29T21:00:00Z", "2026-10-29T22:00:00Z")
    ]
    assert [each["label"] for each in await ask("GET", path)] == ["Cumhuriyet Bayramı"]
    assert (await ask("POST", path, body, status=409))["error_code"] == "SHIFT_EXCEPTION_EXISTS"
    await ask("DELETE", f"{path}/{told['id']}", status=204)
    assert (await ask("DELETE", f"{path}/{told['id']}", status=404))["error_code"] == "SHIFT_EXCEPTION_NOT_FOUND"
    [again] = await in_time(ask, made, "2026-10-29", "2026-10-29")
    assert again[2] == "2026-10-30T05:00:00Z"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"shifts": [NIGHT, {"name": "early", "start": "05:00", "end": "13:00"}]}, "SHIFTS_OVERLAP"),
        ({"shifts": [NIGHT | {"breaks": [{"start": "12:00", "end": "12:30"}]}]}, "BREAK_OUTSIDE_SHIFT"),
        ({"shifts": [NIGHT | {"day": 1}]}, "VALIDATION_ERROR"),
        ({"shifts": [NIGHT, NIGHT]}, "VALIDATION_ERROR"),
        ({"shifts": [NIGHT | {"start": "22:00:30"}]}, "VALIDATION_ERROR"),
        ({"valid_to": "2026-10-01"}, "VALIDATION_ERROR"),
        ({"time_zone": "Mars/Olympus"}, None),
    ],
    ids=["overlap", "break", "day", "repeated", "seconds", "validity", "zone"],
)
async def test_a_pattern_that_cannot_be_is_refused(ask, more, code):
    told = await ask("POST", PATH, PATTERN | more, status=422)
    assert code is None or told["error_code"] == code
    assert await ask("GET", PATH) == []


async def test_a_pattern_is_replaced_as_it_was_seen_and_by_planners_only(ask):
    made = await ask("POST", PATH, PATTERN, status=201)
    await ask("POST", PATH, PATTERN, who="worker", status=403)
    stale = await ask("PUT", f"{PATH}/{made['id']}", PATTERN, status=412, **{"If-Match": '"another"'})
    assert stale["error_code"] == "PRECONDITION_FAILED"


async def look_ahead(app, now: datetime) -> list[bool]:
    async with app.state.database.transaction() as session:
        ending = await service.ending(session, now)
    done = []
    for each in ending:
        async with app.state.database.transaction() as session:
            done.append(await service.look_ahead(session, each, now))
    return done


async def test_the_shifts_ahead_are_shown_before_they_come(app, ask):
    made = await ask("POST", PATH, PATTERN, status=201)
    later = datetime.now(UTC) + timedelta(days=45)
    assert all(await look_ahead(app, later))
    assert await look_ahead(app, later) == []
    day = (later + timedelta(days=50)).date().isoformat()
    assert len(await in_time(ask, made, day, day)) == 1


async def test_a_pattern_that_contradicts_itself_in_days_to_come_holds_up_no_other(app, ask, app_client):
    made = await ask("POST", PATH, PATTERN | {"name": "torn"}, status=201)
    other = await ask("POST", PATH, PATTERN | {"name": "whole"}, status=201)
    # a day that was put in by hand, and that the shift before it runs into, as a restored database may have it
    later = datetime.now(UTC) + timedelta(days=45)
    ahead = (datetime.now(UTC) + timedelta(days=80)).date()
    double = {"name": "double", "day": 0, "start": "00:00", "end": "23:00"}
    shifts = json.dumps([double, {"name": "more", "day": 0, "start": "01:00", "end": "02:00"}])
    async with app.state.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO shift_exception (pattern_id, business_date, kind, label, shifts) "
                "VALUES (:pattern, :day, 'replaced', 'by hand', CAST(:shifts AS jsonb))"
            ),
            {"pattern": made["id"], "day": ahead, "shifts": shifts},
        )
    assert sorted(await look_ahead(app, later)) == [False, True]
    assert len(await in_time(ask, other, ahead.isoformat(), ahead.isoformat())) == 1
    told = {each["name"]: each["trouble"] for each in await ask("GET", PATH)}
    assert told["whole"] is None
    assert "double" in told["torn"]
    shown = (await app_client.get("/metrics")).text
    assert 'tezgah_background_waiting{queue="shifts"} 1.0' in shown
    # it is tried again, and whole again when it is mended
    assert await look_ahead(app, later) == [False]
    async with app.state.database.transaction() as session:
        await session.execute(text("DELETE FROM shift_exception WHERE pattern_id = :it"), {"it": made["id"]})
    assert await look_ahead(app, later) == [True]
    assert {each["trouble"] for each in await ask("GET", PATH)} == {None}

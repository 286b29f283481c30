"""Reports over HTTP: asked for, made in the background, fetched."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from cloud.changes import Operator
from cloud.errors import Invalid
from cloud.joblogs.service import log
from cloud.reports.service import asking, making
from tests.integration.cloud.reports.conftest import shift

PATH = "/analytics/reports"
WINDOW = {"begin": "2026-03-01T00:00:00Z", "end": "2026-05-02T00:00:00Z"}
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def made(app, app_client, tenant):
    """A function that asks for a report, lets it be made, and fetches its file."""

    async def make(**body) -> bytes:
        asked = await app_client.post(PATH, json=WINDOW | body, headers=tenant.planner)
        assert (asked.status_code, asked.json()["status"]) == (202, "queued"), asked.text
        while await making.make_next(app.state.database, NOW):
            pass
        shown = (await app_client.get(f"{PATH}/{asked.json()['id']}", headers=tenant.planner)).json()
        assert (shown["status"], shown["progress"]) == ("done", 1.0), shown
        answer = await app_client.get(shown["content"], headers=tenant.planner)
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        return answer.content

    return make


async def test_a_report_is_grouped_and_its_groups_add_up_to_the_whole(made, plant):
    whole = json.loads(await made(metrics=["parts_produced", "pot_s", "tooling_s"]))["rows"]
    for by in (["machine"], ["operator", "part"], ["day"], ["month", "machine"], ["job", "week"], ["line"]):
        rows = json.loads(await made(metrics=["parts_produced", "pot_s", "tooling_s"], group_by=by))["rows"]
        for metric in ("parts_produced", "pot_s", "tooling_s"):
            assert sum(row[metric] for row in rows) == pytest.approx(whole[0][metric]), by
        assert [tuple(map(str, (row[each] for each in by))) for row in rows] == sorted(
            tuple(map(str, (row[each] for each in by))) for row in rows
        )
    assert whole[0]["parts_produced"] == 180 * 400


async def test_shifts_are_told_by_name_and_business_date(app_client, made, tenant, plant):
    # rows go from 6:00 to 14:00, so an hour of each is the second shift's, and Sundays are nobody's
    clock = {"Day": ("05:00", "13:00"), "Late": ("13:00", "21:00")}
    shifts = [
        {"name": name, "day": day, "start": start, "end": end}
        for day in range(6)
        for name, (start, end) in clock.items()
    ]
    pattern = {"name": "two", "anchor": "2026-03-02", "shifts": shifts, "is_default": True}
    answer = await app_client.post("/shifts/patterns", json=pattern, headers=tenant.planner)
    assert answer.status_code == 201, answer.text
    rows = json.loads(await made(metrics=["pot_s", "parts_produced"], group_by=["shift"]))["rows"]
    found = {row["shift"]: (row["pot_s"], row["parts_produced"]) for row in rows}
    # 60 days from a Monday on, of three machines: 8 Sundays
    assert found == {
        "Day": (52 * 3 * 7 * 3600.0, 0),
        "Late": (52 * 3 * 3600.0, 52 * 3 * 400),
        None: (8 * 3 * 8 * 3600.0, 8 * 3 * 400),
    }
    by_day = json.loads(await made(metrics=["pot_s"], group_by=["day", "shift", "machine"]))["rows"]
    assert by_day[0] == {"day": "2026-03-02", "shift": "Day", "machine": "M-1", "pot_s": 7 * 3600.0}
    assert sum(row["pot_s"] for row in by_day) == 180 * 28800


async def test_filters_leave_rows_out(made, plant):
    only = {"machines": ["M-1", "M-2"], "operators": ["E-0"]}
    [row] = json.loads(await made(metrics=["parts_produced"], filters=only))["rows"]
    assert row["parts_produced"] == 60 * 400


async def test_a_machine_that_nobody_has_is_named_and_no_empty_report_is_made(app_client, tenant, new_tenant, plant):
    theirs = await app_client.post("/machines", json={"code": "M-9", "name": "x"}, headers=(await new_tenant()).admin)
    for code in ("M-9", theirs.json()["id"]):
        body = {"metrics": ["oee"], "filters": {"machines": ["M-1", code]}}
        answer = await app_client.post(PATH, json=body, headers=tenant.planner)
        assert (answer.status_code, code in answer.json()["detail"]) == (404, True), answer.text


async def test_the_language_of_the_caller_is_that_of_heads_and_numbers(app, app_client, tenant, plant):
    body = WINDOW | {"metrics": ["availability", "oee"], "group_by": ["machine"], "format": "csv"}
    asked = await app_client.post(PATH, json=body, headers=tenant.planner | {"Accept-Language": "tr"})
    assert await making.make_next(app.state.database, NOW)
    answer = await app_client.get(f"{PATH}/{asked.json()['id']}/content", headers=tenant.planner)
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Makine", "Kullanılabilirlik", "OEE"]
    assert rows[1][0] == "M-1"
    assert rows[1][1].startswith("0,")
    # nobody counted scrap, so nothing is said of OEE
    assert rows[1][2] == ""


@pytest.mark.parametrize(("format_", "start"), [("xlsx", b"PK"), ("pdf", b"%PDF"), ("PDF", b"%PDF")])
async def test_workbooks_and_documents_are_made(made, plant, format_, start):
    content = await made(metrics=["availability", "parts_produced"], group_by=["day"], format=format_)
    assert content.startswith(start)


async def test_a_hostile_name_is_no_formula(app, made, tenant, plant):
    evil = shift(1, 3, 1)
    async with app.state.database.transaction() as session:
        from dataclasses import replace

        row = replace(evil, part_number="=1+1", source_id="evil")
        await log.bring(session, Operator(tenant.organization_id), "evil", [row])
    content = (await made(metrics=["parts_produced"], group_by=["part"], format="csv")).decode("utf-8-sig")
    assert "'=1+1,400" in content.splitlines()


async def test_a_report_that_cannot_be_made_says_why(app, app_client, tenant, plant):
    long = {"metrics": ["oee"], "begin": "2001-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z", "language": "tr"}
    asked = (await app_client.post(PATH, json=long, headers=tenant.planner)).json()
    assert await making.make_next(app.state.database, NOW)
    shown = (await app_client.get(f"{PATH}/{asked['id']}", headers=tenant.planner)).json()
    assert shown["status"] == "failed"
    assert "günden uzun" in shown["problem"]
    missing = await app_client.get(f"{PATH}/{asked['id']}/content", headers=tenant.planner)
    assert (missing.status_code, missing.json()["error_code"]) == (409, "REPORT_NOT_DONE")


async def test_one_whose_maker_died_is_made_again_and_given_up_after_three_times(app, app_client, tenant, plant):
    asked = (await app_client.post(PATH, json={"metrics": ["pot_s"]}, headers=tenant.planner)).json()

    async def left_behind(attempts: int) -> None:
        async with app.state.database.transaction() as session:
            dead = text("UPDATE report SET status = 'running', beat_at = :beat, attempts = :n WHERE id = :it")
            await session.execute(dead, {"beat": NOW, "n": attempts, "it": asked["id"]})

    await left_behind(1)
    assert not await making.make_next(app.state.database, NOW + timedelta(minutes=1))
    assert await making.make_next(app.state.database, NOW + timedelta(minutes=6))
    assert (await app_client.get(f"{PATH}/{asked['id']}", headers=tenant.planner)).json()["status"] == "done"
    await left_behind(3)
    assert not await making.make_next(app.state.database, NOW + timedelta(minutes=6))
    shown = (await app_client.get(f"{PATH}/{asked['id']}", headers=tenant.planner)).json()
    assert (shown["status"], "ended 3 times" in shown["problem"]) == ("failed", True)


async def test_one_that_is_under_way_says_so_by_the_clock_and_is_not_made_twice(app, app_client, tenant, plant):
    asked = (await app_client.post(PATH, json={"metrics": ["pot_s"]}, headers=tenant.planner)).json()
    assert await making.make_next(app.state.database, NOW)
    async with app.state.database.reading() as session:
        times = text("SELECT beat_at, finished_at FROM report WHERE id = :it")
        beat_at, finished_at = (await session.execute(times, {"it": asked["id"]})).one()
    # not when it was begun: a long one would look as if its maker were gone
    assert NOW < beat_at <= finished_at


async def test_one_that_cannot_be_understood_fails_at_once_and_holds_up_no_other(app, app_client, tenant, plant):
    asked = (await app_client.post(PATH, json={"metrics": ["pot_s"]}, headers=tenant.planner)).json()
    async with app.state.database.transaction() as session:
        other = """UPDATE report SET asked = jsonb_set(asked, '{metrics}', '["luck"]') WHERE id = :it"""
        await session.execute(text(other), {"it": asked["id"]})
    assert await making.make_next(app.state.database, NOW)
    shown = (await app_client.get(f"{PATH}/{asked['id']}", headers=tenant.planner)).json()
    assert (shown["status"], "this is a defect" in shown["problem"]) == ("failed", True)


def test_a_sheet_that_nobody_could_open_is_refused_and_never_cut_short():
    making.require_openable(making.MOST_ROWS)
    with pytest.raises(Invalid, match="100001 rows"):
        making.require_openable(making.MOST_ROWS + 1)


async def test_two_makers_make_two_reports(app, app_client, tenant, plant):
    for _ in range(2):
        await app_client.post(PATH, json={"metrics": ["pot_s"]}, headers=tenant.planner)
    both = await asyncio.gather(*(making.make_next(app.state.database, NOW) for _ in range(2)))
    assert both == [True, True]
    listed = (await app_client.get(PATH, headers=tenant.planner)).json()
    assert [each["status"] for each in listed] == ["done", "done"]


async def test_old_reports_are_forgotten_and_nobody_sees_anothers(app, app_client, tenant, new_tenant, plant):
    asked = (await app_client.post(PATH, json={"metrics": ["pot_s"]}, headers=tenant.planner)).json()
    path = f"{PATH}/{asked['id']}"
    stranger = await app_client.get(path, headers=(await new_tenant()).admin)
    assert (stranger.status_code, stranger.json()["error_code"]) == (404, "REPORT_NOT_FOUND")
    await making.forget_old(app.state.database, datetime.now(UTC))
    assert (await app_client.get(path, headers=tenant.planner)).status_code == 200
    await making.forget_old(app.state.database, datetime.now(UTC) + timedelta(days=8))
    assert (await app_client.get(path, headers=tenant.planner)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": []},
        {"metrics": ["luck"]},
        {"group_by": ["day", "week"]},
        {"group_by": ["machine", "machine"]},
        {"group_by": ["moon"]},
        {"format": "doc"},
        {"begin": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
        {"filters": {"colours": ["red"]}},
    ],
    ids=str,
)
async def test_what_cannot_be_a_report_is_refused(app_client, tenant, wrong):
    answer = await app_client.post(PATH, json={"metrics": ["oee"]} | wrong, headers=tenant.planner)
    assert answer.status_code == 422, answer.text


async def test_an_organization_may_not_fill_the_queue(app_client, tenant):
    for _ in range(asking.MOST_WAITING):
        assert (await app_client.post(PATH, json={"metrics": ["oee"]}, headers=tenant.planner)).status_code == 202
    many = await app_client.post(PATH, json={"metrics": ["oee"]}, headers=tenant.planner)
    assert (many.status_code, many.json()["error_code"]) == (429, "REPORTS_TOO_MANY")

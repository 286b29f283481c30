"""The OEE of a part, an order, a job, an operator and a shift; and reports of the same by the ledger."""

import io
import json

import openpyxl
import pytest

from cloud.reports.service import making
from tests.integration.cloud.analytics.test_figures import DAY, run
from tests.integration.cloud.production.test_deriving import (
    MINUTE,
    ask,
    derived,
    gateway,
    machines,
    new_gateway,
    ran,
    utc,
)
from tests.integration.cloud.telemetry.sender import NOON

__all__ = ["ask", "gateway", "machines", "new_gateway", "run"]

NOW = utc(NOON + 120 * MINUTE)


@pytest.fixture
async def worked_on(run, ask, app_client, tenant, machines) -> dict[str, int]:
    """An order for K-1 that Ali ran on P-1 from 12:20 to 13:40, a line away from P-2."""
    await ask("PATCH", "/machines/P-1", {"location": "Hall 1"})
    await ask("POST", "/parts", {"part_number": "K-1", "part_name": "Cap", "standard_cycle_time": 5}, status=201)
    me = (await app_client.get("/auth/me", headers=tenant.worker)).json()
    person = {"emp_id": "E-7", "operator_name": "Ali", "skill_level": "EXPERT", "user_id": me["id"]}
    await ask("POST", "/operators", person, status=201)
    window = {"planned_start": "2026-11-20T08:00:00Z", "planned_end": "2026-11-20T20:00:00Z"}
    stage = {"stage_name": "mould", "machine": "P-1", **window}
    body = {"product_code": "K", "lot_no": "1", "qty": 900, "part_number": "K-1", "job_number": "J/1"}
    order = await ask("POST", "/workorders/", body | window | {"stages": [stage]}, status=201)
    [stage] = await ask("GET", f"/workorders/{order['id']}/stages")
    await ask("POST", f"/stages/{stage['id']}/assignments", {"user_id": me["id"]}, status=201)
    await ran(run, stage["id"], 20, 100)
    await run.query(
        "INSERT INTO mark (machine_id, from_at, to_at) SELECT id, :begin, :end FROM machine "
        "WHERE id = CAST(:machine AS uuid) AND :gateway IS NOT NULL RETURNING 1",
        machine=machines["P-1"],
        begin=utc(NOON),
        end=NOW,
    )
    await derived(run, NOW)
    return {"order": order["id"], "stage": stage["id"]}


@pytest.mark.parametrize("of", ["part_number=K-1", "job_number=J/1", "work_order_id={order}", "emp_id=E-7"])
async def test_the_oee_of_work_is_that_of_the_time_in_which_it_ran(worked_on, ask, of):
    told = await ask("GET", f"/oee?{of.format(**worked_on)}&by=shift&{DAY}")
    # 80 minutes, of which 30 are a break: 30 to 40 it was broken, the rest it ran
    elements = told["total"]["elements"]
    assert (elements["pbt_s"], elements["apt_s"], elements["adet_s"], elements["pdot_s"]) == (3000, 2400, 600, 1800)
    assert [(each["shift"], each["elements"]["pbt_s"]) for each in told["buckets"]] == [("early", 3000)]
    assert [(each["machine"], each["elements"]["apt_s"]) for each in told["machines"]] == [("P-1", 2400)]
    # any window, to the second
    part = "from=2026-11-20T12:35:30Z&to=2026-11-20T12:50:00Z"
    cut = await ask("GET", f"/oee?{of.format(**worked_on)}&{part}")
    assert (cut["total"]["elements"]["adet_s"], cut["total"]["elements"]["apt_s"]) == (270, 600)


async def test_what_comes_late_raises_the_revision_of_whatever_is_of_that_time(worked_on, run, ask):
    paths = ("/oee?part_number=K-1&", "/machines/P-1/oee/explain?", "/machines/P-1/oee?", "/oee?emp_id=E-7&by=shift&")
    others = tuple(
        f"{path}?{DAY}" for path in ("/machines/P-1/downtime", "/parts/K-1/performance", "/operators/E-7/performance")
    )

    async def revisions() -> list[int]:
        found = [(await ask("GET", path + DAY))["total"]["revision"] for path in paths]
        return found + [(await ask("GET", path))["revision"] for path in others]

    before = await revisions()
    late = {"state": "faulted", "from": "2026-11-20T13:10:00Z", "to": "2026-11-20T13:15:00Z"}
    await ask("POST", "/machines/P-1/states", late, status=201)
    await derived(run, NOW)
    assert all(was < now for was, now in zip(before, await revisions(), strict=True))


async def test_the_oee_of_nothing_is_nothing_and_of_somebody_else_not_for_workers(worked_on, ask):
    assert (await ask("GET", f"/oee?part_number=no&{DAY}"))["total"]["oee"] is None
    assert (await ask("GET", f"/oee?emp_id=E-7&{DAY}", who="worker"))["machines"] != []
    await ask("POST", "/operators", {"emp_id": "E-8", "operator_name": "Ayşe", "skill_level": "BEGINNER"}, status=201)
    assert (await ask("GET", f"/oee?emp_id=E-8&{DAY}", who="worker", status=403))["error_code"]
    assert (await ask("GET", f"/oee?part_number=K-1&by=hour&{DAY}", status=422))["error_code"] == "GRAIN_TOO_FINE"


async def test_the_oee_of_a_shift_is_that_of_its_hours(run, ask):
    early = await ask("GET", f"/oee?shift=early&{DAY}")
    late = await ask("GET", f"/oee?shift=late&{DAY}")
    assert (early["total"]["elements"]["pbt_s"], late["total"]["elements"]["pbt_s"]) == (5400, 0)
    assert early["total"]["oee"] == (await ask("GET", f"/machines/P-1/oee?by=shift&{DAY}"))["oee"]


async def test_a_report_by_the_ledger_is_grouped_and_adds_up_to_the_whole(app, app_client, tenant, worked_on, ask):
    metrics = ["pbt_s", "apt_s", "good_pieces", "scrap_pieces", "failures", "oee", "quality", "parts_produced"]

    async def file(**more) -> bytes:
        body = {"metrics": metrics, "begin": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00Z", **more}
        asked = await app_client.post("/analytics/reports", json=body, headers=tenant.planner)
        while await making.make_next(app.state.database, NOW):
            pass
        content = await app_client.get(f"/analytics/reports/{asked.json()['id']}/content", headers=tenant.planner)
        return content.content

    async def report(**more) -> dict:
        return json.loads(await file(**more))

    whole = await report()
    assert whole["about"]["Source"] == "ledger"
    [row] = whole["rows"]
    told = (await ask("GET", f"/oee?by=shift&{DAY}"))["total"]
    assert (row["pbt_s"], row["good_pieces"], row["scrap_pieces"]) == (5400, 200, 20)
    assert (row["oee"], row["quality"], row["failures"]) == (told["oee"], told["quality"], 1)
    # pieces and failures are counted: 200, and not 200.0
    assert [type(row[each]) for each in ("good_pieces", "scrap_pieces", "failures", "parts_produced")] == [int] * 4
    english = await file(metrics=["good_pieces", "failures", "pbt_s"], format="csv", language="en")
    assert english.decode("utf-8-sig").splitlines()[1] == "200,1,5400"
    book = openpyxl.load_workbook(io.BytesIO(await file(metrics=["good_pieces", "failures"], format="xlsx")))
    assert [(cell.value, cell.number_format) for cell in book.worksheets[0][2]] == [(200, "#,##0"), (1, "#,##0")]
    trend = f"metric=good_pieces&{DAY}"
    answer = await app_client.get(f"/analytics/trends?{trend}", headers=tenant.planner)
    assert '"value":200}' in answer.text
    groups = {
        "machine": ["P-1"],
        "line": ["Hall 1"],
        "part": ["K-1", None],
        "operator": ["E-7", None],
        "job": ["J/1", None],
        "shift": ["early"],
        "day": ["2026-11-20"],
    }
    for by, keys in groups.items():
        rows = (await report(group_by=[by]))["rows"]
        assert [each[by] for each in rows] == keys
        for metric in ("pbt_s", "apt_s", "good_pieces", "scrap_pieces", "failures", "parts_produced"):
            assert sum(each[metric] for each in rows) == row[metric], (by, metric)
    [only] = (await report(group_by=["part"], filters={"parts": ["K-1"]}))["rows"]
    assert (only["part"], only["pbt_s"], only["failures"]) == ("K-1", 3000, 1)
    assert (await report(filters={"operators": ["nobody"]}))["rows"] == []
    assert (await report(by="joblog"))["rows"] == []

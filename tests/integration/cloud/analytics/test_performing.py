"""How operators, jobs and parts did, where orders ran, a job log tells of the same time, or work is done by hand."""

from datetime import timedelta

import pytest

from cloud.changes import Operator
from cloud.imports.joblog import ledger
from cloud.joblogs.service import log
from tests.integration.cloud.analytics.test_figures import run
from tests.integration.cloud.analytics.test_of_work import NOW, worked_on
from tests.integration.cloud.joblogs.test_joblogs import entry
from tests.integration.cloud.predictions.plants import statements
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

__all__ = ["ask", "gateway", "machines", "new_gateway", "run", "worked_on"]

HOUR = timedelta(hours=1)
NO_PIECES = {"good": 0, "scrap": 0, "rework": 0, "startup": 0, "not_judged": 0, "overtime": 0}
OF = ["/operators/E-7/performance", "/jobs/J%2F1/performance", "/parts/K-1/performance"]


async def logged(run, tenant, number: int, hour: int, machine: str, pieces: int) -> None:
    """Have a job log tell of an hour of J/1 for K-1 by E-7, all of it running."""
    start = utc(NOON) + hour * HOUR
    named = {"machine": machine, "job_number": "J/1", "part_number": "K-1", "emp_id": "E-7", "flags": []}
    row = entry(
        number, start_time=start, end_time=start + HOUR, parts_produced=pieces, seconds={"running": 3600.0}, **named
    )
    async with run.database.transaction() as session:
        await log.bring(session, Operator(tenant.organization_id), "log", [row])
        await ledger.tell(session, tenant.organization_id, "log", [row], NOW)


async def an_order_on(run, ask, machine: str | None, start: int, end: int) -> int:
    """Have an order of J/1 for K-1 run on a machine, or on none, some minutes after noon."""
    window = {"planned_start": "2026-11-20T08:00:00Z", "planned_end": "2026-11-20T20:00:00Z"}
    stage = {"stage_name": "mould", **window} | ({} if machine is None else {"machine": machine})
    body = {"product_code": "K", "lot_no": f"{machine}", "qty": 900, "part_number": "K-1", "job_number": "J/1"}
    order = await ask("POST", "/workorders/", body | window | {"stages": [stage]}, status=201)
    [made] = await ask("GET", f"/workorders/{order['id']}/stages")
    await ran(run, made["id"], start, end)
    return made["id"]


@pytest.mark.parametrize("path", OF)
async def test_what_ran_as_an_order_is_told_without_a_job_log(worked_on, ask, path):
    if "jobs" in path:
        await ask("POST", "/jobs", {"job_number": "J/1", "quantity_ordered": 900}, status=201)
    told = await ask("GET", path)
    times = told["times_s"]
    # from 12:20 to 13:40, of which 30 minutes are a break: 10 it was broken, the rest it ran
    assert (times["pbt"], times["apt"], times["adet"], times["pdot"], times["pot"]) == (3000, 2400, 600, 1800, 4800)
    assert (told["source"], told["rows"], told["pieces"]) == ("ledger", 0, NO_PIECES | {"overtime": 300})
    assert [(each["key"], each["times_s"]["pot"]) for each in told["by_source"]] == [("orders", 4800)]
    assert [(each["key"], each["parts_produced"]) for each in told["by_machine"]] == [("P-1", 300)]
    assert told["begin"] == "2026-11-20T12:20:00Z"
    # any window, to the second; and the job log knows nothing of it
    cut = await ask("GET", f"{path}?from=2026-11-20T12:35:30Z&to=2026-11-20T12:50:00Z")
    assert (cut["times_s"]["adet"], cut["times_s"]["apt"]) == (270, 600)
    rows = await ask("GET", f"{path}?by=joblog")
    assert (rows["source"], rows["times_s"]["pot"], rows["by_source"]) == ("joblog", 0, [])
    before = await ask("GET", f"{path}?to=2026-11-20T12:00:00Z")
    assert (before["source"], before["times_s"]["pot"]) == ("joblog", 0)
    assert (await ask("GET", f"{path}?from=2024-11-20T12:00:00Z", status=422))["error_code"] == "RANGE_TOO_LONG"


async def test_what_a_job_log_and_orders_both_tell_is_counted_once(run, worked_on, ask, tenant):
    await ask("POST", "/machines", {"code": "P-3", "name": "P-3"}, who="admin", status=201)
    stage = await an_order_on(run, ask, "P-3", -90, 0)
    for number, (hour, machine, pieces) in enumerate([(-3, "P-3", 60), (-1, "P-3", 40), (0, "P-1", 50)], 1):
        await logged(run, tenant, number, hour, machine, pieces)
    await derived(run, NOW)
    path = "/jobs/J%2F1/performance"
    both = await ask("GET", path)
    # nobody told of the order's pieces on P-3 but the job log; P-1 has a counter
    assert both["pieces"] == NO_PIECES | {"not_judged": 100, "overtime": 300}
    report = {"kind": "good", "quantity": 45, "occurred_at": utc(NOON - 80 * MINUTE).isoformat()}
    await ask("POST", f"/stages/{stage}/production", report, status=201)
    await derived(run, NOW)
    both = await ask("GET", path)
    assert (both["pieces"]["good"], both["pieces"]["not_judged"]) == (45, 60)
    assert (both["source"], both["times_s"]["pot"]) == ("ledger", 100 * 60 + 3600 + 5400)
    sources = {each["key"]: (each["times_s"]["pot"], each["parts_produced"]) for each in both["by_source"]}
    assert sources == {"orders": (4800 + 5400, 345), "joblog": (1200 + 3600, 60)}
    # the hours' facts say the same: what people told of later was taken into them
    [third] = [
        each
        for each in (await ask("GET", "/oee?by=hour&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z"))["machines"]
        if each["machine"] == "P-3"
    ]
    assert (third["pieces"]["good"], third["pieces"]["not_judged"]) == (45, 60)
    # whoever is assigned to nothing did what the job log says of him
    operator = await ask("GET", "/operators/E-7/performance")
    assert {each["key"]: each["times_s"]["pot"] for each in operator["by_machine"]} == {"P-1": 6000, "P-3": 7200}
    history = await ask("GET", "/parts/K-1/production-history?bucket=month")
    assert [(each["period"], each["parts_produced"]) for each in history["periods"]] == [("2026-11-01", 405)]
    assert (await ask("GET", f"{path}?by=joblog"))["parts_produced"] == 150


async def test_only_shifts_in_which_somebody_worked_are_read(run, ask, tenant, app):
    await ask("POST", "/machines", {"code": "P-3", "name": "P-3"}, who="admin", status=201)
    doing = {"from": (utc(NOON) - 80 * HOUR).isoformat(), "to": utc(NOON).isoformat(), "state": "producing"}
    await ask("POST", "/machines/P-3/states", doing, status=201)
    for number, hour in ((1, -72), (2, -24)):
        await logged(run, tenant, number, hour, "P-3", 10)
    await derived(run, NOW)
    with statements(app.state.database.engine.sync_engine) as said:
        told = await ask("GET", "/operators/E-7/performance?by=ledger&from=2026-11-17T06:00:00Z")
    assert (told["times_s"]["pot"], told["parts_produced"]) == (7200, 20)
    [asked] = [given for statement, given in said if "FROM piece_count JOIN tag" in statement]
    # 06:00 to 14:00 of the 17th and of the 19th, and nothing of the two days between
    assert list(zip(asked["starts"], asked["ends"], strict=True)) == [
        (utc(NOON) - before * HOUR, utc(NOON) - (before - 8) * HOUR) for before in (78, 30)
    ]


async def test_what_no_machine_makes_is_in_the_pieces(run, worked_on, ask):
    await ask("POST", "/jobs", {"job_number": "J/1", "quantity_ordered": 50}, status=201)
    stage = await an_order_on(run, ask, None, 30, 90)
    for kind, quantity in (("good", 20), ("scrap", 3)):
        report = {"kind": kind, "quantity": quantity, "occurred_at": utc(NOON + 60 * MINUTE).isoformat()}
        await ask("POST", f"/stages/{stage}/production", report, status=201)
    told = await ask("GET", "/jobs/J%2F1/performance")
    assert (told["pieces"]["good"], told["pieces"]["scrap"], told["parts_produced"]) == (20, 3, 323)
    # 20 of the order by hand, and 300 that the counter counted in the other's break
    assert told["completion_percent"] == 640
    assert [(each["key"], each["parts_produced"]) for each in told["by_machine"]] == [("P-1", 300), (None, 23)]
    assert told["times_s"]["pot"] == 4800

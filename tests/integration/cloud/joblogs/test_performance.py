"""How operators, jobs and parts did, by a job log small enough to reckon by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.changes import Operator
from cloud.identity.schemas import Role
from cloud.joblogs.schemas import JobState
from cloud.joblogs.service import log as service
from tests.integration.cloud.joblogs.test_joblogs import entry

SIX = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def worked(number: int, start: datetime, machine: str = "M-1", **over):
    fixed = {"machine": machine, "start_time": start, "end_time": start + HOUR, "emp_id": "E-1", "flags": []}
    return entry(number, **(fixed | over))


@pytest.fixture
async def log(app, app_client, tenant) -> None:
    rows = [
        worked(1, SIX, seconds={"running": 3000.0, "setup": 600.0}, parts_produced=50),
        worked(
            2, SIX + HOUR, seconds={"running": 2400.0, "tooling": 600.0, "break_shift_change": 540.0}, parts_produced=40
        ),
        worked(3, SIX + HOUR, "M-2", emp_id="E-2", seconds={"running": 3600.0}, parts_produced=60, part_number="P-2"),
        worked(
            4, SIX + timedelta(hours=14, minutes=30), op_number="20", seconds={"running": 3600.0}, parts_produced=70
        ),
        worked(5, SIX + timedelta(days=1), state=JobState.OPENED, end_time=None, job_duration_s=None),
    ]
    async with app.state.database.transaction() as session:
        await service.bring(session, Operator(tenant.organization_id), "test", rows)
    standard = {"standard_cycle_time": 45}
    assert (await app_client.patch("/parts/P-1", json=standard, headers=tenant.planner)).status_code == 200


async def asked(app_client, headers, path, **params) -> dict:
    answer = await app_client.get(path, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_operators_figures_are_sums_of_his_rows(app_client, tenant, log):
    shown = await asked(app_client, tenant.planner, "/operators/E-1/performance")
    assert (shown["rows"], shown["open_rows"], shown["parts_produced"]) == (3, 1, 160)
    # 60 s of the second row are in no column; its break is planned
    assert shown["times_s"] == {
        "pot": 10800.0,
        "pbt": 10260.0,
        "apt": 9000.0,
        "aust": 600.0,
        "adet": 600.0,
        "adot": 0.0,
        "unknown": 60.0,
        "pdot": 540.0,
    }
    assert shown["availability"] == pytest.approx(9000 / 10260, abs=1e-12)
    assert shown["effectiveness"] == pytest.approx(160 * 45 / 9000, abs=1e-12)
    assert shown["coverage"] == pytest.approx(10200 / 10260, abs=1e-12)
    assert (shown["quality"], shown["oee"], shown["quality_basis"]) == (None, None, "not_measured")
    assert sum(shown["losses_s"].values()) == pytest.approx(shown["times_s"]["pbt"])
    assert (shown["policy"], shown["source"], shown["revision"]) == ("iso22400", "joblog", 1)
    assert [(each["key"], each["rows"]) for each in shown["by_machine"]] == [("M-1", 3)]


async def test_a_plant_that_takes_its_pieces_for_good_has_an_oee(app_client, tenant, log):
    kept = await app_client.put("/oee/policies/trusting", json={"missing_quality": "good"}, headers=tenant.planner)
    assert kept.status_code == 200, kept.text
    shown = await asked(app_client, tenant.planner, "/operators/E-1/performance", policy="trusting")
    assert (shown["policy"], shown["quality"], shown["quality_basis"]) == ("trusting", 1.0, "assumed_good")
    assert shown["oee"] == pytest.approx(160 * 45 / 10260, abs=1e-12)
    answer = await app_client.get("/operators/E-1/performance?policy=no", headers=tenant.planner)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "POLICY_NOT_FOUND")


async def test_a_window_cuts_the_rows_and_a_partition_of_it_gives_the_same(app_client, tenant, log):
    path = "/operators/E-1/performance"
    whole = await asked(app_client, tenant.planner, path)
    edges = ["2026-03-02T06:00:00Z", "2026-03-02T06:50:00Z", "2026-03-02T07:20:00Z", "2026-03-04T00:00:00Z"]
    parts = [await asked(app_client, tenant.planner, path, **{"from": edges[n], "to": edges[n + 1]}) for n in range(3)]
    for name in whole["times_s"]:
        assert sum(part["times_s"][name] for part in parts) == pytest.approx(whole["times_s"][name])
    assert sum(part["parts_produced"] for part in parts) == whole["parts_produced"]
    # columns are laid one after the other, setup first, so this cut leaves it whole
    assert parts[0]["times_s"]["aust"] == 600


async def test_a_job_says_how_far_it_is_and_who_did_what(app_client, tenant, log):
    job = {"quantity_ordered": 440, "estimated_hours": 5, "due_date": "2026-03-02T08:00:00Z"}
    assert (await app_client.patch("/jobs/J%2F1", json=job, headers=tenant.planner)).status_code == 200
    path = "/jobs/J%2F1/performance"
    shown = await asked(app_client, tenant.planner, path)
    assert (shown["parts_produced"], shown["completion_percent"]) == (220, 50.0)
    assert (shown["actual_hours"], shown["estimated_hours"], shown["is_late"]) == (4.0, 5.0, True)
    assert [(each["key"], each["parts_produced"]) for each in shown["by_operation"]] == [("10", 150), ("20", 70)]
    assert {each["key"] for each in shown["by_operator"]} == {"E-1", "E-2"}
    # 60 pieces of P-2 have no standard, so nothing is said of the speed of all
    assert (shown["without_ideal_cycle"], shown["effectiveness"]) == (60, None)
    assert (await asked(app_client, tenant.worker, path))["by_operator"] == []
    versioned = await asked(app_client, tenant.worker, f"/api/v1{path}")
    assert versioned["data"]["parts_produced"] == 220


async def test_a_parts_history_is_by_the_plants_own_days(app, app_client, tenant, log):
    path = "/parts/P-1/production-history"
    utc = await asked(app_client, tenant.planner, path)
    assert [(each["period"], each["parts_produced"]) for each in utc["periods"]] == [("2026-03-02", 160)]
    async with app.state.database.transaction() as session:
        from sqlalchemy import text

        zone = text("UPDATE organization SET time_zone = 'Europe/Istanbul' WHERE id = :it")
        await session.execute(zone, {"it": tenant.organization_id})
    local = await asked(app_client, tenant.planner, path)
    # the last row goes from 23:30 to 0:30 there; its pieces are of its end
    assert [(each["period"], each["parts_produced"], each["times_s"]["pot"]) for each in local["periods"]] == [
        ("2026-03-02", 90, 9000.0),
        ("2026-03-03", 70, 1800.0),
    ]
    assert local["mean_cycle_s"] == pytest.approx(9000 / 160)
    month = await asked(app_client, tenant.planner, path, bucket="month")
    assert [(each["period"], each["rows"]) for each in month["periods"]] == [("2026-03-01", 3)]


async def test_an_ideal_cycle_of_the_machine_counts_from_its_day_on(app_client, tenant, log):
    cycle = {"machine": "M-1", "ideal_cycle_s": 90, "valid_from": "2026-03-02"}
    later = {"machine": "M-1", "ideal_cycle_s": 9, "valid_from": "2026-03-03"}
    for body in (cycle, later):
        made = await app_client.post("/parts/P-1/ideal-cycles", json=body, headers=tenant.planner)
        assert made.status_code == 201
    shown = await asked(app_client, tenant.planner, "/operators/E-1/performance")
    assert (shown["effectiveness"], shown["performance"], shown["standard_suspect"]) == (1.6, 1.0, True)


async def test_a_worker_sees_his_own_work_only(app_client, tenant, new_tenant, log):
    refused = await app_client.get("/operators/E-1/performance", headers=tenant.worker | {"Accept-Language": "tr"})
    assert (refused.status_code, refused.json()["error_code"]) == (403, "ANOTHERS_WORK")
    him = {"user_id": tenant.callers[Role.WORKER].user_id}
    assert (await app_client.patch("/operators/E-1", json=him, headers=tenant.admin)).status_code == 200
    assert (await app_client.get("/operators/E-1/performance", headers=tenant.worker)).status_code == 200
    stranger = await app_client.get("/operators/E-1/performance", headers=(await new_tenant()).admin)
    assert stranger.status_code == 404


async def test_who_did_nothing_has_no_figures_and_a_window_must_go_forward(app_client, tenant):
    await app_client.post("/operators", json={"emp_id": "E-9", "operator_name": "New"}, headers=tenant.planner)
    shown = await asked(app_client, tenant.planner, "/operators/E-9/performance", policy="tpm")
    assert (shown["rows"], shown["availability"], shown["begin"], shown["policy"]) == (0, None, None, "tpm")
    assert shown["quality_basis"] == "no_pieces"
    window = {"from": "2026-03-02T08:00:00Z", "to": "2026-03-02T08:00:00Z"}
    answer = await app_client.get("/operators/E-9/performance", params=window, headers=tenant.planner)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "WINDOW_BACKWARDS")

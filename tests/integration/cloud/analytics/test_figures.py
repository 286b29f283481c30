"""OEE, downtime and a machine's data over HTTP, from what its gateway sent."""

from itertools import pairwise

import pytest
from sqlalchemy import text

from cloud.identity import service as identity
from cloud.kpi.ledger import LedgerBroken
from cloud.reports.service import making
from shared.reading import concatenate
from tests.integration.cloud.production.test_deriving import (
    GOOD,
    MINUTE,
    OWN,
    REJECT,
    STATE,
    TAGS,
    ask,
    derived,
    gateway,
    machines,
    new_gateway,
    says,
    utc,
)
from tests.integration.cloud.telemetry.sender import NOON

__all__ = ["ask", "gateway", "machines", "new_gateway"]

DAY = "from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z"
# UTC, as the test's organization
PATTERN = {
    "name": "days",
    "cycle_days": 1,
    "anchor": "2026-11-16",
    "is_default": True,
    "shifts": [
        {"name": "early", "start": "06:00", "end": "14:00", "breaks": [{"start": "13:00", "end": "13:30"}]},
        {"name": "late", "start": "14:00", "end": "22:00"},
    ],
}
# two hours: ran 100 minutes, stood 20; 500 good and 20 rejected pieces of 10 s, 300 of them told in the break
SAID = [
    says(STATE, (0, "producing"), (30, "faulted"), (40, "producing"), (100, "idle"), (110, "producing"), (120, "off")),
    says(GOOD, (0, 0), (60, 300), (119, 500)),
    says(REJECT, (0, 0), (119, 20)),
]


@pytest.fixture
async def run(gateway, ask):
    await ask("POST", "/shifts/patterns", PATTERN, status=201)
    await gateway.send(concatenate(SAID), tags=TAGS)
    await gateway.query(
        "UPDATE gateway SET last_seen = :at WHERE id = :gateway RETURNING 1", at=utc(NOON + 120 * MINUTE)
    )
    await derived(gateway, utc(NOON + 120 * MINUTE))
    return gateway


async def test_a_machines_oee_by_shift_is_what_one_reckons_by_hand(run, ask):
    told = await ask("GET", f"/machines/P-1/oee?by=shift&{DAY}", who="worker")
    [early] = told["buckets"]
    assert (early["shift"], early["business_date"], early["start"]) == ("early", "2026-11-20", "2026-11-20T06:00:00Z")
    # from 12:00, when it was first heard of, to 14:00, without the break: 70 minutes run, 10 broken, 10 idle
    assert (early["elements"]["pbt_s"], early["elements"]["apt_s"], early["elements"]["pdot_s"]) == (5400, 4200, 1800)
    assert (early["pieces"]["good"], early["pieces"]["scrap"], early["pieces"]["overtime"]) == (200, 20, 300)
    assert early["oee"] == pytest.approx(200 * 10 / 5400)
    assert early["availability"] * early["effectiveness"] * early["quality"] == pytest.approx(early["oee"])
    assert early["coverage"] == 1
    assert (early["oee_lower"], early["oee_upper"]) == (early["oee"], early["oee"])
    assert sum(early["losses_s"].values()) == 5400
    assert early["reliability"]["failures"] == 1
    assert (told["oee"], told["policy"], told["planned_by"]) == (early["oee"], "iso22400", "shifts")
    assert told["as_of"] == "2026-11-20T14:00:00Z"


@pytest.mark.parametrize(("by", "buckets"), [("hour", 2), ("shift", 1), ("DAY", 1), ("week", 1), ("month", 1)])
async def test_periods_add_up_to_the_same(run, ask, by, buckets):
    told = await ask("GET", f"/machines/P-1/oee?by={by}&{DAY}")
    assert len(told["buckets"]) == buckets
    for name in ("apt_s", "pbt_s", "adot_s"):
        assert sum(each["elements"][name] for each in told["buckets"]) == told["total"]["elements"][name]
    assert told["total"]["elements"]["pbt_s"] == 5400
    assert told["total"]["pieces"]["good"] == 200
    assert told["total"]["teep"] <= told["total"]["oee"] <= told["total"]["nee"]


async def test_a_window_that_begins_in_a_shift_counts_what_lies_in_it(run, ask):
    # 12:35 to 13:10 of the early shift: five minutes broken, twenty run, ten of the break
    window = "from=2026-11-20T12:35:00Z&to=2026-11-20T13:10:00Z"
    told = await ask("GET", f"/machines/P-1/oee?by=shift&{window}")
    [early] = told["buckets"]
    assert (early["start"], early["end"]) == ("2026-11-20T12:35:00Z", "2026-11-20T13:10:00Z")
    assert early["shift"] == "early"
    times = early["elements"]
    assert (times["calendar_s"], times["adot_s"], times["apt_s"], times["pdot_s"]) == (2100, 300, 1200, 600)
    assert told["total"]["elements"] == times
    explained = await ask("GET", f"/machines/P-1/oee/explain?{window}")
    assert explained["total"] | {"revision": 0} == told["total"] | {"revision": 0}
    assert (told["between_shifts"], told["total"]["pieces"]["overtime"]) == (None, early["pieces"]["overtime"])


async def test_what_is_made_between_shifts_is_in_every_sum(run, ask):
    [pattern] = await ask("GET", "/shifts/patterns")
    # it is planned to work from 13:00 on, so that the first hour is overtime
    worked = {"business_date": "2026-11-20", "kind": "replaced", "label": "late start"}
    shift = {"name": "early", "start": "13:00", "end": "14:00"}
    path = f"/shifts/patterns/{pattern['id']}/exceptions"
    await ask("POST", path, worked | {"shifts": [shift]}, status=201)
    await derived(run, utc(NOON + 120 * MINUTE))
    totals = {}
    for by in ("hour", "shift", "day", "month"):
        told = await ask("GET", f"/machines/P-1/oee?by={by}&{DAY}")
        parts = [*told["buckets"], *([told["between_shifts"]] if told["between_shifts"] else [])]
        for name in ("overtime_s", "apt_s", "calendar_s"):
            assert sum(each["elements"][name] for each in parts) == told["total"]["elements"][name]
        assert sum(each["pieces"]["overtime"] for each in parts) == told["total"]["pieces"]["overtime"]
        totals[by] = told["total"]["elements"], told["total"]["pieces"]
    assert totals["hour"] == totals["shift"] == totals["day"] == totals["month"]
    assert totals["day"][0]["overtime_s"] == 50 * 60
    report = await ask("GET", f"/oee?by=shift&{DAY}")
    assert report["between_shifts"]["elements"]["overtime_s"] == 50 * 60


async def test_a_figure_is_explained_second_by_second_and_piece_by_piece(run, ask):
    window = "from=2026-11-20T00:00:00Z&to=2026-11-20T14:00:00Z"
    told = await ask("GET", f"/machines/P-1/oee/explain?{window}")
    entries = told["entries"]
    assert entries[0]["start"] == "2026-11-20T12:00:00Z"
    assert all(one["end"] == two["start"] for one, two in pairwise(entries))
    assert [(each["category"], each["duration_s"] / 60, each["element"]) for each in entries] == [
        ("run_unassigned", 30, "APT"),
        ("breakdown_unassigned", 10, "ADOT"),
        ("run_unassigned", 20, "APT"),
        ("shift_break", 30, "PDOT"),
        ("run_unassigned", 10, "APT"),
        ("idle_unassigned", 10, "ADOT"),
        ("run_unassigned", 10, "APT"),
    ]
    assert sum(each["quantity"] for each in told["pieces"] if not each["is_overtime"]) == 220
    by_day = await ask("GET", f"/machines/P-1/oee?by=day&{DAY}")
    assert told["total"]["oee"] == by_day["oee"]
    states = {each["id"]: each for each in await ask("GET", f"/machines/P-1/states?{DAY}")}
    assert [states[each["state_id"]]["state"] for each in entries] == [each["state"] for each in entries]


async def test_downtime_is_told_by_reason_greatest_first(run, ask):
    await ask(
        "POST", "/reasons", {"code": "belt", "label_en": "Belt", "label_tr": "Kayış", "is_failure": True}, status=201
    )
    part = {"from": "2026-11-20T12:30:00Z", "to": "2026-11-20T12:40:00Z", "reason": "belt"}
    await ask("POST", "/machines/P-1/stops/classify", {"parts": [part]}, status=201)
    await derived(run, utc(NOON + 120 * MINUTE))
    told = await ask("GET", f"/machines/P-1/downtime?{DAY}")
    assert [(each["reason"], each["state"], each["duration_s"], each["count"]) for each in told["by_reason"]] == [
        ("belt", None, 600, 1),
        (None, "idle", 600, 1),
    ]
    assert [each["cumulative_share"] for each in told["by_reason"]] == [0.5, 1.0]
    assert (told["downtime_s"], told["count"], told["needs_reason"]) == (1200, 2, 1)
    assert [(each["duration_s"], each["failures"]) for each in told["trend"]] == [(1200, 1)]
    assert told["reliability"]["mttr_h"] == pytest.approx(1 / 6)
    assert told["by_reason"][0]["label"] == "Belt"


async def test_a_machines_data_comes_in_pages_of_hours_with_its_stops(run, ask):
    body = {"start_date": "2026-11-20T00:00:00Z", "end_date": "2026-11-21T00:00:00Z", "page_size": 1, "page": 2}
    told = await ask("POST", "/machines/P-1/data", body, who="worker")
    assert (told["total"], told["page"], len(told["items"])) == (2, 2, 1)
    assert told["items"][0]["start"] == "2026-11-20T13:00:00Z"
    assert [each["state"] for each in told["downtime"]] == ["idle"]
    query = "start_date=2026-11-20T00:00:00Z&end_date=2026-11-21T00:00:00Z&include_downtime=false"
    again = await ask("GET", f"/machines/P-1/data?{query}")
    assert (again["downtime"], len(again["items"]), again["summary"]["oee"]) == (None, 2, told["summary"]["oee"])
    wrong = await ask("POST", "/machines/P-1/data", body | {"machine_id": "P-2"}, status=422)
    assert wrong["error_code"] == "MACHINE_DIFFERS"


async def test_a_line_is_the_ratio_of_its_machines_sums(run, ask):
    line = await ask("GET", f"/oee?by=shift&{DAY}")
    assert [each["machine"] for each in line["machines"]] == ["P-1"]
    assert line["total"]["oee"] == line["machines"][0]["oee"]
    assert line["worst_machine"] == "P-1"
    assert (await ask("GET", f"/oee?location=nowhere&{DAY}", status=422))["error_code"] == "NO_MACHINES"


async def test_a_policy_of_the_plants_own_reads_the_past_anew(run, ask):
    lenient = {"idle_without_order_is_loss": False, "is_default": True}
    await ask("PUT", "/oee/policies/lenient", lenient, who="worker", status=403)
    await ask("PUT", "/oee/policies/lenient", lenient)
    told = await ask("GET", f"/machines/P-1/oee?{DAY}")
    assert (told["policy"], told["total"]["elements"]["pbt_s"]) == ("lenient", 4200)
    assert [each["name"] for each in await ask("GET", "/oee/policies")] == ["iso22400", "tpm", "lenient"]
    assert (await ask("PUT", "/oee/policies/tpm", {}, status=409))["error_code"] == "POLICY_IS_A_PRESET"
    assert (await ask("GET", f"/machines/P-1/oee?policy=no&{DAY}", status=404))["error_code"] == "POLICY_NOT_FOUND"
    # what is asked without one is read by the plant's default, wherever
    for path in ("/analytics/dashboard?", "/analytics/trends?metric=oee&by=ledger&"):
        assert (await ask("GET", f"{path}{DAY}"))["policy"] == "lenient"
        assert (await ask("GET", f"{path}policy=tpm&{DAY}"))["policy"] == "tpm"
        assert (await ask("GET", f"{path}policy=no&{DAY}", status=404))["error_code"] == "POLICY_NOT_FOUND"
    board = await ask("GET", f"/analytics/dashboard?policy=lenient&{DAY}")
    assert board["ledger"]["total"]["elements"]["pbt_s"] == 4200
    asked = {"metrics": ["pbt_s"], "begin": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00Z"}
    await ask("POST", "/analytics/reports", asked | {"policy": "no"}, status=404)
    report = await ask("POST", "/analytics/reports", asked, status=202)
    while await making.make_next(run.database, utc(NOON + 120 * MINUTE)):
        pass
    made = await ask("GET", f"/analytics/reports/{report['id']}/content")
    assert (made["about"]["Policy"], made["rows"]) == ("lenient", [{"pbt_s": 4200.0}])
    await ask("DELETE", "/oee/policies/lenient", status=204)
    assert (await ask("GET", f"/machines/P-1/oee?{DAY}"))["policy"] == "iso22400"


async def test_shifts_that_change_change_the_past(run, ask):
    [pattern] = await ask("GET", "/shifts/patterns")
    before = (await ask("GET", f"/machines/P-1/oee?by=shift&{DAY}"))["revision"]
    closed = {"business_date": "2026-11-20", "kind": "closed", "label": "holiday"}
    path = f"/shifts/patterns/{pattern['id']}/exceptions"
    made = await ask("POST", path, closed, status=201)
    await derived(run, utc(NOON + 120 * MINUTE))
    told = await ask("GET", f"/machines/P-1/oee?by=hour&{DAY}")
    assert (told["total"]["elements"]["pbt_s"], told["total"]["elements"]["overtime_s"]) == (0, 6000)
    assert (told["oee"], told["total"]["pieces"]["overtime"]) == (None, 520)
    assert (await ask("GET", f"/machines/P-1/oee?by=shift&{DAY}"))["buckets"] == []
    assert (await ask("POST", path, closed, status=409))["error_code"] == "SHIFT_EXCEPTION_EXISTS"
    await ask("DELETE", f"{path}/{made['id']}", status=204)
    await derived(run, utc(NOON + 120 * MINUTE))
    again = await ask("GET", f"/machines/P-1/oee?by=shift&{DAY}")
    assert again["total"]["elements"]["pbt_s"] == 5400
    assert again["revision"] >= before


async def test_an_ideal_cycle_that_changes_changes_the_past(run, ask):
    await ask("PATCH", "/machines/P-1", {"ideal_cycle_s": 5})
    await derived(run, utc(NOON + 120 * MINUTE))
    told = await ask("GET", f"/machines/P-1/oee?by=shift&{DAY}")
    assert told["oee"] == pytest.approx(200 * 5 / 5400)


async def test_an_ideal_cycle_of_a_part_touches_the_hours_in_which_it_was_made_and_no_others(run, ask):
    await ask("POST", "/parts", {"part_number": "K-1", "part_name": "Cap", "standard_cycle_time": 10}, status=201)
    window = {"planned_start": "2026-11-20T08:00:00Z", "planned_end": "2026-11-20T20:00:00Z"}
    stage = {"stage_name": "mould", "machine": "P-1", **window}
    order = {"product_code": "K", "lot_no": "1", "qty": 900, "part_number": "K-1", "stages": [stage], **window}
    made = await ask("POST", "/workorders/", order, status=201)
    [stage] = await ask("GET", f"/workorders/{made['id']}/stages")
    # what was counted until 13:59, in the hour from 13:00 on
    claim = {"from": "2026-11-20T13:30:00Z", "to": "2026-11-20T14:00:00Z", "stage_id": stage["id"]}
    await ask("POST", "/machines/P-1/counts/claim", claim)
    now = utc(NOON + 120 * MINUTE)
    await derived(run, now)

    async def hours() -> dict[str, tuple]:
        told = await ask("GET", f"/machines/P-1/oee?by=hour&{DAY}")
        return {each["start"][11:13]: (each["oee"], each["revision"]) for each in told["buckets"]}

    before = await hours()
    cycle = {"ideal_cycle_s": 5, "valid_from": "2026-11-20"}
    others = await ask("POST", "/parts/K-1/ideal-cycles", cycle | {"machine": "P-2"}, status=201)
    await ask("POST", "/parts/K-1/ideal-cycles", cycle | {"machine_type": "lathe", "ideal_cycle_s": 1}, status=201)
    await derived(run, now)
    assert await hours() == before
    mine = await ask("POST", "/parts/K-1/ideal-cycles", cycle | {"machine": "P-1"}, status=201)
    await derived(run, now)
    after = await hours()
    assert after["13"][0] == pytest.approx(before["13"][0] / 2)
    assert after["12"] == before["12"]
    await ask("DELETE", f"/parts/K-1/ideal-cycles/{mine['id']}", status=204)
    await derived(run, now)
    assert (await hours())["13"][0] == before["13"][0]
    await ask("PATCH", "/parts/K-1", {"standard_cycle_time": 20})
    await derived(run, now)
    assert (await hours())["13"][0] == pytest.approx(before["13"][0] * 2)
    # an order that turns out to make another part
    await ask("PATCH", f"/workorders/{made['id']}", {"part_number": None})
    await derived(run, now)
    assert ((await hours())["13"][0], others["ideal_cycle_s"]) == (before["13"][0], 5)
    left = await run.query("SELECT count(*) AS marks FROM pace_mark WHERE :gateway IS NOT NULL")
    assert left[0].marks == 0


async def test_a_machine_that_cannot_be_derived_holds_up_no_other(run, ask, machines):
    # two states of one moment, as nothing that we do writes them
    await run.query(
        "INSERT INTO machine_state (machine_id, from_at, to_at, state, source) "
        "SELECT CAST(:machine AS uuid), from_at + interval '1 second', to_at, state, source FROM machine_state "
        "WHERE machine_id = CAST(:machine AS uuid) AND to_at IS NOT NULL AND :gateway IS NOT NULL RETURNING 1",
        machine=machines["P-1"],
    )
    for code in ("P-1", "P-2"):
        told = {"state": "faulted", "from": "2026-11-20T12:05:00Z", "to": "2026-11-20T12:06:00Z"}
        await ask("POST", f"/machines/{code}/states", told, status=201)
    # of the last reading, which is as new as the present, nothing is derived yet
    marks = f"SELECT machine_id FROM mark WHERE from_at < '2026-11-20T14:00Z' AND {OWN}"
    try:
        with pytest.raises(LedgerBroken):
            await derived(run, utc(NOON + 120 * MINUTE))
    finally:
        await run.query(
            "DELETE FROM machine_state AS it WHERE machine_id = CAST(:machine AS uuid) AND :gateway IS NOT NULL "
            "AND EXISTS (SELECT FROM machine_state AS other WHERE other.machine_id = it.machine_id "
            "AND other.to_at = it.to_at AND other.from_at < it.from_at) RETURNING 1",
            machine=machines["P-1"],
        )
    found = await ask("GET", f"/machines/P-2/states?{DAY}")
    assert [each["state"] for each in found] == ["faulted"]
    assert {str(row.machine_id) for row in await run.query(marks)} == {machines["P-1"]}
    # it is tried again, and whole again when it is mended
    await derived(run, utc(NOON + 120 * MINUTE))
    assert await run.query(marks) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/machines/P-1/oee?from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z", "RANGE_BACKWARDS"),
        ("/machines/P-1/oee?by=hour&from=2025-11-21T00:00:00Z&to=2026-11-20T00:00:00Z", "RANGE_TOO_LONG"),
        ("/machines/P-1/oee/explain?from=2026-09-21T00:00:00Z&to=2026-11-20T00:00:00Z", "RANGE_TOO_LONG"),
        ("/machines/P-1/oee?by=decade", "VALIDATION_ERROR"),
    ],
)
async def test_a_range_that_cannot_be_answered_is_refused(ask, path, code):
    assert (await ask("GET", path, status=422))["error_code"] == code


@pytest.mark.parametrize(("zone", "midnight_utc"), [("Asia/Kolkata", "18:30"), ("Asia/Kathmandu", "18:15")])
async def test_a_day_is_whole_where_midnight_is_no_hour_of_utc(gateway, ask, zone, midnight_utc):
    async with gateway.database.transaction() as session:
        name = await session.scalar(
            text("SELECT name FROM organization WHERE id = (SELECT organization_id FROM gateway WHERE id = :id)"),
            {"id": gateway.caller.gateway_id},
        )
    hour, minute = map(int, midnight_utc.split(":"))
    off = (hour - 12) * 60 + minute
    # from three hours before midnight on it runs, and stands from an hour after it
    said = [(off - 180, "producing"), (off + 60, "idle"), (off + 120, "off")]
    await gateway.send(says(STATE, *said), tags=TAGS)
    now = utc(NOON + (off + 180) * MINUTE)
    await gateway.query("UPDATE gateway SET last_seen = :at WHERE id = :gateway RETURNING 1", at=now)
    # first by UTC, and then the plant turns out to stand elsewhere
    await derived(gateway, now)
    async with gateway.database.transaction() as session:
        await identity.set_time_zone(session, name, zone)
    await derived(gateway, now)
    told = await ask("GET", "/machines/P-1/oee?by=day&from=2026-11-20T00:00:00Z&to=2026-11-22T00:00:00Z")
    days = {each["business_date"]: each["elements"] for each in told["buckets"]}
    assert {day: (each["apt_s"], each["adot_s"], each["calendar_s"]) for day, each in days.items()} == {
        "2026-11-20": (3 * 3600, 0, 3 * 3600),
        "2026-11-21": (3600, 2 * 3600, 3 * 3600),
    }
    by_hour = await ask("GET", "/machines/P-1/oee?by=hour&from=2026-11-20T00:00:00Z&to=2026-11-22T00:00:00Z")
    assert {each["start"][14:16] for each in by_hour["buckets"]} == {midnight_utc[3:]}
    assert by_hour["total"]["elements"] == told["total"]["elements"]
    # an hour of UTC is parts of two hours, and no more than that
    asked = "by=hour&from=2026-11-20T16:00:00Z&to=2026-11-20T17:00:00Z"
    cut = await ask("GET", f"/machines/P-1/oee?{asked}")
    edge = f"2026-11-20T16:{midnight_utc[3:]}:00Z"
    assert [(each["start"], each["end"]) for each in cut["buckets"]] == [(cut["start"], edge), (edge, cut["end"])]
    assert (cut["start"], cut["end"]) == ("2026-11-20T16:00:00Z", "2026-11-20T17:00:00Z")
    assert cut["total"]["elements"]["apt_s"] == 3600


async def test_nothing_is_said_of_a_machine_that_said_nothing(ask):
    told = await ask("GET", f"/machines/P-2/oee?{DAY}")
    assert (told["oee"], told["buckets"], told["planned_by"]) == (None, [], "always")
    assert (await ask("GET", f"/machines/P-2/downtime?{DAY}"))["by_reason"] == []
    assert (await ask("GET", f"/machines/P-2/oee/explain?{DAY}"))["entries"] is not None


async def test_another_organization_sees_nothing(run, app_client, new_tenant):
    other = await new_tenant()
    for path in ("oee", "downtime", "oee/explain", f"states?{DAY}", f"stops?{DAY}", f"counts?{DAY}"):
        assert (await app_client.get(f"/machines/P-1/{path}", headers=other.admin)).status_code == 404
    assert (await app_client.get("/shifts/patterns", headers=other.admin)).json() == []

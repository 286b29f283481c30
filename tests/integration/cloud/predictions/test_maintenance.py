"""What is predicted of maintenance and of OEE, over HTTP."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from cloud.analytics.service.storing import COLUMNS
from cloud.predictions import past
from cloud.production.service.moments import us
from tests.integration.cloud.predictions import plants
from tests.integration.cloud.predictions.plants import HOUR, NOW


@pytest.fixture
def ask(app_client, tenant):
    async def send(path: str, body: dict, *, status: int = 200, method: str = "POST", **headers):
        answer = await app_client.request(method, path, json=body, headers=tenant.planner | headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


async def wearing(app, machine: dict, *, shape: float, stops: int = 500) -> None:
    rng, at, rows = random.Random(7), NOW - timedelta(days=300), []
    for _ in range(stops):
        stop = at + rng.weibullvariate(80, shape) * HOUR
        end = min(stop + HOUR, NOW)
        if stop >= NOW:
            break
        shared = {"machine_id": machine["id"], "source": "import", "recorded_at": NOW}
        rows.append(shared | {"from_at": at, "to_at": stop, "state": "producing"})
        rows.append(shared | {"from_at": stop, "to_at": end, "state": "faulted"})
        at = end
    await plants.write(app, rows)


async def test_wear_is_told_with_its_bounds_and_the_age_at_which_replacing_pays(app, app_client, tenant, ask):
    [machine] = await plants.machines(app_client, tenant, 1)
    await wearing(app, machine, shape=3.0)
    plan = {"title": "Oil", "basis": "calendar", "every": 30, "starts_at": (NOW - timedelta(days=10)).isoformat()}
    await ask("/machines/M-0/maintenance/plans", plan, status=201)
    told = await ask("/predictions/maintenance", {"machine_id": "M-0", "cost_ratio": 10})
    assert told["next_due"]["title"] == "Oil"
    assert told["identifiable"]
    assert 2 < told["hazard"]["shape_interval"]["lower"] < 3 < told["hazard"]["shape_interval"]["upper"]
    assert told["hazard"]["learned_from"] == "machine"
    assert 0 <= told["failure_probability"] <= 1
    assert 10 < told["preventive_replacement"]["every_h"] < 80
    surely = {"machine_id": "M-0", "prediction_horizon": 336, "features": {}, "confidence_threshold": 0.95}
    told = await ask("/predictions/maintenance", surely)
    assert (told["status"], told["will_stop"], told["abstained"]) == ("answered", True, False)
    assert told["confidence"] == told["failure_probability"] > told["baseline"]["value"] > 0.9
    young = await ask("/predictions/maintenance", {"machine_id": "M-0", "features": {"hours_since_stop": 0}})
    old = await ask("/predictions/maintenance", {"machine_id": "M-0", "features": {"hours_since_stop": 70}})
    assert young["failure_probability"] < old["failure_probability"]
    unsure = {"machine_id": "M-0", "prediction_horizon": 74, "features": {"hours_since_stop": 0}}
    told = await ask("/predictions/maintenance", unsure)
    assert (told["status"], told["will_stop"], told["abstained"]) == ("abstained", None, True)
    refused = await ask("/predictions/maintenance", {"machine_id": "M-0", "features": {"hour": 1}}, status=422)
    assert "there is no hour; there are hours_since_stop." in refused["detail"]
    cheap = await ask("/predictions/maintenance", {"machine_id": "M-0", "cost_ratio": 1})
    assert cheap["preventive_replacement"] is None


async def test_stops_of_chance_are_not_identifiable_and_no_interval_is_made_up(app, app_client, tenant, ask):
    [machine] = await plants.machines(app_client, tenant, 1)
    await wearing(app, machine, shape=1.0)
    told = await ask("/predictions/maintenance", {"machine_id": "M-0"}, **{"Accept-Language": "tr"})
    assert not told["identifiable"]
    assert told["preventive_replacement"] is None
    assert "belirlenemiyor" in told["detail"]


async def test_maintenance_that_is_told_later_was_not_known_before(app, app_client, tenant, ask):
    await plants.machines(app_client, tenant, 1)
    order = await ask("/machines/M-0/maintenance", {"kind": "preventive", "title": "Oil"}, status=201)
    told = {"completed_at": (NOW - timedelta(days=20)).isoformat()}
    await ask(f"/maintenance/orders/{order['id']}/complete", told)

    async def known(as_of: datetime) -> int:
        async with app.state.database.reading() as session:
            return len((await past.read(session, tenant.organization_id, as_of)).history.maintenance)

    assert await known(NOW - timedelta(days=10)) == 0
    assert await known(datetime.now(UTC)) == 1
    # nor does a look at the past, made with all that is known now, see it
    async with app.state.database.reading() as session:
        read = (await past.read(session, tenant.organization_id, datetime.now(UTC))).history.maintenance
    assert read.known[0] >= us(NOW) > read.at[0]


async def test_without_stops_there_is_no_law_and_the_calendar_still_speaks(app_client, tenant, ask):
    await plants.machines(app_client, tenant, 1)
    await ask("/machines/M-0/maintenance/plans", {"title": "Oil", "basis": "calendar", "every": 30}, status=201)
    told = await ask("/predictions/maintenance", {"machine_id": "M-0"})
    assert (told["status"], told["hazard"], told["failure_probability"]) == ("insufficient_data", None, None)
    assert told["next_due"]["title"] == "Oil"


@pytest.fixture
async def days(app, app_client, tenant):
    """Twenty-one days of figures: weekdays of an OEE of about 0.6, weekends of half of that; today has begun."""
    [machine] = await plants.machines(app_client, tenant, 1)
    midnight = NOW.replace(hour=0, minute=0, second=0)
    rows = []
    for back in range(21, -1, -1):
        day = midnight - timedelta(days=back)
        share = 0.3 if day.weekday() >= 5 else 0.6 + 0.01 * (back % 3)
        for hour in range(24):
            if day + hour * HOUR >= NOW:
                break
            good = round(3600 * share)
            rows.append({"machine_id": machine["id"], "bucket": day + hour * HOUR, "good": good})
    # a piece takes a second: an hour that ran through makes 3600 of them
    said = {"run_us": "3600000000", "good": ":good", "ideal_good_us": "CAST(:good AS bigint) * 1000000"}
    values = ", ".join(said.get(name, "0") for name in COLUMNS)
    statement = text(
        f"INSERT INTO fact_hour (machine_id, bucket, revision, {', '.join(COLUMNS)})"
        f" VALUES (:machine_id, :bucket, 1, {values})"
    )
    known = text("INSERT INTO derived (machine_id, since_at, until_at) VALUES (:machine_id, :since_at, :until_at)")
    span = {"machine_id": machine["id"], "since_at": rows[0]["bucket"], "until_at": NOW}
    async with app.state.database.transaction() as session:
        await session.execute(statement, rows)
        await session.execute(known, span)
    return machine


async def test_the_next_days_oee_is_told_with_its_interval_and_the_way_that_erred_least(ask, days):
    # by the same now as the figures: midnight may have passed since
    told = await ask("/predictions/oee", {"machine_id": "M-0", "period": "day", "as_of": NOW.isoformat()})
    assert told["status"] == "answered"
    # today is not over, and is no day yet
    assert told["periods_known"] == 21
    assert told["interval"]["lower"] <= told["oee"] <= told["interval"]["upper"]
    assert told["served_by"]["name"] == "same_kind"
    assert told["errors"]["same_kind"] == min(told["errors"].values())
    assert told["baseline"]["value"] == pytest.approx((15 * 0.61 + 6 * 0.3) / 21, abs=0.01)
    assert told["availability"] == pytest.approx(1.0)
    early = await ask("/predictions/oee", {"machine_id": "M-0", "as_of": (NOW - timedelta(days=10)).isoformat()})
    assert (early["status"], early["oee"], early["periods_known"]) == ("insufficient_data", None, 11)
    assert "14 are needed" in early["detail"]


async def test_an_oee_is_asked_for_by_the_fields_of_the_other_predictions_too(ask, days):
    body = {"machine_id": "M-0", "as_of": NOW.isoformat(), "features": {}, "prediction_horizon": 24}
    told = await ask("/predictions/oee", body | {"confidence_threshold": 0.8})
    assert (told["status"], told["period"], told["interval"]["level"]) == ("answered", "day", 0.8)
    assert (await ask("/predictions/oee", body | {"prediction_horizon": 8}))["period"] == "shift"
    assert (await ask("/predictions/oee", body | {"prediction_horizon": 8, "period": "day"}))["period"] == "day"
    refused = await ask("/predictions/oee", body | {"features": {"hour": 1}}, status=422)
    assert refused["error_code"] == "FEATURE_UNKNOWN"


async def test_many_machines_are_told_at_once_in_their_order_as_each_by_itself(app, app_client, tenant, ask, days):
    second = {"code": "M-1", "name": "Mill 1"}
    await app_client.post("/machines", json=second, headers=tenant.admin)
    when = {"as_of": NOW.isoformat()}
    for path, more in (("/predictions/oee", {"period": "day"}), ("/predictions/maintenance", {"cost_ratio": 8})):
        alone = [await ask(path, {"machine_id": each} | when | more) for each in ("M-1", "M-0")]
        told = await ask(f"{path}/batch", {"machine_ids": ["M-1", "M-0"]} | when | more)
        assert told["predictions"] == alone
        assert [each["machine"] for each in alone] == ["M-1", "M-0"]
        missing = await ask(f"{path}/batch", {"machine_ids": ["M-0", "M-9"]} | when, status=404)
        assert missing["error_code"] == "MACHINE_NOT_FOUND"
        await ask(f"{path}/batch", {"machine_ids": []}, status=422)
        await ask(f"{path}/batch", {"machine_ids": ["M-0"], "as_of": (NOW + 9 * HOUR).isoformat()}, status=422)

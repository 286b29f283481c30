"""What the ledger says to dashboards and trends, of a plant without a job log."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.analytics.service import deriving

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 12


@pytest.fixture
async def said(app, app_client, tenant) -> None:
    """A machine that runs ever an hour less, and stands for the rest of the day."""
    await app_client.post("/machines", json={"code": "M-1", "name": "x"}, headers=tenant.planner)
    for day in range(DAYS):
        start = BEGIN + timedelta(days=day)
        running = start + timedelta(hours=20 - day)
        for state, begin, end in (("producing", start, running), ("idle", running, start + timedelta(days=1))):
            body = {"state": state, "from": begin.isoformat(), "to": end.isoformat()}
            answer = await app_client.post("/machines/M-1/states", json=body, headers=tenant.planner)
            assert answer.status_code == 201, answer.text
    await deriving.derive_all(app.state.database, BEGIN + timedelta(days=DAYS))


async def test_a_dashboard_shows_the_ledger_of_the_same_time(app, app_client, tenant, said):
    shown = (await app_client.get("/analytics/dashboard", headers=tenant.worker)).json()
    assert shown["end"] == "2026-03-14T00:00:00Z"
    assert shown["total"]["rows"] == 0
    ledger = shown["ledger"]
    assert ledger["total"]["elements"]["apt_s"] == sum(20 - day for day in range(DAYS)) * 3600
    assert [each["machine"] for each in ledger["machines"]] == ["M-1"]
    again = await app_client.get("/analytics/dashboard", headers=tenant.worker)
    same = tenant.worker | {"If-None-Match": again.headers["ETag"]}
    assert (await app_client.get("/analytics/dashboard", headers=same)).status_code == 304
    # late news of the first day
    news = {"state": "faulted", "from": "2026-03-02T01:00:00Z", "to": "2026-03-02T02:00:00Z"}
    await app_client.post("/machines/M-1/states", json=news, headers=tenant.planner)
    await deriving.derive_all(app.state.database, BEGIN + timedelta(days=DAYS))
    changed = await app_client.get("/analytics/dashboard", headers=same)
    assert changed.status_code == 200
    assert changed.json()["ledger"]["total"]["elements"]["apt_s"] == ledger["total"]["elements"]["apt_s"] - 3600


async def test_a_trend_follows_the_ledger_where_there_is_no_job_log(app_client, tenant, said):
    answer = await app_client.get("/analytics/trends", params={"metric": "apt_s"}, headers=tenant.worker)
    shown = answer.json()
    assert (shown["by"], shown["source"], len(shown["series"])) == ("ledger", "ledger", DAYS)
    assert (shown["as_of"], shown["revision"] > 0) == ("2026-03-14T00:00:00Z", True)
    assert shown["series"][0] == {"period": "2026-03-02", "value": 20 * 3600.0}
    assert shown["slope"]["per_day"] == -3600.0
    log = await app_client.get("/analytics/trends", params={"metric": "apt_s", "by": "joblog"}, headers=tenant.worker)
    assert log.json()["series"] == []
    columns = await app_client.get("/analytics/trends", params={"metric": "tooling_s"}, headers=tenant.worker)
    assert columns.json()["series"] == []


async def test_an_unusual_day_is_told_by_the_ledger_where_there_is_no_job_log(app, app_client, tenant):
    await app_client.post("/machines", json={"code": "M-1", "name": "x"}, headers=tenant.planner)
    days = 40
    for day in range(days):
        start = BEGIN + timedelta(days=day)
        # half an hour to 34 minutes, and five hours on one day
        broken = timedelta(hours=5) if day == 35 else timedelta(minutes=30 + day % 5)
        for state, begin, end in (
            ("faulted", start, start + broken),
            ("producing", start + broken, start + timedelta(days=1)),
        ):
            body = {"state": state, "from": begin.isoformat(), "to": end.isoformat()}
            await app_client.post("/machines/M-1/states", json=body, headers=tenant.planner)
    until = BEGIN + timedelta(days=days)
    await deriving.derive_all(app.state.database, until)
    query = {"from": (BEGIN + timedelta(days=30)).isoformat(), "to": until.isoformat()}
    answer = await app_client.get("/analytics/dashboard", params=query, headers=tenant.worker)
    [odd] = answer.json()["anomalies"]
    assert (odd["machine"], odd["source"], odd["category"], odd["label_en"]) == (
        "M-1",
        "ledger",
        "breakdown",
        "Breakdowns",
    )
    assert (odd["day"], odd["seconds"], odd["usual_s"], odd["days"]) == ("2026-04-06", 5 * 3600, 32 * 60, 35)
    assert odd["history_s"] == [60.0 * (30 + day % 5) for day in range(25, 35)]
    # late news of the days that it was held against are another answer
    same = tenant.worker | {"If-None-Match": answer.headers["ETag"]}
    assert (await app_client.get("/analytics/dashboard", params=query, headers=same)).status_code == 304
    late = BEGIN + timedelta(days=28, hours=4)
    news = {"state": "faulted", "from": late.isoformat(), "to": (late + timedelta(hours=1)).isoformat()}
    await app_client.post("/machines/M-1/states", json=news, headers=tenant.planner)
    await deriving.derive_all(app.state.database, until)
    assert (await app_client.get("/analytics/dashboard", params=query, headers=same)).status_code == 200

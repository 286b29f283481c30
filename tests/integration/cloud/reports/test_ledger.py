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
    assert (shown["by"], len(shown["series"])) == ("ledger", DAYS)
    assert shown["series"][0] == {"period": "2026-03-02", "value": 20 * 3600.0}
    assert shown["slope"]["per_day"] == -3600.0
    log = await app_client.get("/analytics/trends", params={"metric": "apt_s", "by": "joblog"}, headers=tenant.worker)
    assert log.json()["series"] == []
    columns = await app_client.get("/analytics/trends", params={"metric": "tooling_s"}, headers=tenant.worker)
    assert columns.json()["series"] == []

"""Trends over HTTP."""

import pytest

PATH = "/analytics/trends"
ALL = {"from": "2026-03-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}


async def asked(app_client, headers, **params) -> dict:
    answer = await app_client.get(PATH, params=ALL | params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_machine_that_became_slower_is_told_with_the_day_and_by_how_much(app_client, tenant, plant):
    shown = await asked(app_client, tenant.worker, metric="availability", machine="M-2")
    assert len(shown["series"]) == 60
    [change] = shown["changes"]
    assert change["period"] == "2026-04-11"
    assert change["before"] - change["after"] == pytest.approx(4000 / 28800, abs=0.01)
    assert change["p_value"] < 0.003
    assert shown["slope"]["is_clear"]
    assert shown["slope"]["low"] <= shown["slope"]["per_day"] <= shown["slope"]["high"] < 0


async def test_one_that_did_not_has_a_level_and_neither_slope_nor_change(app_client, tenant, plant):
    shown = await asked(app_client, tenant.worker, metric="apt_s", machine="M-3")
    assert shown["changes"] == []
    assert not shown["slope"]["is_clear"]
    assert shown["level"]["median"] == pytest.approx(20200)


async def test_a_figure_that_cannot_be_said_has_no_points(app_client, tenant, plant):
    shown = await asked(app_client, tenant.worker, metric="oee")
    assert (shown["series"], shown["level"], shown["slope"], shown["changes"]) == ([], None, None, [])


async def test_weeks_and_columns_of_the_job_log_can_be_followed(app_client, tenant, plant):
    shown = await asked(app_client, tenant.worker, metric="tooling_s", bucket="week", machine="M-1")
    assert [each["period"] for each in shown["series"]][:2] == ["2026-03-02", "2026-03-09"]
    unknown = await app_client.get(PATH, params={"metric": "happiness"}, headers=tenant.worker)
    assert unknown.status_code == 422
    assert "availability" in unknown.json()["errors"][0]["valid_values"]

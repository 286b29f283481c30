"""The dashboard over HTTP: the truth of a small plant, and what it costs to ask again."""

import gzip

import pytest

from cloud.changes import Operator
from cloud.joblogs.service import log
from tests.integration.cloud.reports.conftest import ODD, shift

PATH = "/analytics/dashboard"


async def test_a_plant_at_a_glance_is_of_the_month_before_its_last_row(app_client, tenant, plant):
    answer = await app_client.get(PATH, headers=tenant.worker)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["begin"], shown["end"]) == ("2026-03-31T14:00:00Z", "2026-04-30T14:00:00Z")
    assert shown["total"]["rows"] == 90
    assert shown["total"]["times_s"]["pot"] == 90 * 28800
    assert [each["key"] for each in shown["by_machine"]] == ["M-1", "M-2", "M-3"]
    assert sum(each["parts_produced"] for each in shown["by_day"]) == shown["total"]["parts_produced"] == 90 * 400
    assert (shown["policy"], shown["source"], shown["revision"]) == ("iso22400", "joblog", 1)


async def test_losses_are_a_pareto_and_their_shares_add_up(app_client, tenant, plant):
    losses = (await app_client.get(PATH, headers=tenant.worker)).json()["losses"]
    assert [each["category"] for each in losses] == ["idle", "tooling"]
    assert losses[-1]["cumulative_share"] == pytest.approx(1)
    assert losses[0]["label_tr"] == "Boşta"


async def test_a_day_unlike_the_machines_own_is_told_with_the_evidence(app_client, tenant, plant):
    [odd] = [
        each
        for each in (await app_client.get(PATH, headers=tenant.worker)).json()["anomalies"]
        if each["category"] == "tooling"
    ]
    assert (odd["machine"], odd["day"], odd["seconds"]) == ("M-1", "2026-04-26", 5400.0)
    assert (odd["usual_s"], odd["days"]) == (660.0, ODD)
    assert odd["score"] > 3.5


async def test_asked_again_it_is_known_and_whoever_has_it_gets_304(app, app_client, tenant, plant):
    def asked(kind: str) -> float:
        return app.state.metrics.registry.get_sample_value("tezgah_analytics_answers_total", {"kind": kind}) or 0.0

    first = await app_client.get(PATH, headers=tenant.worker)
    again = await app_client.get(PATH, headers=tenant.worker)
    assert again.content == first.content
    assert (asked("computed"), asked("known")) == (1, 1)
    for face in ("", "/api/v1"):
        same = tenant.worker | {"If-None-Match": first.headers["ETag"]}
        unchanged = await app_client.get(face + PATH, headers=same)
        assert (unchanged.status_code, unchanged.content) == (304, b"")


@pytest.mark.parametrize("change", ["rows", "part", "machine", "cycle"])
async def test_whatever_changes_a_figure_changes_the_answer(app, app_client, tenant, plant, change):
    first = await app_client.get(PATH, headers=tenant.planner)
    match change:
        case "rows":
            async with app.state.database.transaction() as session:
                late = shift(1, 35, 3)
                await log.bring(session, Operator(tenant.organization_id), "late", [late])
        case "part":
            await app_client.patch("/parts/P-1", json={"standard_cycle_time": 40}, headers=tenant.planner)
        case "machine":
            await app_client.patch("/machines/M-1", json={"ideal_cycle_s": 40}, headers=tenant.planner)
        case "cycle":
            body = {"machine": "M-2", "ideal_cycle_s": 40, "valid_from": "2026-03-01"}
            await app_client.post("/parts/P-2/ideal-cycles", json=body, headers=tenant.planner)
    tag = {"If-None-Match": first.headers["ETag"]}
    second = await app_client.get(PATH, headers=tenant.planner | tag)
    assert second.status_code == 200
    assert second.json() != first.json()


async def test_nobody_is_given_anothers_answer(app_client, tenant, new_tenant, plant):
    await app_client.get(PATH, headers=tenant.worker)
    other = (await app_client.get(PATH, headers=(await new_tenant()).worker)).json()
    assert (other["total"]["rows"], other["by_machine"], other["as_of"]) == (0, [], None)


async def test_a_long_answer_is_compressed_and_its_tag_is_still_good(app_client, tenant, plant):
    packed = tenant.worker | {"Accept-Encoding": "gzip"}
    async with app_client.stream("GET", PATH, headers=packed) as answer:
        content = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = await app_client.get(PATH, headers=tenant.worker | {"Accept-Encoding": "identity"})
    assert gzip.decompress(content) == plain.content
    assert len(content) < len(plain.content) / 4
    assert answer.headers["ETag"] == f"W/{plain.headers['ETag']}"
    same = packed | {"If-None-Match": answer.headers["ETag"]}
    assert (await app_client.get(PATH, headers=same)).status_code == 304


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": "2026-04-02T00:00:00Z", "to": "2026-04-01T00:00:00Z"}, "WINDOW_BACKWARDS"),
        ({"from": "2020-04-02T00:00:00Z"}, "WINDOW_TOO_LONG"),
    ],
)
async def test_a_time_that_cannot_be_is_named(app_client, tenant, plant, params, code):
    answer = await app_client.get(PATH, params=params, headers=tenant.worker)
    assert (answer.status_code, answer.json()["error_code"]) == (422, code)

"""What the API says of rollups and of coverage."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.telemetry import settling
from shared.reading import concatenate
from tests.integration.cloud.telemetry.sender import COUNT, NOON, SECOND, rows
from tests.integration.cloud.telemetry.test_history import get, iso, walk

__all__ = ["get"]
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
# yesterday noon, by the real clock: coverage ends now
YESTERDAY = (int(datetime.now(UTC).timestamp()) // 86_400 - 1) * 86_400 * SECOND + 12 * HOUR


async def settle(database) -> None:
    await settling.settle_all(database, datetime.now(UTC) + timedelta(days=1))


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
async def test_pages_of_any_size_show_every_bucket_once_newest_first(gateway, get, database, limit):
    await gateway.send(concatenate([rows(*range(5), step=HOUR), rows(*range(4), tag=COUNT, step=HOUR)]))
    await settle(database)
    found = await walk(get, "/machines/P-1/rollups", limit=limit)
    starts = [each["start"] for each in found]
    assert len(found) == len({(each["start"], each["tag"]) for each in found}) == 9
    assert starts == sorted(starts, reverse=True)


async def test_a_bucket_says_its_facts(gateway, get, database):
    await gateway.send(rows(10.0, 20.0, 60.0, ts=YESTERDAY))
    await settle(database)
    [hour] = (await get("/machines/P-1/rollups", tag="temp"))["data"]
    assert {name: hour[name] for name in ("good", "numbers", "sum", "min", "max", "mean", "first", "last")} == {
        "good": 3, "numbers": 3, "sum": 90.0, "min": 10.0, "max": 60.0, "mean": 30.0, "first": 10.0, "last": 60.0,
    }  # fmt: skip
    assert (hour["area"], hour["known_s"], hour["time_mean"]) == (30.0, 2.0, 15.0)
    assert (hour["start"], hour["is_settled"]) == (iso(YESTERDAY), True)


async def test_a_bucket_with_late_readings_is_not_settled_until_they_are_in(gateway, get, database):
    await gateway.send(rows(10.0, ts=YESTERDAY))
    await settle(database)
    await gateway.send(rows(20.0, ts=YESTERDAY + 1))
    for resolution in ("minute", "hour", "day"):
        [bucket] = (await get("/machines/P-1/rollups", resolution=resolution))["data"]
        assert (bucket["numbers"], bucket["is_settled"]) == (1, False)
    await settle(database)
    [bucket] = (await get("/machines/P-1/rollups"))["data"]
    assert (bucket["numbers"], bucket["is_settled"]) == (2, True)


async def test_a_range_takes_the_buckets_that_overlap_it(gateway, get, database):
    await gateway.send(rows(*range(5), step=HOUR))
    await settle(database)
    page = await get("/machines/P-1/rollups", from_=iso(NOON + HOUR + MINUTE), to=iso(NOON + 3 * HOUR))
    assert [bucket["first"] for bucket in page["data"]] == [2.0, 1.0]


async def test_what_lies_ahead_is_not_covered_yet(gateway, get, database):
    await gateway.send(rows(1.0, ts=YESTERDAY))
    await settle(database)
    asked = {"from_": iso(YESTERDAY + 300 * 24 * HOUR), "to": iso(YESTERDAY + 301 * 24 * HOUR)}
    [temp] = (await get("/machines/P-1/coverage", **asked))["data"]
    assert (temp["seconds"], temp["coverage"]) == (0, None)


async def test_a_range_that_runs_backwards_is_refused(gateway, tenant, get):
    asked = {"from": iso(NOON), "to": iso(NOON)}
    answer = await gateway.client.get("/machines/P-1/coverage", params=asked, headers=tenant.worker)
    assert answer.status_code == 422
    assert "is not before" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["rollups", "coverage"])
async def test_another_organizations_machine_is_not_found(gateway, get, new_tenant, path):
    stranger = await new_tenant()
    asked = {"from": iso(NOON), "to": iso(NOON + 1)}
    answer = await gateway.client.get(f"/machines/P-1/{path}", params=asked, headers=stranger.admin)
    assert answer.status_code == 404

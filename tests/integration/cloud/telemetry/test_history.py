"""Readings and gaps, page by page: every one of them once, newest first, whatever the page size."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.reading import Tag, concatenate, from_rows
from tests.integration.cloud.telemetry.sender import COUNT, NOON, SECOND, TAGS, TEMP, rows, states

DAY = 86_400 * SECOND


@pytest.fixture
async def get(gateway, tenant) -> Any:
    """A function that gets a page of the tenant's, in the envelope; the machine P-1 is registered."""
    await gateway.client.post("/machines", json={"code": "P-1", "name": "Press"}, headers=tenant.admin)

    async def ask(path: str, **query: Any) -> dict[str, Any]:
        # `from` is a word of Python
        asked = {name.rstrip("_"): value for name, value in query.items()}
        answer = await gateway.client.get(f"/api/v1{path}", params=asked, headers=tenant.worker)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


async def walk(get: Any, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(path, **query, **cursor)
        found += page["data"]
        assert len(page["data"]) <= query["limit"]
        if page["meta"]["next_cursor"] is None:
            return found
        assert len(page["data"]) == query["limit"]
        cursor = {"cursor": page["meta"]["next_cursor"]}


def key(reading: dict[str, Any]) -> tuple[str, str, float | None, str | None]:
    return reading["timestamp"], reading["tag"], reading["value"], reading["text"]


def iso(us: int) -> str:
    at = datetime.fromtimestamp(us // SECOND, UTC).replace(microsecond=us % SECOND)
    return at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
async def test_pages_of_any_size_show_every_reading_once_newest_first(gateway, get, limit):
    # three tags that share times, several values at one time, and a midnight between
    block = concatenate(
        [
            rows(*range(6), ts=NOON - DAY, step=DAY // 2),
            rows(*range(4), tag=COUNT, ts=NOON - DAY, step=DAY // 2),
            rows(7.0, 8.0, 9.0, step=0),
            states("off", "setup"),
        ]
    )
    await gateway.send(block)
    found = await walk(get, "/machines/P-1/readings", limit=limit)
    assert len(found) == len(block) == len({key(each) for each in found})
    times = [each["timestamp"] for each in found]
    assert times == sorted(times, reverse=True)
    everything = (await get("/machines/P-1/readings", limit=1000))["data"]
    assert found == everything


async def test_the_time_range_is_half_open(gateway, get):
    await gateway.send(rows(0.0, 1.0, 2.0, 3.0))
    page = await get("/machines/P-1/readings", from_=iso(NOON + SECOND), to=iso(NOON + 3 * SECOND))
    assert [reading["value"] for reading in page["data"]] == [2.0, 1.0]
    # another offset is the same time
    page = await get("/machines/P-1/readings", from_="2026-11-20T15:00:03+03:00")
    assert [reading["value"] for reading in page["data"]] == [3.0]


async def test_readings_are_filtered_by_tag_device_and_type(gateway, get):
    described = (*TAGS, Tag("oven", "temp", "P-1", "temperature"))
    block = concatenate([rows(1.0), rows(2.0, tag=COUNT), rows(3.0, tag=3)])
    await gateway.send(block, tags=described)
    for query, values in (
        ({"tag": "temp"}, {1.0, 3.0}),
        ({"device": "press"}, {1.0, 2.0}),
        ({"device": "oven", "tag": "temp"}, {3.0}),
        ({"reading_type": "part_count"}, {2.0}),
        ({"tag": "nothing"}, set()),
    ):
        page = await get("/machines/P-1/readings", **query)
        assert {reading["value"] for reading in page["data"]} == values, query


async def test_skip_leaves_out_the_newest(gateway, get):
    await gateway.send(rows(*range(10)))
    page = await get("/machines/P-1/readings", skip=3, limit=4)
    assert [reading["value"] for reading in page["data"]] == [6.0, 5.0, 4.0, 3.0]
    rest = await get("/machines/P-1/readings", limit=4, cursor=page["meta"]["next_cursor"])
    assert [reading["value"] for reading in rest["data"]] == [2.0, 1.0, 0.0]


async def test_readings_that_come_between_two_pages_are_neither_shown_twice_nor_hide_others(gateway, get):
    await gateway.send(rows(*range(4)))
    first = await get("/machines/P-1/readings", limit=2)
    await gateway.send(rows(9.0, ts=NOON + 60 * SECOND))
    rest = await get("/machines/P-1/readings", limit=9, cursor=first["meta"]["next_cursor"])
    assert [reading["value"] for reading in first["data"] + rest["data"]] == [3.0, 2.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 1001},
        {"limit": 0},
        {"cursor": "nonsense"},
        {"cursor": "WzFd"},
        {"from": "2026-11-20T12:00:00"},
        {"from": "1999-01-01T00:00:00Z"},
        {"reading_type": "mood"},
        {"tag": ""},
        {"skip": -1},
    ],
    ids=str,
)
async def test_a_question_that_makes_no_sense_is_refused(gateway, get, tenant, query):
    answer = await gateway.client.get("/machines/P-1/readings", params=query, headers=tenant.worker)
    assert answer.status_code == 422


@pytest.mark.parametrize("nul", ["/machines/P-1/readings?tag=a%00b", "/gaps?device=%00", "/machines/%00/status"])
async def test_a_name_that_no_database_can_hold_is_refused_or_not_found(gateway, get, tenant, nul):
    assert (await gateway.client.get(nul, headers=tenant.worker)).status_code in {404, 422}


async def test_a_cursor_at_the_end_of_time_is_answered(gateway, get):
    await gateway.send(from_rows([TEMP], [4_102_444_799_999_999], NOON, [1.0]))
    await gateway.send(rows(2.0, ts=0))
    found = await walk(get, "/machines/P-1/readings", limit=1)
    assert [reading["timestamp"] for reading in found] == ["2099-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z"]


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_readings_far_apart_are_found_however_few_there_are(gateway, get, limit):
    days = (0, 1, 2, 29, 31, 33, 300, 900)
    await gateway.send(from_rows([TEMP] * len(days), [NOON - day * DAY for day in days], NOON, list(map(float, days))))
    found = await walk(get, "/machines/P-1/readings", limit=limit)
    assert [reading["value"] for reading in found] == list(days)
    found = await walk(get, "/machines/P-1/readings", limit=limit, from_=iso(NOON - 31 * DAY), to=iso(NOON - DAY))
    assert [reading["value"] for reading in found] == [2, 29, 31]


@pytest.mark.parametrize(
    "place", ['["0001-01-01T00:00:00Z",1,1]', '["2026-11-20T12:00:00",1,1]', '["2026-11-20T12:00:00Z",1,"x"]', "[]"]
)
async def test_a_forged_cursor_is_refused(gateway, get, tenant, place):
    cursor = base64.urlsafe_b64encode(place.encode()).decode()
    answer = await gateway.client.get("/machines/P-1/readings", params={"cursor": cursor}, headers=tenant.worker)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "CURSOR_INVALID")

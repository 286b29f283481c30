"""The gap ledger: each hole once, in its newest revision whatever order it comes in, and what it takes of coverage."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.reading import ClosedBy, Gap, GapCause, concatenate, empty
from tests.integration.cloud.telemetry.sender import COUNT, NOON, SECOND, rows
from tests.integration.cloud.telemetry.test_history import get, iso, walk
from tests.integration.cloud.telemetry.test_rollups import HOUR, MINUTE, YESTERDAY, settle

__all__ = ["get"]
HOLES = [
    Gap(GapCause.COMMUNICATION_LOST, NOON, NOON + 10 * SECOND, "press", None, "timeout"),
    Gap(GapCause.OVERFLOW, NOON + 5 * SECOND, NOON + 6 * SECOND, "press", "temp"),
    Gap(GapCause.GATEWAY_DOWN, NOON + 20 * SECOND, NOON + 30 * SECOND),
    Gap(GapCause.BROKER_SESSION_LOST, NOON + 40 * SECOND, NOON + 50 * SECOND, "scale"),
]
OUTAGE = Gap(GapCause.COMMUNICATION_LOST, NOON, NOON, "press", None, "timeout", uuid4(), is_open=True)
ENDED = replace(OUTAGE, revision=2, to_us=NOON + 60 * SECOND, is_open=False)
CLOSED = replace(ENDED, revision=3, closed_us=NOON + 61 * SECOND, closed_by=ClosedBy.HISTORY)


async def test_gaps_are_listed_newest_first_with_their_cause(gateway, get):
    await gateway.send(empty(), HOLES)
    found = await walk(get, "/gaps", limit=2)
    assert [gap["cause"] for gap in found] == ["broker_session_lost", "gateway_down", "overflow", "communication_lost"]
    last = found[-1]
    assert (last["gateway"], last["device"], last["tag"]) == (gateway.caller.name, "press", None)
    assert (last["start"], last["end"], last["detail"]) == (iso(NOON), iso(NOON + 10 * SECOND), "timeout")
    assert (last["state"], last["closed_at"], last["closed_by"]) == ("open", None, None)


@pytest.mark.parametrize(
    ("query", "causes"),
    [
        # a gap of the whole gateway concerns each device, and one of a device each tag
        ({"device": "press"}, ["gateway_down", "overflow", "communication_lost"]),
        ({"device": "press", "tag": "count"}, ["gateway_down", "communication_lost"]),
        ({"device": "scale"}, ["broker_session_lost", "gateway_down"]),
        ({"machine": "P-1"}, ["gateway_down", "overflow", "communication_lost"]),
        ({"cause": "gateway_down"}, ["gateway_down"]),
        ({"from": iso(NOON + 8 * SECOND)}, ["broker_session_lost", "gateway_down", "communication_lost"]),
        ({"to": iso(NOON + 5 * SECOND)}, ["communication_lost"]),
        ({"from": iso(NOON + 10 * SECOND), "to": iso(NOON + 20 * SECOND)}, []),
        ({"state": "closed"}, []),
        ({"state": ["open", "Closed"]}, ["broker_session_lost", "gateway_down", "overflow", "communication_lost"]),
    ],
    ids=str,
)
async def test_gaps_are_filtered(gateway, get, query, causes):
    await gateway.send(rows(1.0), HOLES)
    assert [gap["cause"] for gap in (await get("/gaps", **query))["data"]] == causes


@pytest.mark.parametrize("query", [{"machine": "P-9"}, {"gateway": "nobody"}], ids=str)
async def test_gaps_of_what_is_not_there_are_not_found(gateway, get, tenant, query):
    assert (await gateway.client.get("/gaps", params=query, headers=tenant.worker)).status_code == 404


async def test_gaps_are_told_to_their_own_organization_only(gateway, get, new_tenant):
    await gateway.send(empty(), HOLES)
    assert len((await get("/gaps", gateway=gateway.caller.name))["data"]) == 4
    stranger = await new_tenant()
    assert (await gateway.client.get("/gaps", headers=stranger.admin)).json() == []
    answer = await gateway.client.get("/gaps", params={"gateway": gateway.caller.name}, headers=stranger.admin)
    assert answer.status_code == 404


@pytest.mark.parametrize("told", list(itertools.permutations([OUTAGE, ENDED, CLOSED])))
async def test_a_gap_is_there_once_as_it_was_told_last_in_whatever_order_its_batches_come(gateway, get, told):
    for gap in told:
        body = gateway.batch(empty(), [gap])
        for _ in range(2):
            assert (await gateway.post(body)).status_code == 200
    [found] = (await get("/gaps"))["data"]
    assert found["id"] == str(OUTAGE.id)
    assert (found["state"], found["closed_by"], found["closed_at"]) == ("closed", "history", iso(NOON + 61 * SECOND))
    assert (found["start"], found["end"]) == (iso(NOON), iso(NOON + 60 * SECOND))


async def test_an_outage_is_seen_while_it_lasts_and_several_revisions_in_one_batch_are_one(gateway, get):
    await gateway.send(empty(), [OUTAGE])
    [found] = (await get("/gaps", state="ongoing", from_=iso(NOON + HOUR)))["data"]
    assert (found["state"], found["end"]) == ("ongoing", None)
    await gateway.send(empty(), [ENDED, CLOSED, OUTAGE])
    assert [gap["state"] for gap in (await get("/gaps"))["data"]] == ["closed"]
    assert (await get("/gaps", state="ongoing"))["data"] == []


async def test_a_gap_without_a_name_is_called_after_its_batch(gateway, get):
    body = gateway.batch(empty(), HOLES)
    for _ in range(3):
        await gateway.post(body)
    names = [gap["id"] for gap in (await get("/gaps"))["data"]]
    assert len({UUID(name) for name in names}) == len(HOLES) == len(names)


async def test_another_gateways_gap_of_the_same_name_is_another(gateway, new_gateway, get):
    await gateway.send(empty(), [ENDED])
    other = await new_gateway(gateway.caller.organization_id)
    await other.send(empty(), [replace(CLOSED, device="oven")])
    assert [(gap["device"], gap["state"]) for gap in (await get("/gaps"))["data"]] == [
        ("oven", "closed"),
        ("press", "open"),
    ]


# ---- coverage


async def cover(get: Any, until: int = HOUR) -> dict[str, dict[str, Any]]:
    asked = {"from_": iso(YESTERDAY - HOUR), "to": iso(YESTERDAY + until)}
    return {tag["tag"]: tag for tag in (await get("/machines/P-1/coverage", **asked))["data"]}


async def test_coverage_is_what_no_gap_takes_from_the_tags_first_reading_on(gateway, get, database):
    gaps = [
        Gap(GapCause.GATEWAY_DOWN, YESTERDAY + 30 * MINUTE, YESTERDAY + 40 * MINUTE, None, None),
        Gap(GapCause.OVERFLOW, YESTERDAY + 35 * MINUTE, YESTERDAY + 50 * MINUTE, "press", "temp"),
        # once more, as a gateway would that was restored from a snapshot
        Gap(GapCause.OVERFLOW, YESTERDAY + 35 * MINUTE, YESTERDAY + 50 * MINUTE, "press", "temp"),
        Gap(GapCause.OVERFLOW, YESTERDAY, YESTERDAY + HOUR, "another", None),
    ]
    await gateway.send(concatenate([rows(1.0, ts=YESTERDAY), rows(1.0, tag=COUNT, ts=YESTERDAY)]), gaps)
    await settle(database)
    told = await cover(get)
    count, temp = told["count"], told["temp"]
    assert (count["seconds"], count["missing_s"], count["causes"]) == (3600, 600, {"gateway_down": 600})
    assert (temp["missing_s"], temp["causes"]) == (1200, {"gateway_down": 600, "overflow": 900})
    assert temp["coverage"] == pytest.approx(1 - 1200 / 3600)
    assert temp["start"] == iso(YESTERDAY)
    assert temp["holes"] == [
        {
            "start": iso(YESTERDAY + 30 * MINUTE),
            "end": iso(YESTERDAY + 50 * MINUTE),
            "causes": ["gateway_down", "overflow"],
        }
    ]


async def test_a_closed_gap_takes_nothing_and_one_that_goes_on_takes_all_until_now(gateway, get, database):
    await gateway.send(rows(1.0, ts=YESTERDAY))
    await settle(database)
    outage = replace(OUTAGE, from_us=YESTERDAY + 10 * MINUTE, to_us=YESTERDAY + 10 * MINUTE)
    await gateway.send(empty(), [outage])
    assert (await cover(get))["temp"]["missing_s"] == 3000
    ended = replace(outage, revision=2, to_us=YESTERDAY + 15 * MINUTE, is_open=False)
    await gateway.send(empty(), [ended])
    assert (await cover(get))["temp"]["missing_s"] == 300
    await gateway.send(empty(), [replace(ended, revision=3, closed_us=ended.to_us, closed_by=ClosedBy.HISTORY)])
    found = (await cover(get))["temp"]
    assert (found["missing_s"], found["coverage"], found["holes"]) == (0, 1, [])


async def test_a_gap_of_the_future_takes_nothing_of_the_past(gateway, get, database):
    await gateway.send(rows(1.0, ts=YESTERDAY))
    await settle(database)
    ahead = int(datetime.now(UTC).timestamp() * SECOND) + 48 * HOUR
    await gateway.send(empty(), [Gap(GapCause.CLOCK_STEP, ahead, ahead + HOUR)])
    found = (await cover(get, until=96 * HOUR))["temp"]
    assert (found["missing_s"], found["coverage"]) == (0, 1)


async def test_a_clock_that_was_set_back_takes_nothing_and_is_found_by_either_of_its_times(gateway, get, database):
    await gateway.send(rows(1.0, ts=YESTERDAY))
    await settle(database)
    await gateway.send(empty(), [Gap(GapCause.CLOCK_STEP, YESTERDAY + 30 * MINUTE, YESTERDAY + 20 * MINUTE)])
    assert (await cover(get))["temp"]["missing_s"] == 0
    for minute in (20, 29):
        asked = {"from_": iso(YESTERDAY + minute * MINUTE), "to": iso(YESTERDAY + (minute + 1) * MINUTE)}
        assert len((await get("/gaps", **asked))["data"]) == 1
    assert (await get("/gaps", from_=iso(YESTERDAY + 30 * MINUTE)))["data"] == []

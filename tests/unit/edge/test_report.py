from dataclasses import replace

import msgspec
import pytest

from edge.acquisition.status import StationState
from edge.acquisition.watch import DeviceCondition
from edge.report import Snapshot, health, instant
from edge.sync.link import LinkState
from tests.fakes.snapshots import NOW_US, snapshot, station


def test_a_sound_gateway_is_ok_and_says_how_far_its_readings_came() -> None:
    document = msgspec.json.decode(msgspec.json.encode(health(snapshot())))
    assert (document["status"], document["problems"]) == ("ok", [])
    assert (document["gateway"], document["site"], document["version"], document["pid"]) == (
        "hall-2",
        "Izmir",
        "1.2.3",
        42,
    )
    assert document["started"] == "2027-01-15T07:58:59Z"
    assert document["uptime_s"] == 61.0
    assert document["counters"] == {"read": 100, "kept": 40, "appended": 40, "committed": 39, "settled": 30}
    (connection,) = document["connections"]
    assert (connection["name"], connection["protocol"], connection["state"]) == ("line-a", "modbus", "up")
    assert (connection["readings"], connection["kept"], connection["not_finite"]) == (100, 40, 1)
    assert connection["devices"] == [
        {
            "name": "press-1",
            "last_received": "2027-01-15T07:59:57.500000Z",
            "age_s": 2.5,
            "tags": 4,
            "good": 2,
            "uncertain": 1,
            "bad": 0,
            "last_bad_status": None,
            "clock_skew_s": None,
        }
    ]
    assert (document["buffer"]["rows"], document["buffer"]["oldest_age_s"]) == (9, 1.0)
    assert (document["sync"]["state"], document["sync"]["settled"]) == ("up", 3)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (
            snapshot(stations=[station(state=StationState.DOWN, last_error="refused")]),
            "connection line-a is down: refused",
        ),
        (snapshot(stations=[station(state=StationState.CONNECTING)]), "connection line-a is connecting"),
        (
            snapshot(stations=[station(devices=[DeviceCondition("d", NOW_US, 5, 2, 0, 3, 0x80310000)])]),
            "device d: 3 of 5 tags are bad, status 0x80310000",
        ),
        (snapshot(buffer=replace(snapshot().buffer, failure="disk full")), "the buffer cannot write: disk full"),
        (snapshot(buffer=replace(snapshot().buffer, bytes=9_500)), "the buffer is 95% full"),
        (snapshot(buffer=replace(snapshot().buffer, quarantined=2)), "2 batches are in quarantine"),
        (
            snapshot(sync=replace(snapshot().sync, state=LinkState.UNAUTHORIZED, last_error="401")),
            "the cloud is unauthorized: 401",
        ),
    ],
)
def test_what_somebody_should_look_at_degrades_it(broken: Snapshot, problem: str) -> None:
    document = health(broken)
    assert document["status"] == "degraded"
    assert document["problems"] == [problem]


def test_a_gateway_that_stops_says_so_whatever_else_is_wrong() -> None:
    stopping = snapshot(is_stopping=True, stations=[station(state=StationState.STOPPED)])
    assert health(stopping)["status"] == "stopping"


def test_times_are_written_in_utc_with_z() -> None:
    assert instant(None) is None
    assert instant(1) == "1970-01-01T00:00:00.000001Z"

"""Tags that hold the server's times of others: which there are, and that each time is the one the server gave."""

import datetime as dt

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.changes import Picks, changes
from edge.drivers.opcua.config import OpcUaDevice, OpcUaTag
from edge.drivers.opcua.picking import Pick
from edge.drivers.opcua.servertimes import ServerTimes, by_point, holds_times
from edge.drivers.spec import Point, TagClass
from edge.ports import Sample, Settled
from shared.reading import ClosedBy, Gap, GapCause, Quality, empty

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
RECEIVED = 1_795_176_001_000_000
SOURCE = 1_795_176_000_123_456
SERVER = 1_795_176_000_623_457


def point(name: str, **options: object) -> Point:
    tag = OpcUaTag.model_validate({"node": f"ns=2;s={name}", **options})
    return Point("press", name, 0.1, OpcUaDevice(name="press", on="plc"), tag)


def time(us: int | None) -> dt.datetime | None:
    return None if us is None else EPOCH + dt.timedelta(microseconds=us)


def item(handle: int, value: object, source: int | None, server: int | None, status: int = 0) -> object:
    data = ua.DataValue(
        ua.Variant(value),
        StatusCode=ua.StatusCode(ua.UInt32(status)),
        SourceTimestamp=time(source),
        ServerTimestamp=time(server),
    )
    return ua.MonitoredItemNotification(handle, data)


def change(*items: object) -> bytes:
    return len(items).to_bytes(4, "little") + b"".join(map(struct_to_binary, items))


def test_only_those_that_want_it_get_a_tag_beside_them() -> None:
    points = [point("a"), point("b", server_time=True), point("c", server_time=False)]
    times = ServerTimes(is_wanted=False)
    assert [made.name for made in times.extend(points)] == ["b_server_time"]
    assert [times.place(at) for at in range(4)] == [None, 3, None, None]
    points = [point("a"), point("b", server_time=True), point("c", server_time=False)]
    assert [made.name for made in ServerTimes(is_wanted=True).extend(points)] == ["a_server_time", "b_server_time"]


def test_the_tag_beside_keeps_every_time_and_travels_in_the_same_lane() -> None:
    (made,) = ServerTimes(is_wanted=True).extend([point("a", **{"class": "state"})])
    assert (made.options.unit, made.options.publish and made.options.publish.on) == ("us", "sample")
    assert (made.options.lane, made.device, made.every_s) == (TagClass.STATE, "press", 0.1)
    assert holds_times(made)
    assert not holds_times(point("a"))


def test_points_that_are_found_later_get_theirs_behind_all_others() -> None:
    points, times = [point("a")], ServerTimes(is_wanted=True)
    times.extend(points)
    points += [point("b"), point("c", server_time=False)]
    assert [made.name for made in times.extend(points, 2)] == ["b_server_time"]
    assert [each.name for each in points] == ["a", "a_server_time", "b", "c", "b_server_time"]
    assert [times.place(at) for at in range(5)] == [1, None, 4, None, None]


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    assert ServerTimes(is_wanted=True).extend([point("a"), point("a_server_time", server_time=False)]) == []


def test_both_times_of_a_value_come_under_the_sources() -> None:
    picks = Picks({2: Pick(("x",))}, server_times=by_point([(0, 4), (2, 5)]))
    data = change(
        item(0, 1.5, SOURCE, SERVER),
        item(1, 2.5, SOURCE, SERVER),
        item(2, "text", SOURCE, SERVER + 1),
        item(0, 3.5, SOURCE + 1, None),
        item(9, 3.5, SOURCE, SERVER),
    )
    found = changes(data, 0, RECEIVED, picks)
    assert found.beside is not None
    assert found.readings.tag.tolist() == [0, 1, 2, 0, 9], "values are as they are without it"
    assert found.beside.tag.tolist() == [4, 5]
    assert found.beside.ts.tolist() == [SOURCE, SOURCE]
    assert found.beside.received.tolist() == [RECEIVED, RECEIVED]
    assert [int(each) for each in found.beside.value] == [SERVER, SERVER + 1]
    assert found.beside.flags.tolist() == found.beside.status.tolist() == [0, 0]


def test_of_a_bad_value_the_server_time_is_good() -> None:
    data = change(item(0, 1.5, SOURCE, SERVER, ua.StatusCodes.BadSensorFailure))
    found = changes(data, 0, RECEIVED, Picks(server_times=by_point([(0, 1)])))
    assert found.beside is not None
    assert (found.readings.quality.tolist(), found.beside.quality.tolist()) == ([Quality.BAD], [Quality.GOOD])
    assert int(found.beside.value[0]) == SERVER


def test_a_source_without_a_clock_has_its_time_from_the_server_twice() -> None:
    found = changes(change(item(0, 1.5, None, SERVER)), 0, RECEIVED, Picks(server_times=by_point([(0, 1)])))
    assert found.beside is not None
    assert (found.readings.ts.tolist(), found.beside.ts.tolist(), found.beside.value.tolist()) == (
        [SERVER],
        [SERVER],
        [float(SERVER)],
    )


def test_a_hole_of_a_value_is_one_of_its_server_times_and_no_other() -> None:
    times = ServerTimes(is_wanted=False)
    times.extend([point("a", server_time=True), point("b")])
    whole, of_a, of_b = (Gap(GapCause.OVERFLOW, 1, 2, "press", tag) for tag in (None, "a", "b"))
    told = times.told(Sample(empty(), gaps=[whole, of_a, of_b]))
    assert [gap.tag for gap in told.gaps] == [None, "a", "b", "a_server_time"]
    assert {(gap.from_us, gap.to_us, gap.cause) for gap in told.gaps} == {(1, 2, GapCause.OVERFLOW)}


def test_what_is_settled_of_a_value_is_settled_of_its_server_times() -> None:
    times = ServerTimes(is_wanted=False)
    times.extend([point("a", server_time=True), point("b")])
    device = Settled("press", ClosedBy.UNCHANGED, waiting=["a", "b"])
    told = times.told(Sample(empty(), settled=[device, Settled("press", ClosedBy.HISTORY, "a")]))
    assert [(word.tag, list(word.waiting)) for word in told.settled] == [
        (None, ["a", "b", "a_server_time"]),
        ("a", []),
        ("a_server_time", []),
    ]


def test_where_nobody_wants_it_there_is_nothing_beside() -> None:
    assert changes(change(item(0, 1.5, SOURCE, SERVER)), 0, RECEIVED).beside is None
    assert by_point([]) is None


@given(st.integers(0, 7_000_000_000_000_000))
def test_a_time_is_kept_to_the_microsecond(us: int) -> None:
    found = changes(change(item(0, 1, SOURCE, us)), 0, RECEIVED, Picks(server_times=by_point([(0, 1)])))
    assert found.beside is not None
    # 1970 itself is no time that a server gives
    assert found.beside.value.tolist() == ([float(us)] if us else [])
    assert all(int(value) == us for value in found.beside.value)


@pytest.mark.parametrize("name", ["x" * 200, "x" * 190])
def test_a_long_name_stays_within_what_the_wire_takes(name: str) -> None:
    (made,) = ServerTimes(is_wanted=True).extend([point(name)])
    assert len(made.name) == 200
    assert np.char.endswith(made.name, "_server_time")

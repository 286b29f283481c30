"""Payloads to readings: values, texts, times and flags as sent, and bad readings with a reason for all else."""

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.broker.inflight import Message
from edge.drivers.broker.rows import Trouble
from edge.drivers.mqtt.config import MqttDevice
from edge.drivers.mqtt.decode import Counts, decode
from edge.drivers.mqtt.plan import Plan
from edge.drivers.spec import Point
from shared.reading import Flag, Quality, Readings
from shared.wire.batch import MAX_TEXT

RECEIVED_US = 1_795_176_000_000_000
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abct"), inner, max_size=4),
    max_leaves=8,
)


def plan(tags: Mapping[str, str], ts: str | None = None, topic: str = "t") -> Plan:
    device = MqttDevice.model_validate(
        {
            "name": "d",
            "on": "b",
            "topic": topic,
            "ts": {"path": "$.t", "format": ts} if ts else None,
            "tags": {name: {"json": path} for name, path in tags.items()},
        }
    )
    return Plan("b", [Point("d", name, 1.0, device, tag) for name, tag in device.tags.items()])


def message(payload: bytes, topic: str = "t", *, is_retained: bool = False) -> Message:
    return Message(topic, payload, RECEIVED_US, 1, is_retained)


def read(payload: bytes, tags: Mapping[str, str] | None = None, ts: str | None = None) -> Readings:
    return decode([message(payload)], plan(tags or {"v": "$"}, ts), Counts())


def only(readings: Readings) -> tuple[float, int, int, str | None]:
    assert len(readings) == 1
    return readings.value[0], readings.quality[0], readings.status[0], readings.text.get(0)


def test_a_message_becomes_a_row_for_each_point() -> None:
    readings = read(
        b'{"a": 1.5, "b": [7, true], "t": 1795176000123}', {"x": "$.a", "y": "$.b[0]", "z": "$.b[1]"}, "unix_ms"
    )
    assert readings.tag.tolist() == [0, 1, 2]
    assert readings.value.tolist() == [1.5, 7.0, 1.0]
    assert readings.ts.tolist() == [1_795_176_000_123_000] * 3
    assert readings.received.tolist() == [RECEIVED_US] * 3
    assert not readings.quality.any()
    assert not readings.flags.any()
    assert not readings.status.any()
    assert readings.text == {}


def test_messages_of_a_turn_become_one_block_in_their_order() -> None:
    wanted = plan({"v": "$.v", "w": "$.w"})
    payloads = [b'{"v": 1, "w": 2}', b"oops", b'{"v": "on", "w": 3}', b'{"v": 4, "w": null}']
    counts = Counts()
    readings = decode([message(payload) for payload in payloads], wanted, counts)
    assert readings.tag.tolist() == [0, 1] * 4
    np.testing.assert_array_equal(readings.value, [1, 2, math.nan, math.nan, math.nan, 3, 4, math.nan])
    assert readings.status.tolist() == [0, 0, Trouble.MALFORMED, Trouble.MALFORMED, 0, 0, 0, Trouble.NULL]
    assert readings.text == {4: "on"}
    assert counts == Counts(malformed=1)


@pytest.mark.parametrize(
    ("payload", "value", "text"),
    [
        (b"21.5", 21.5, None),
        (b" -3\n", -3.0, None),
        (b"true", 1.0, None),
        (b"false", 0.0, None),
        (b"1e3", 1000.0, None),
        (b"9007199254740992", 2.0**53, None),
        (b"9007199254740993", 2.0**53, "9007199254740993"),
        (b"-9223372036854775809", -(2.0**63), "-9223372036854775809"),
        (b"123456789012345678901234567890", 1.2345678901234568e29, "123456789012345678901234567890"),
        (b"1e300", 1e300, None),
        (b"\xef\xbb\xbf21.5", 21.5, None),
        ('{"a": 1}'.encode("utf-16"), None, None),
        (b'"21.5"', math.nan, "21.5"),
        ('"çalışıyor"'.encode(), math.nan, "çalışıyor"),
        (b'""', math.nan, ""),
        (b'"' + b"x" * MAX_TEXT + b'"', math.nan, "x" * MAX_TEXT),
    ],
)
def test_numbers_truths_and_texts_are_taken_as_they_are(payload: bytes, value: float | None, text: str | None) -> None:
    if value is None:
        assert read(payload, {"v": "$.a"}).value.tolist() == [1.0]
        return
    seen, quality, status, told = only(read(payload))
    np.testing.assert_equal(seen, value)
    assert (quality, status, told) == (Quality.GOOD, 0, text)


@pytest.mark.parametrize(
    ("payload", "trouble"),
    [
        (b"", Trouble.MALFORMED),
        (b"ON", Trouble.MALFORMED),
        (b'{"v": 1', Trouble.MALFORMED),
        (b"\xff\xfe\xfd", Trouble.MALFORMED),
        (b"[" * 5000, Trouble.MALFORMED),
        (b"1" * 5000, Trouble.MALFORMED),
        (None, Trouble.TOO_LARGE),
        (b"null", Trouble.NULL),
        (b"{}", Trouble.WRONG_TYPE),
        (b"[1]", Trouble.WRONG_TYPE),
        (b"NaN", Trouble.NOT_FINITE),
        (b"-Infinity", Trouble.NOT_FINITE),
        (b"1e400", Trouble.NOT_FINITE),
        (b"1" + b"0" * 400, Trouble.TOO_BIG),
        (b'"a\\u0000b"', Trouble.BAD_TEXT),
        (b'"\\ud800"', Trouble.BAD_TEXT),
        (b'"' + b"x" * (MAX_TEXT + 1) + b'"', Trouble.BAD_TEXT),
    ],
)
def test_what_is_no_value_is_a_bad_reading_that_says_why(payload: bytes, trouble: Trouble) -> None:
    readings = read(payload)
    value, quality, status, text = only(readings)
    assert math.isnan(value)
    assert (quality, status, text) == (Quality.BAD, trouble, None)
    assert bool(readings.flags[0] & Flag.NOT_FINITE) == (trouble is Trouble.NOT_FINITE)


def test_one_bad_member_leaves_the_others_good() -> None:
    payload = b'{"a": NaN, "b": 2, "c": {"d": 1}, "e": 1e999, "f": "txt"}'
    readings = read(payload, {name: f"$.{name}" for name in "abcdef"})
    assert readings.status.tolist() == [
        Trouble.NOT_FINITE, 0, Trouble.WRONG_TYPE, Trouble.MISSING, Trouble.NOT_FINITE, 0,
    ]  # fmt: skip
    assert readings.value[1] == 2
    assert readings.text == {5: "txt"}


def test_a_point_that_the_message_lacks_is_told_as_missing() -> None:
    assert only(read(b'{"w": 1}', {"v": "$.v"}))[1:3] == (Quality.BAD, Trouble.MISSING)
    assert only(read(b"5", {"v": "$.v"}))[1:3] == (Quality.BAD, Trouble.MISSING)


@pytest.mark.parametrize(
    ("payload", "ts", "flags"),
    [
        (b'{"v": 1, "t": 1795176000}', 1_795_176_000_000_000, 0),
        (b'{"v": 1}', 0, 0),
        (b'{"v": 1, "t": "yesterday"}', 0, Flag.SOURCE_TIME_REPLACED),
        (b'{"v": 1, "t": null}', 0, Flag.SOURCE_TIME_REPLACED),
        (b'{"v": 1, "t": 0}', 0, Flag.SOURCE_TIME_REPLACED),
        (b'{"v": 1, "t": 1e300}', 0, Flag.SOURCE_TIME_REPLACED),
    ],
)
def test_the_messages_time_counts_and_an_unusable_one_is_flagged(payload: bytes, ts: int, flags: int) -> None:
    readings = read(payload, {"v": "$.v"}, "unix_s")
    assert (readings.ts.tolist(), readings.flags.tolist()) == ([ts], [flags])
    assert readings.value.tolist() == [1.0]


def test_what_a_broker_had_retained_is_flagged_even_when_it_is_bad() -> None:
    messages = [message(b"1", is_retained=True), message(b"x", is_retained=True), message(b"1")]
    readings = decode(messages, plan({"v": "$"}), Counts())
    assert readings.flags.tolist() == [Flag.RETAINED, Flag.RETAINED, 0]


def test_a_topic_that_nobody_has_gives_no_rows_and_is_counted() -> None:
    counts = Counts()
    readings = decode([message(b"1", "old/topic"), message(b"2")], plan({"v": "$"}), counts)
    assert readings.value.tolist() == [2.0]
    assert counts.unrouted == 1
    assert len(decode([], plan({"v": "$"}), counts)) == 0


def test_devices_that_share_a_topic_each_take_their_part() -> None:
    shared = [
        MqttDevice.model_validate({"name": name, "on": "b", "topic": "t", "tags": {"v": {"json": f"$.{name}"}}, **more})
        for name, more in (("a", {"ts": {"path": "$.t", "format": "unix_s"}}), ("b", {}))
    ]
    both = Plan("b", [Point(device.name, "v", 1.0, device, device.tags["v"]) for device in shared])
    readings = decode([message(b'{"a": 1, "b": 2, "t": 1795176000}')], both, Counts())
    assert readings.tag.tolist() == [0, 1]
    assert readings.value.tolist() == [1.0, 2.0]
    assert readings.ts.tolist() == [1_795_176_000_000_000, 0]


def _check(readings: Readings, rows: int) -> None:
    columns = [
        readings.tag,
        readings.ts,
        readings.received,
        readings.value,
        readings.quality,
        readings.flags,
        readings.status,
    ]
    assert [len(column) for column in columns] == [rows] * 7
    bad = readings.quality == Quality.BAD
    np.testing.assert_array_equal(readings.status != 0, bad)
    assert np.isnan(readings.value[bad]).all()
    assert not np.isinf(readings.value).any()
    assert (readings.ts >= 0).all()
    assert list(readings.text) == sorted(readings.text)
    for row, text in readings.text.items():
        assert not bad[row]
        assert len(text.encode()) <= MAX_TEXT
    assert all(row in readings.text for row in np.flatnonzero(np.isnan(readings.value) & ~bad).tolist())


TAGS = {"root": "$", "a": "$.a", "b": "$.b", "inner": "$.a.b", "item": "$.c[1]", "time": "$.t"}


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from(["unix_s", "unix_ns", "iso8601"]))
def test_no_bytes_crash_it(payloads: Sequence[bytes], ts: str) -> None:
    readings = decode([message(payload) for payload in payloads], plan(TAGS, ts), Counts())
    _check(readings, len(TAGS) * len(payloads))


@settings(deadline=None)
@given(st.lists(documents, min_size=1, max_size=5), st.sampled_from(["unix_s", "unix_ns", "iso8601"]))
def test_no_document_crashes_it(contents: Sequence[object], ts: str) -> None:
    payloads = [json.dumps(content).encode() for content in contents]
    readings = decode([message(payload) for payload in payloads], plan(TAGS, ts), Counts())
    _check(readings, len(TAGS) * len(payloads))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False, allow_infinity=False) | st.integers()))
def test_every_number_comes_through_exactly(numbers: dict[str, float]) -> None:
    readings = read(json.dumps(numbers).encode(), {name: f"$.{name}" for name in "abc"})
    for row, name in enumerate("abc"):
        if name not in numbers:
            assert readings.status[row] == Trouble.MISSING
        elif isinstance(numbers[name], int):
            assert int(readings.text.get(row, int(readings.value[row]))) == numbers[name]
        else:
            assert readings.value[row] == numbers[name]


def entry(**options: object) -> Plan:
    device = MqttDevice.model_validate({"name": "d", "on": "b", "topic": "t", **options})
    tags = [Point("d", name, 1.0, device, tag) for name, tag in device.tags.items() if name not in device.families]
    found = [Point("d", name, 1.0, device, tag) for name, tag in device.families.items()]
    return Plan("b", tags, found)


def test_an_array_of_points_that_name_themselves_has_each_its_own_time() -> None:
    named = entry(
        points={"path": "$.values[*]", "name": "$.n", "value": "$.v", "unlisted": {}},
        ts={"path": "$.t", "format": "unix_s"},
        tags={"a": {}},
    )
    payload = (
        b'{"values": [{"n": "a", "v": 1, "t": 1795176000}, {"n": "new", "v": "x"}, {"n": "a", "v": 3}, {"v": 4}, 5]}'
    )
    counts = Counts()
    readings = decode([message(payload)], named, counts)
    assert readings.tag.tolist() == [0, 1, 0]
    assert readings.ts.tolist() == [1_795_176_000_000_000, 0, 0]
    assert (readings.value[0], readings.text) == (1.0, {1: "x"})
    assert counts.unlisted == 2
    assert [point.name for point in named.announce()] == ["new"]


def test_an_array_of_elements_without_names_gives_every_tag_of_each() -> None:
    history = entry(points={"path": "$[*]"}, tags={"a": {"json": "$.a"}, "b": {"json": "$.b"}})
    readings = decode([message(b'[{"a": 1, "b": 2}, {"a": 3}]')], history, Counts())
    assert readings.tag.tolist() == [0, 1, 0, 1]
    assert readings.status.tolist() == [0, 0, 0, Trouble.MISSING]


def test_where_an_array_should_be_and_is_none_the_tags_are_bad() -> None:
    counts = Counts()
    named = entry(points={"path": "$.v", "name": "$.n", "value": "$.v"}, tags={"a": {}, "b": {}})
    readings = decode([message(b'{"v": 5}')], named, counts)
    assert readings.status.tolist() == [Trouble.MALFORMED] * 2
    assert counts.malformed == 1


def test_lines_of_csv_are_messages_of_their_own() -> None:
    table = entry(
        payload="csv",
        csv={"delimiter": ";", "header": True},
        ts={"column": "time", "format": "%d.%m.%Y %H:%M:%S", "timezone": "Europe/Istanbul"},
        tags={"temp": {"column": "T"}, "second": {"column": 2}},
    )
    readings = decode([message(b"time;T\n20.11.2026 15:00:00;21.5\n20.11.2026 15:00:01;\n")], table, Counts())
    assert readings.value[0] == 21.5
    assert readings.ts.tolist() == [1_795_176_000_000_000] * 2 + [1_795_176_001_000_000] * 2
    assert readings.status.tolist() == [0, Trouble.MISSING, Trouble.MISSING, Trouble.MISSING], "a header has no numbers"


def test_a_plain_text_is_a_value() -> None:
    plain = entry(payload="text", tags={"v": {}})
    readings = decode([message(b"ON"), message(b"21.5"), message(b"\xff"), message(b"")], plain, Counts())
    assert readings.text == {0: "ON"}
    assert readings.value[1] == 21.5
    assert readings.status.tolist() == [0, 0, Trouble.MALFORMED, Trouble.MISSING]

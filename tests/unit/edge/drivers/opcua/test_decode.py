"""Publish responses, as asyncua's server encodes them and as nobody should."""

import contextlib
import datetime as dt

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.decode import DecodeError, Notification, notification
from shared.reading import Quality

RECEIVED = 1_790_000_000_000_000
NOW = dt.datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=dt.UTC)
NOW_US = 1_795_176_000_123_456


def response(*parts: object, sequence: int = 3, available: tuple[int, ...] = (1, 2), more: bool = False) -> bytes:
    answer = ua.PublishResponse()
    answer.Parameters.SubscriptionId = 78
    answer.Parameters.AvailableSequenceNumbers = list(available)
    answer.Parameters.MoreNotifications = more
    answer.Parameters.NotificationMessage.SequenceNumber = sequence
    answer.Parameters.NotificationMessage.NotificationData = list(parts)
    answer.Parameters.Results = [ua.StatusCode()]
    return struct_to_binary(answer)


def change(*values: tuple[int, object]) -> ua.DataChangeNotification:
    return ua.DataChangeNotification(
        MonitoredItems=[
            ua.MonitoredItemNotification(handle, ua.DataValue(ua.Variant(value), SourceTimestamp=NOW))
            for handle, value in values
        ]
    )


def decoded(data: bytes, points: int = 10) -> Notification:
    return notification(data, points, RECEIVED)


def test_a_data_change_becomes_readings() -> None:
    found = decoded(response(change((4, 1.5), (2, "on"), (4, 2.5)), more=True))
    assert (found.subscription, found.sequence, found.has_data, found.more) == (78, 3, True, True)
    assert found.readings.tag.tolist() == [4, 2, 4]
    assert found.readings.value.tolist() == [1.5, pytest.approx(float("nan"), nan_ok=True), 2.5]
    assert found.readings.text == {1: "on"}
    assert found.readings.ts.tolist() == [NOW_US] * 3
    assert found.readings.received.tolist() == [RECEIVED] * 3


def test_several_data_changes_in_one_notification_are_joined_in_order() -> None:
    found = decoded(response(change((0, 1.0)), ua.EventNotificationList(), change((1, "x"), (2, [1.0]))))
    assert found.readings.tag.tolist() == [0, 1, 2]
    assert found.readings.text == {1: "x"}
    assert found.readings.quality.tolist() == [Quality.GOOD, Quality.GOOD, Quality.BAD]
    assert [point for point, _ in found.unsupported] == [2]


def test_a_keep_alive_carries_nothing() -> None:
    found = decoded(response(available=()))
    assert (found.has_data, len(found.readings), found.ended) == (False, 0, None)


def test_the_end_of_a_subscription_is_told_with_its_status() -> None:
    found = decoded(response(ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))))
    assert (found.has_data, found.ended) == (True, ua.StatusCodes.BadTimeout)


def test_an_item_that_was_never_asked_for_is_an_error() -> None:
    assert len(decoded(response(change((9, 1.0)))).readings) == 1
    with pytest.raises(DecodeError, match="item 10, 10 were asked for"):
        decoded(response(change((10, 1.0))))


def test_a_response_cut_anywhere_is_an_error_or_whole() -> None:
    whole = response(change((0, 1.0), (1, "text"), (2, 3)))
    results = len(struct_to_binary(ua.StatusCode())) + 4 + 4
    for length in range(len(whole) - results):
        with pytest.raises(DecodeError):
            decoded(whole[:length])


@given(st.binary(max_size=300))
def test_bytes_from_anywhere_are_decoded_or_refused(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        decoded(data)


WHOLE = response(change((0, 1.0), (1, "text"), (2, [1, 2]), (3, True), (4, 2**60)))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_decoded_or_refused(at: int, byte: int) -> None:
    damaged = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    try:
        found = decoded(damaged)
    except DecodeError:
        return
    assert all(0 <= row < len(found.readings) for row in found.readings.text)
    assert all(tag < 10 for tag in found.readings.tag.tolist())

"""Owns the way from the bytes of a publish response, or of one sent again, to readings in columns; pure.

The session hands over what the server answered; `changes` reads the items of each data change in it; the driver takes
the readings on. Messages: OPC UA Part 4, 5.14.5 (publish) and 7.25, 7.26 (notifications).
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

from edge.drivers.opcua.changes import Changes, Picks, changes
from shared.reading import Readings, concatenate

NO_PICKS = Picks()
# the client handle of what is watched for the driver itself; node-opcua takes those beyond for none
WATCH_HANDLE = 2**31 - 1


class DecodeError(ValueError):
    """Bytes that are no publish response, or one about items that were never asked for."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A publish response.

    Attributes:
        subscription: The subscription that it is about.
        sequence: Its number; to be acknowledged unless it is a keep-alive.
        has_data: Whether it carries anything; a keep-alive does not.
        more: Whether the server has more to send at once.
        readings: In the server's order; `tag` is a point's place, `ts` is 0 where the source gave no time.
        unsupported: Point and reason for values that no reading can hold; they are bad readings too.
        ended: Status with which the server ended the subscription, or None.
        has_event: Whether it says that the server's model or namespaces have changed, or says those for the first time.
        beside: Server times, as `Changes` has them.
    """

    subscription: int
    sequence: int
    has_data: bool
    more: bool
    readings: Readings
    unsupported: list[tuple[int, str]] = field(default_factory=list)
    ended: int | None = None
    has_event: bool = False
    beside: Readings | None = None


def notification(data: bytes, points: int, received_us: int, picks: Picks = NO_PICKS) -> Notification:
    """Decode a publish response.

    Args:
        data: The response, from its type id on.
        points: How many points there are; an item's client handle is its point's place.
        received_us: When it arrived, microseconds since 1970 UTC.
        picks: What is taken of arrays and structures.

    Raises:
        DecodeError: It is none, is cut short, or names a point that is none.
    """
    return _checked(data, points, partial(_notification, data, received_us, picks))


def republished(data: bytes, points: int, received_us: int, picks: Picks = NO_PICKS) -> Notification:
    """Decode a notification that was sent again; `subscription` is 0, which it does not say. Otherwise as above."""
    return _checked(data, points, partial(_republished, data, received_us, picks))


def read_values(data: bytes, handles: Sequence[int], received_us: int, picks: Picks = NO_PICKS) -> Changes:
    """Decode the answer to a read of one value for each handle, in their order.

    Raises:
        DecodeError: It is none, is cut short, or holds another number of values.
    """
    try:
        buffer = Buffer(data)
        nodeid_from_binary(buffer)
        struct_from_binary(ua.ResponseHeader, buffer)
        return changes(data, buffer.cur_pos, received_us, picks, handles)
    except Exception as error:  # asyncua's codec raises nearly anything on bytes it did not expect
        raise DecodeError(f"a read response of {len(data)} bytes: {error!r}") from error


def _checked(data: bytes, points: int, decode: Callable[[Buffer], Notification]) -> Notification:
    try:
        buffer = Buffer(data)
        nodeid_from_binary(buffer)
        struct_from_binary(ua.ResponseHeader, buffer)
        decoded = decode(buffer)
    except Exception as error:  # asyncua's codec raises nearly anything on bytes it did not expect
        raise DecodeError(f"a publish response of {len(data)} bytes: {error!r}") from error
    tags = decoded.readings.tag
    if len(tags) and int(tags.max()) == WATCH_HANDLE:
        rows = np.flatnonzero(tags != WATCH_HANDLE)
        unsupported = [each for each in decoded.unsupported if each[0] != WATCH_HANDLE]
        decoded = replace(decoded, readings=decoded.readings.take(rows), unsupported=unsupported, has_event=True)
        tags = decoded.readings.tag
    if len(tags) and int(tags.max()) >= points:
        raise DecodeError(f"the server notifies of item {tags.max()}, {points} were asked for")
    return decoded


def _notification(data: bytes, received_us: int, picks: Picks, buffer: Buffer) -> Notification:
    subscription, available = struct.unpack("<Ii", buffer.read(8))
    buffer.skip(4 * max(0, available))
    (more,) = struct.unpack("<?", buffer.read(1))
    return _message(buffer, data, received_us, picks, subscription, more=more)


def _republished(data: bytes, received_us: int, picks: Picks, buffer: Buffer) -> Notification:
    return _message(buffer, data, received_us, picks, 0, more=False)


def _message(
    buffer: Buffer, data: bytes, received_us: int, picks: Picks, subscription: int, *, more: bool
) -> Notification:
    sequence, _, parts = struct.unpack("<Iqi", buffer.read(16))
    blocks: list[Readings] = []
    beside: list[Readings] = []
    unsupported: list[tuple[int, str]] = []
    ended, has_event = None, False
    for _ in range(parts):
        kind, body = _part(buffer)
        if kind == ObjectIds.DataChangeNotification_Encoding_DefaultBinary:
            found = changes(data, body, received_us, picks)
            blocks.append(found.readings)
            unsupported += found.unsupported
            if found.beside is not None:
                beside.append(found.beside)
        elif kind == ObjectIds.StatusChangeNotification_Encoding_DefaultBinary:
            (ended,) = struct.unpack_from("<I", data, body)
        elif kind == ObjectIds.EventNotificationList_Encoding_DefaultBinary:
            has_event = True
    readings, times = concatenate(blocks), concatenate(beside) if beside else None
    return Notification(subscription, sequence, parts > 0, more, readings, unsupported, ended, has_event, times)


def _part(buffer: Buffer) -> tuple[object, int]:
    """Move behind an ExtensionObject; return the number of its type and where its body begins."""
    kind = nodeid_from_binary(buffer)
    (encoding,) = buffer.read(1)
    if not encoding:
        return None, buffer.cur_pos
    (length,) = struct.unpack("<i", buffer.read(4))
    body = buffer.cur_pos
    if length < 0:
        raise ValueError(f"notification data of {length} bytes")
    buffer.skip(length)
    return kind.Identifier, body

"""Owns the way from the bytes of a publish response to readings in columns; pure.

The session hands over what the server answered; `changes` reads the items of each data change in it; the driver takes
the readings on. Messages: OPC UA Part 4, 5.14.5 (publish) and 7.25, 7.26 (notifications).
"""

import struct
from dataclasses import dataclass, field

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

from edge.drivers.opcua.changes import changes
from shared.reading import Readings, concatenate


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
    """

    subscription: int
    sequence: int
    has_data: bool
    more: bool
    readings: Readings
    unsupported: list[tuple[int, str]] = field(default_factory=list)
    ended: int | None = None


def notification(data: bytes, points: int, received_us: int) -> Notification:
    """Decode a publish response.

    Args:
        data: The response, from its type id on.
        points: How many points there are; an item's client handle is its point's place.
        received_us: When it arrived, microseconds since 1970 UTC.

    Raises:
        DecodeError: It is none, is cut short, or names a point that is none.
    """
    try:
        decoded = _notification(data, received_us)
    except Exception as error:  # asyncua's codec raises nearly anything on bytes it did not expect
        raise DecodeError(f"a publish response of {len(data)} bytes: {error!r}") from error
    tags = decoded.readings.tag
    if len(tags) and int(tags.max()) >= points:
        raise DecodeError(f"the server notifies of item {tags.max()}, {points} were asked for")
    return decoded


def _notification(data: bytes, received_us: int) -> Notification:
    buffer = Buffer(data)
    nodeid_from_binary(buffer)
    struct_from_binary(ua.ResponseHeader, buffer)
    subscription, available = struct.unpack("<Ii", buffer.read(8))
    buffer.skip(4 * max(0, available))
    more, sequence, _, parts = struct.unpack("<?Iqi", buffer.read(17))
    blocks: list[Readings] = []
    unsupported: list[tuple[int, str]] = []
    ended = None
    for _ in range(parts):
        kind, body = _part(buffer)
        if kind == ObjectIds.DataChangeNotification_Encoding_DefaultBinary:
            found = changes(data, body, received_us)
            blocks.append(found.readings)
            unsupported += found.unsupported
        elif kind == ObjectIds.StatusChangeNotification_Encoding_DefaultBinary:
            (ended,) = struct.unpack_from("<I", data, body)
    return Notification(subscription, sequence, parts > 0, more, concatenate(blocks), unsupported, ended)


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

"""What arrives from a broker, cut into packets: messages are read here, the rest is paho's; pure.

paho reads a message with three system calls and a dozen locks. Nearly all that a gateway hears is PUBLISH, whose
layout is simple (MQTT 3.1.1, 3.3; MQTT 5, 3.3), so those are taken out of the stream in whole reads and everything
else is left as it came. A message that is larger than anybody wants is never held: its head is read, the rest passed.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_PUBLISH = 0x30
# packets that are not messages are small; a longer one is no MQTT, or nothing that we could want
_LONGEST = 1_000_000
# a topic, its length, a packet identifier
_HEAD = 2 + 65535 + 2


class NoMqtt(ValueError):
    """What came cannot be MQTT."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Message:
    """One arrival.

    Attributes:
        topic, payload: As published; no payload if it was larger than the limit.
        received_us: When, microseconds since 1970 UTC.
        mid: Packet identifier; 0 for QoS 0, which is not acknowledged.
        is_retained: The broker had kept it for new subscribers.
        is_dup: The broker says that it may have been sent before.
        is_here: It arrived, or arrived again, on the present connection, so a PUBACK for it may be sent.
        is_committed: Its readings reached the disk while no connection was there to say so.
    """

    topic: str
    payload: bytes | None
    received_us: int
    mid: int
    is_retained: bool
    is_dup: bool = False
    is_here: bool = True
    is_committed: bool = False


class Splitter:
    """Cuts the stream of one connection; holds one packet that is not yet whole, and the whole ones of one read.

    Attributes:
        packets: What is whole and was not taken yet, in order: messages, and other packets as bytes.
        is_at_end: The connection's end was read.
    """

    def __init__(self, version: int, max_payload: int) -> None:
        """Begin at a packet's first byte.

        Args:
            version: 3 for MQTT 3.1.1, or 5.
            max_payload: Bytes; a larger payload is passed over.
        """
        self._is_v5 = version == 5
        self._max_payload = max_payload
        self._rest = b""
        # of a message that is too large, bytes still to come
        self._skip = 0
        self._trouble: NoMqtt | None = None
        self.packets: deque[Message | bytes] = deque()
        self.is_at_end = False

    def feed(self, data: bytes | None, now_us: int) -> deque[Message | bytes]:
        """Take what was read, and return `packets`, to be taken from the left.

        Args:
            data: Bytes; b"" for the end of the connection; None for nothing, only to go on with what is there.
            now_us: When they were read.

        Raises:
            NoMqtt: What comes next is not MQTT; raised once all before it was taken.
        """
        if data is None:
            if self._trouble is not None and not self.packets:
                raise self._trouble
        elif not data:
            self.is_at_end = True
        elif self._trouble is None:
            try:
                self._cut(data, now_us)
            except NoMqtt as error:
                self._trouble = error
                if not self.packets:
                    raise
        return self.packets

    def _cut(self, data: bytes, now_us: int) -> None:
        packets = self.packets
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while at + 2 <= end:
            kind = data[at]
            body, length = self._length(data, at + 1)
            if not body:
                break
            # QoS 2 is never asked for; paho may answer whoever sends it
            is_message = kind & 0xF0 == _PUBLISH and kind & 0x06 < 4
            if body + length <= end:
                to = body + length
                packets.append(self._message(kind, data, body, to, now_us) if is_message else data[at:to])
                at = to
            elif is_message and length > self._max_payload + _HEAD and end - body >= min(length, 2 * _HEAD):
                packets.append(self._message(kind, data, body, end, now_us, is_whole=False))
                self._skip = body + length - end
                at = end
            elif length > _LONGEST and not is_message:
                raise NoMqtt(f"a packet of type {kind >> 4} with {length} bytes")
            else:
                break
        self._rest = data[at:]

    @staticmethod
    def _length(data: bytes, at: int) -> tuple[int, int]:
        """Read a variable byte integer (MQTT 5, 1.5.5): where it ends and what it says; (0, 0) if it is not whole."""
        byte = data[at]
        if byte < 128:
            return at + 1, byte
        value, shift = byte & 127, 7
        for place in range(at + 1, at + 4):
            if place >= len(data):
                return 0, 0
            byte = data[place]
            value |= (byte & 127) << shift
            if byte < 128:
                return place + 1, value
            shift += 7
        raise NoMqtt("a length of more than four bytes")

    def _message(self, kind: int, data: bytes, at: int, to: int, now_us: int, *, is_whole: bool = True) -> Message:
        body = at + 2 + (data[at] << 8 | data[at + 1] if at + 2 <= to else _HEAD)
        mid = 0
        try:
            topic = data[at + 2 : body].decode()
        except UnicodeDecodeError:
            topic = ""  # no device has it: it will be acknowledged, and counted as unrouted
        if kind & 0x06:
            mid = data[body] << 8 | data[body + 1] if body + 2 <= to else 0
            body += 2
        if self._is_v5 and is_whole and body < to:
            start, length = self._length(data, body)
            body = start + length if start else to + 1
        if body > to or (kind & 0x06 and not mid):
            raise NoMqtt("a message whose head is longer than itself, or without an identifier")
        payload = data[body:to] if is_whole and to - body <= self._max_payload else None
        return Message(topic, payload, now_us, mid, bool(kind & 1), bool(kind & 8))


def pubacks(mids: Sequence[int]) -> bytes:
    """Return the acknowledgements of these packet identifiers, in this order (MQTT 3.1.1, 3.4; 4.6)."""
    return b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])

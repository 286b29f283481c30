"""The stream cut into packets: however it was read, whatever it holds, and never more held than allowed."""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.broker.packets import Message, NoMqtt, Splitter, pubacks

LIMIT = 300


def length(n: int) -> bytes:
    out = b""
    while True:
        n, digit = divmod(n, 128)
        out += bytes([digit | (128 if n else 0)])
        if not n:
            return out


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + length(len(body)) + body


def publish(topic: str, payload: bytes, mid: int = 0, *, properties: bytes | None = None, flags: int = 0) -> bytes:
    name = topic.encode()
    head = struct.pack("!H", len(name)) + name + (struct.pack("!H", mid) if mid else b"")
    if properties is not None:
        head += length(len(properties)) + properties
    return packet(0x30 | (2 if mid else 0) | flags, head + payload)


def cut(stream: bytes, sizes: Iterable[int], version: int = 3, limit: int = LIMIT) -> list[Message | bytes]:
    splitter, at, packets = Splitter(version, limit), 0, []
    for size in sizes:
        packets += list(splitter.feed(stream[at : at + size] or None, 7))
        splitter.packets.clear()
        at += size
    packets += list(splitter.feed(stream[at:] or None, 7))
    return packets


def shown(packets: Iterable[Message | bytes]) -> list[object]:
    return [p if isinstance(p, bytes) else (p.topic, p.payload, p.mid, p.is_retained, p.is_dup) for p in packets]


messages = st.tuples(st.text(max_size=20), st.binary(max_size=2 * LIMIT), st.integers(0, 65535), st.booleans())
sizes = st.lists(st.integers(1, 200), max_size=30)


@settings(deadline=None)
@given(st.lists(messages, max_size=6), sizes, st.booleans())
def test_messages_come_out_as_they_were_put_in_however_they_were_read(sent, sizes, is_v5) -> None:
    properties = b"\x02\x00\x00\x00\x09" if is_v5 else None
    stream, expected = b"", []
    for topic, payload, mid, is_retained in sent:
        stream += publish(topic, payload, mid, properties=properties, flags=is_retained) + b"\xd0\x00"
        kept = payload if len(payload) <= LIMIT else None
        expected += [(topic, kept, mid, is_retained, False), b"\xd0\x00"]
    assert shown(cut(stream, sizes, 5 if is_v5 else 3)) == expected


def test_a_payload_beyond_the_limit_is_passed_over_and_never_held() -> None:
    splitter = Splitter(3, 100)
    huge = publish("t", b"x" * 5_000_000, 9)
    arrived: list[Message | bytes] = []
    for at in range(0, len(huge), 65536):
        arrived += splitter.feed(huge[at : at + 65536], 7)
        splitter.packets.clear()
        assert len(splitter._rest) <= 2 * 65536 + 140_000
    arrived += splitter.feed(publish("t", b"1", 10), 7)
    assert shown(arrived) == [("t", None, 9, False, False), ("t", b"1", 10, False, False)]


@pytest.mark.parametrize(
    "stream",
    [
        b"\x30\x02\xff\xff",  # a topic longer than its packet
        b"\x32\x04\x00\x01t\x01",  # half a packet identifier
        b"\x32\x05\x00\x01t\x00\x00",  # packet identifier 0 (MQTT 3.1.1, 2.3.1-1)
        b"\x30\x80\x80\x80\x80\x01",  # a length of five bytes
        b"\xd0\xff\xff\xff\x7f",  # a ping of 256 MB
        b"\x30\x00",
    ],
)
def test_what_is_no_mqtt_is_told_after_what_came_before(stream: bytes) -> None:
    splitter = Splitter(3, LIMIT)
    packets = splitter.feed(publish("t", b"1") + stream, 7)
    assert shown(packets) == [("t", b"1", 0, False, False)]
    packets.clear()
    with pytest.raises(NoMqtt):
        splitter.feed(None, 7)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=100), max_size=20), st.sampled_from([3, 5]))
def test_no_bytes_crash_it(chunks: list[bytes], version: int) -> None:
    splitter = Splitter(version, LIMIT)
    try:
        for chunk in chunks:
            splitter.feed(chunk, 7)
    except NoMqtt:
        pass


def test_a_topic_that_is_no_text_is_nobodys() -> None:
    assert shown(cut(packet(0x30, b"\x00\x01\xff1"), [])) == [("", b"1", 0, False, False)]


def test_acknowledgements_keep_their_order() -> None:
    assert pubacks([1, 65535]) == b"\x40\x02\x00\x01\x40\x02\xff\xff"

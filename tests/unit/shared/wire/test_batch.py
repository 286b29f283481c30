"""The batch on the wire: what goes in comes out, and nothing that was tampered with does harm.

`by_the_document` reads, and `forge` builds, batches from docs/wire.md alone.
"""

import json
import re
import struct
import tracemalloc
import zlib
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors import WireError
from shared.reading import ClosedBy, Flag, Gap, GapCause, Quality, Readings, ReadingType, Tag, empty, from_rows
from shared.wire.batch import MAX_BODY, MAX_PAYLOAD, MAX_SEQ, MAX_TIME_US, Batch, BatchId, decode, encode, header

ID = BatchId("hall-2", UUID("00112233-4455-6677-8899-aabbccddeeff"), 41)
SEALED = 1_790_000_000_000_000
HEADER = struct.Struct("<4sBBHIIII16sQq")
# what a decoder may hold for 8 MiB of payload: the payload, its columns, and the objects of its dictionaries
MAX_MEMORY = 256 * 1024 * 1024

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)
times = st.integers(0, MAX_TIME_US - 1)
tags = st.builds(Tag, names, names, st.none() | names, st.sampled_from(ReadingType), names)
lives = st.fixed_dictionaries(
    {},
    optional={
        "id": st.uuids(),
        "revision": st.integers(1, 2**31 - 1),
        "is_open": st.booleans(),
        "closed_us": times,
        "closed_by": st.sampled_from(ClosedBy),
    },
)
gaps = st.builds(
    lambda *plain, life: Gap(*plain, **life),
    st.sampled_from(GapCause),
    times,
    times,
    st.none() | names,
    st.none() | names,
    names,
    life=lives,
)


@st.composite
def blocks(draw: st.DrawFn, tag_count: int) -> Readings:
    n = draw(st.integers(0, 30)) if tag_count else 0

    def column(strategy: st.SearchStrategy) -> list:
        return draw(st.lists(strategy, min_size=n, max_size=n))

    texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
    return from_rows(
        column(st.integers(0, max(0, tag_count - 1))),
        column(times),
        column(times),
        column(st.floats(width=64)),
        column(st.sampled_from(Quality)),
        column(st.integers(0, 255)),
        column(st.integers(0, 2**32 - 1)),
        draw(st.dictionaries(st.integers(0, n - 1), texts)) if n else {},
    )


@st.composite
def contents(draw: st.DrawFn) -> tuple[list[Tag], Readings, list[Gap]]:
    described = draw(st.lists(tags, max_size=5))
    return described, draw(blocks(len(described))), draw(st.lists(gaps, max_size=3))


def rows_of(described: list[Tag], readings: Readings) -> list[tuple[object, ...]]:
    """Return the rows by tag, then as taken; numbers by their bits, so that NaN equals itself."""
    return [
        (described[readings.tag[row]], *(getattr(readings, name)[row] for name in COLUMNS), readings.text.get(row))
        for row in np.argsort(readings.tag, kind="stable").tolist()
    ]


COLUMNS = ("ts", "received", "bits", "quality", "flags", "status")


class Bits(Readings):
    """Readings whose numbers can be compared by their bits."""

    __slots__ = ()

    @property
    def bits(self) -> np.ndarray:
        return self.value.view(np.uint64)


def with_bits(readings: Readings) -> Bits:
    return Bits(*(getattr(readings, name) for name in Readings.__slots__))


def a_batch() -> bytes:
    readings = from_rows([0, 1, 0], [SEALED, SEALED + 5, SEALED + 1000], SEALED + 2000, [20.5, float("nan"), 21.0])
    readings.text[1] = "Störung çalışıyor"
    described = [Tag("press", "temp", "P-1", ReadingType.TEMPERATURE, "Cel"), Tag("press", "mode")]
    return encode(ID, SEALED, described, readings, [Gap(GapCause.OVERFLOW, 1, 2, "press")])


def forge(payload: bytes, *, rows: int, plain: int | None = None, packed: bytes | None = None, seq: int = 1) -> bytes:
    """Frame any payload as docs/wire.md says, its checksum right."""
    body = zstandard.ZstdCompressor(level=1).compress(payload) if packed is None else packed
    size = len(payload) if plain is None else plain
    rest = b"g" + body
    fields = (len(body), size, rows, bytes(16), seq, SEALED)
    crc = zlib.crc32(HEADER.pack(b"TZGH", 1, 1, 1, 0, *fields)[12:] + rest)
    return HEADER.pack(b"TZGH", 1, 1, 1, crc, *fields) + rest


def fix_crc(data: bytes) -> bytes:
    return data[:8] + struct.pack("<I", zlib.crc32(data[12:])) + data[12:]


def payload_of(data: bytes) -> tuple[bytes, int]:
    fields = HEADER.unpack_from(data)
    return zstandard.ZstdDecompressor().decompress(data[HEADER.size + fields[3] :]), fields[7]


def decode_or_refuse(data: bytes, at_most: int = MAX_MEMORY) -> Batch | None:
    """Decode; anything but a batch or a WireError fails the test, and so does too much memory."""
    tracemalloc.start()
    try:
        return decode(data)
    except WireError:
        return None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < at_most, f"decoding {len(data)} bytes took {peak} bytes of memory"


@given(contents(), times, st.integers(0, MAX_SEQ), st.uuids(), names.filter(str.isprintable))
def test_what_is_encoded_is_decoded_again(content, sealed, seq, epoch, gateway):
    described, readings, holes = content
    identity = BatchId(gateway, epoch, seq)
    batch = decode(encode(identity, sealed, described, readings, holes))
    assert (batch.header.id, batch.header.sealed_us, batch.header.rows) == (identity, sealed, len(readings))
    assert batch.gaps == holes
    assert rows_of(batch.tags, with_bits(batch.readings)) == rows_of(described, with_bits(readings))
    assert batch.readings.tag.tolist() == sorted(batch.readings.tag.tolist())


@given(contents())
def test_the_same_content_gives_the_same_bytes(content):
    assert encode(ID, SEALED, *content) == encode(ID, SEALED, *content)


def test_only_the_tags_in_use_travel():
    described = [Tag("d", "unused"), Tag("d", "used")]
    assert decode(encode(ID, SEALED, described, from_rows([1], [5], 6, [7.0]))).tags == [described[1]]


def test_a_batch_may_hold_nothing_but_gaps():
    batch = decode(encode(ID, SEALED, [], empty(), [Gap(GapCause.GATEWAY_DOWN, 10, 20)]))
    assert (len(batch.readings), batch.tags, batch.gaps) == (0, [], [Gap(GapCause.GATEWAY_DOWN, 10, 20)])


def test_the_header_is_read_without_the_payload():
    assert header(a_batch()).id == ID
    assert header(a_batch()).rows == 3


def test_flags_and_codes_keep_every_bit():
    readings = from_rows([0], [1], 2, [float("-inf")], Quality.BAD, Flag.NOT_FINITE | Flag.RETAINED, 0x80AB0000)
    told = decode(encode(ID, SEALED, [Tag("d", "t")], readings)).readings
    assert (told.quality[0], told.flags[0], told.status[0], told.value[0]) == (2, 6, 0x80AB0000, float("-inf"))


# ---- docs/wire.md, taken at its word


def by_the_document(data: bytes) -> dict[str, object]:
    """Decode a batch with docs/wire.md in hand, and without the code under test."""
    _, version, codec, name_length, crc, packed, plain, rows, epoch, seq, sealed = HEADER.unpack_from(data)
    assert (version, codec, crc) == (1, 1, zlib.crc32(data[12:]))
    assert len(data) == 56 + name_length + packed
    payload = zstandard.ZstdDecompressor().decompress(data[56 + name_length :])
    assert len(payload) == plain
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return payload[at - size : at]

    def column(kind: str) -> list:
        width = struct.calcsize("<" + kind)
        planes = take(rows * width)
        return [struct.unpack("<" + kind, planes[row::rows])[0] for row in range(rows)]

    told = {name: json.loads(take(*struct.unpack("<I", take(4)))) for name in ("tags", "gaps")}
    for name, kind in zip(("tag", "ts", "received", "value", "quality", "flags", "status"), "IqqdBBI", strict=True):
        told[name] = column(kind)
    ts = 0
    for row in range(rows):
        told["ts"][row] = ts = ts + told["ts"][row]
        told["received"][row] += ts
    count = struct.unpack("<I", take(4))[0]
    which, lengths = (struct.unpack(f"<{count}I", take(4 * count)) for _ in range(2))
    told["text"] = {row: take(length).decode() for row, length in zip(which, lengths, strict=True)}
    assert at == len(payload)
    return {
        "gateway": data[56 : 56 + name_length].decode(),
        "epoch": UUID(bytes=epoch),
        "seq": seq,
        "sealed": sealed,
    } | told


def test_the_example_of_the_document_reads_as_the_document_says():
    page = (Path(__file__).parents[4] / "docs" / "wire.md").read_text("utf-8")
    data = bytes.fromhex(re.search(r"```hex\n(.*?)```", page, re.DOTALL)[1])
    told = by_the_document(data)
    batch = decode(data)
    assert (len(data), batch.header.id) == (313, BatchId("hall-2", told["epoch"], 41))
    assert batch.header.sealed_us == told["sealed"] == 1_790_000_000_500_000
    assert [tag.name for tag in batch.tags] == [tag["name"] for tag in told["tags"]] == ["temp", "mode"]
    assert batch.gaps == [Gap(GapCause.OVERFLOW, SEALED - 9, SEALED, "press")]
    for name in ("tag", "ts", "received", "quality", "flags", "status"):
        assert getattr(batch.readings, name).tolist() == told[name], name
    assert batch.readings.value[:2].tolist() == told["value"][:2] == [20.5, 21.0]
    assert batch.readings.text == told["text"] == {2: "Çalışıyor"}


@given(contents())
def test_the_document_describes_every_batch(content):
    described, readings, holes = content
    told = by_the_document(encode(ID, SEALED, described, readings, holes))
    rows = readings.take(np.argsort(readings.tag, kind="stable"))
    for name in ("ts", "received", "quality", "flags", "status"):
        assert told[name] == getattr(rows, name).tolist(), name
    assert struct.pack(f"<{len(rows)}d", *told["value"]) == rows.value.astype("<f8").tobytes()
    assert [told["tags"][tag]["name"] for tag in told["tag"]] == [described[tag].name for tag in rows.tag.tolist()]
    assert told["text"] == rows.text
    assert [hole["from_us"] for hole in told["gaps"]] == [hole.from_us for hole in holes]


# ---- what encode refuses, so that no sealed batch is unreadable


@pytest.mark.parametrize(
    ("described", "readings", "word"),
    [
        ([Tag("d", "t")], from_rows([0], [1], 2, [0.0], text={0: "x" * 4097}), "longer than 4096"),
        ([Tag("d", "t")], from_rows([0], [1], 2, [0.0], text={0: "a\0b"}), "NUL"),
        ([Tag("d", "t")], from_rows([0], [1], 2, [0.0], text={0: "\ud800"}), "surrogate"),
        ([Tag("d", "t")], from_rows([0], [-1], 2, [0.0]), "1970"),
        ([Tag("d", "t")], from_rows([0], [1], MAX_TIME_US, [0.0]), "2100"),
        ([Tag("d", "t")], from_rows([0], [1], 2, [0.0], quality=3), "quality 3"),
        ([Tag("d", "")], from_rows([0], [1], 2, [0.0]), "length"),
        ([Tag("d", "two\nlines")], from_rows([0], [1], 2, [0.0]), "regex"),
        ([Tag("d", "ends in a newline\n")], from_rows([0], [1], 2, [0.0]), "regex"),
    ],
)
def test_encode_refuses_what_decode_would(described, readings, word):
    with pytest.raises(WireError, match=word):
        encode(ID, SEALED, described, readings)


@pytest.mark.parametrize(
    "id",
    [
        BatchId("", ID.epoch, 1),
        BatchId("a\nb", ID.epoch, 1),
        BatchId("g" * 201, ID.epoch, 1),
        BatchId("g", ID.epoch, 2**63),
    ],
)
def test_encode_refuses_an_identity_that_the_database_cannot_hold(id: BatchId):
    with pytest.raises(WireError):
        encode(id, SEALED, [], empty())


def test_a_payload_over_eight_mebibytes_is_refused():
    many = 3000
    readings = from_rows([0] * many, [1] * many, 2, [0.0] * many, text=dict.fromkeys(range(many), "x" * 4000))
    with pytest.raises(WireError, match="at most 8388608"):
        encode(ID, SEALED, [Tag("d", "t")], readings)


def test_the_largest_payload_fits_the_largest_body_even_if_it_does_not_compress():
    noise = np.random.default_rng(1).bytes(MAX_PAYLOAD)
    assert len(zstandard.ZstdCompressor(level=1).compress(noise)) + HEADER.size + 800 <= MAX_BODY


# ---- tampering: only a WireError, and bounded memory


@given(st.binary(max_size=200))
@example(b"")
@example(b"TZGH")
def test_bytes_that_are_no_batch_are_refused(data: bytes):
    with pytest.raises(WireError):
        decode(data)


@pytest.mark.parametrize("at", range(HEADER.size + len("hall-2") + 12))
def test_a_flipped_bit_anywhere_is_noticed(at: int):
    data = bytearray(a_batch())
    data[at] ^= 1
    with pytest.raises(WireError):
        decode(bytes(data))


@pytest.mark.parametrize("cut", [1, 4, 30, 56, 60, -1])
def test_a_batch_cut_short_or_run_on_is_refused(cut: int):
    data = a_batch()
    with pytest.raises(WireError):
        decode(data[:cut])
    with pytest.raises(WireError):
        decode(data + data[:cut])


def test_another_version_is_told_apart_from_damage():
    data = bytearray(a_batch())
    data[4] = 2
    with pytest.raises(WireError) as refused:
        decode(fix_crc(bytes(data)))
    assert refused.value.code == "BATCH_VERSION_UNSUPPORTED"


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_changed_byte_under_a_right_checksum_does_harm(data: st.DataObject):
    batch = bytearray(a_batch())
    for _ in range(data.draw(st.integers(1, 4))):
        batch[data.draw(st.integers(6, len(batch) - 1))] = data.draw(st.integers(0, 255))
    decode_or_refuse(fix_crc(bytes(batch)))


@settings(max_examples=800, deadline=None)
@given(st.data())
def test_no_changed_payload_does_harm(data: st.DataObject):
    plain, rows = payload_of(a_batch())
    payload = bytearray(plain)
    for _ in range(data.draw(st.integers(1, 6))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)) | st.just(len(payload)))
    batch = decode_or_refuse(forge(bytes(payload[:cut]), rows=data.draw(st.integers(0, 4) | st.just(rows))))
    if batch is not None:
        # what passes the decoder can be stored: it can be said again, and read again
        told = with_bits(batch.readings)
        again = decode(encode(ID, SEALED, batch.tags, batch.readings, batch.gaps))
        assert rows_of(again.tags, with_bits(again.readings)) == rows_of(batch.tags, told)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 20))
def test_no_invented_payload_does_harm(payload: bytes, rows: int):
    decode_or_refuse(forge(payload, rows=rows))


def test_every_single_byte_of_a_payload_may_be_anything():
    plain, rows = payload_of(a_batch())
    for at in range(len(plain)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, plain[at] ^ 0x20):
            decode_or_refuse(forge(plain[:at] + bytes([value]) + plain[at + 1 :], rows=rows))


def section(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def test_a_frame_that_says_it_holds_a_terabyte_allocates_nothing():
    lying = b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + b"\x01\x00\x00"
    assert decode_or_refuse(forge(b"", rows=0, plain=12, packed=lying)) is None


def test_a_frame_that_says_less_than_it_holds_is_refused():
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(MAX_PAYLOAD * 4))
    assert decode_or_refuse(forge(b"", rows=0, plain=MAX_PAYLOAD, packed=bomb)) is None
    assert decode_or_refuse(forge(b"", rows=0, plain=MAX_PAYLOAD * 4, packed=bomb)) is None


def test_a_frame_without_a_size_is_refused():
    stream = zstandard.ZstdCompressor(level=1).compressobj()
    packed = stream.compress(bytes(1000)) + stream.flush()
    assert decode_or_refuse(forge(b"", rows=0, plain=1000, packed=packed)) is None


@pytest.mark.parametrize("frames", [2, 0])
def test_exactly_one_frame_is_accepted(frames: int):
    payload = section(b"[]") + section(b"[]") + struct.pack("<I", 0)
    packed = zstandard.ZstdCompressor(level=1).compress(payload)
    assert decode_or_refuse(forge(payload, rows=0, packed=packed)) is not None
    assert decode_or_refuse(forge(payload, rows=0, packed=packed * frames)) is None


def test_more_rows_than_the_payload_can_hold_are_refused_before_it_is_opened():
    assert decode_or_refuse(forge(bytes(1000), rows=2**32 - 1)) is None


def test_a_batch_number_beyond_63_bits_is_refused():
    payload = section(b"[]") + section(b"[]") + struct.pack("<I", 0)
    assert decode_or_refuse(forge(payload, rows=0, seq=2**63 - 1)) is not None
    assert decode_or_refuse(forge(payload, rows=0, seq=2**63)) is None


@pytest.mark.parametrize(
    "dictionary",
    [
        b"[" * 20_000 + b"]" * 20_000,
        b'[{"device":"d","name":"t","later":' + b"[" * 20_000 + b"]" * 20_000 + b"}]",
        b'[{"device":"d","name":"\\ud800"}]',
        b'[{"device":"d","name":"\xed\xa0\x80"}]',
        b'[{"device":"d","name":"\\u0000"}]',
        b'[{"device":"d","name":"' + b"t" * 201 + b'"}]',
        b'[{"device":"d","name":"t","reading_type":"mood"}]',
        b'[{"device":"d"}]',
        b"",
        b"null",
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_dictionary_that_is_not_one_is_refused(dictionary: bytes):
    payload = section(dictionary) + section(b"[]") + struct.pack("<I", 0)
    assert decode_or_refuse(forge(payload, rows=0)) is None


def test_a_member_that_a_later_edge_adds_is_passed_over():
    payload = section(b'[{"device":"d","name":"t","later":{"x":[1]}}]') + section(b"[]") + struct.pack("<I", 0)
    batch = decode_or_refuse(forge(payload, rows=0))
    assert batch is not None
    assert batch.tags == [Tag("d", "t")]


def test_a_dictionary_takes_memory_in_proportion_to_its_bytes():
    entry = b'{"device":"a","name":"b"},'
    payload = section(b"[" + entry * 20_000 + entry[:-1] + b"]") + section(b"[]") + struct.pack("<I", 0)
    assert decode_or_refuse(forge(payload, rows=0), at_most=len(payload) * MAX_MEMORY // MAX_PAYLOAD) is not None

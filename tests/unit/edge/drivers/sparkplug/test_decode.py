"""From messages to rows, gaps and requests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.broker.packets import Message
from edge.drivers.broker.rows import Trouble
from edge.drivers.sparkplug.config import SparkplugDevice
from edge.drivers.sparkplug.decode import Decoder, Heard, topic
from edge.drivers.sparkplug.nodes import Kind, Source
from edge.drivers.sparkplug.plan import Plan
from edge.drivers.spec import Point
from shared.reading import Flag, GapCause, Quality
from simulators import sparkplug as node

NOW_US = 1_795_176_000_000_000
NOW_MS = NOW_US // 1000
NODE = Source("G", "N")


def decoder(tags: dict[str, str], **options: object) -> Decoder:
    device = SparkplugDevice.model_validate(
        {
            "name": "press",
            "on": "b",
            "group": "G",
            "node": "N",
            "tags": {name: {"metric": metric} for name, metric in tags.items()},
            **options,
        }
    )
    families = [Point("press", name, 1.0, device, tag) for name, tag in device.families.items()]
    return Decoder(Plan([Point("press", name, 1.0, device, tag) for name, tag in device.tags.items()], families))


def message(kind: str, body: bytes | None, *, at_us: int = NOW_US, retained: bool = False) -> Message:
    return Message(f"spBv1.0/G/{kind}/N", body, at_us, 0, retained)


def birth(*metrics: node.Said, bd: int = 0) -> Message:
    return message("NBIRTH", node.payload([node.Said("bdSeq", node.INT64, bd), *metrics], seq=0, ts_ms=NOW_MS))


def data(*metrics: node.Said, seq: int = 1) -> Message:
    return message("NDATA", node.payload(metrics, seq=seq, ts_ms=NOW_MS))


def rows(heard: Heard) -> list[tuple[int, float, int, int]]:
    readings = heard.readings
    columns = (readings.tag, readings.value, readings.quality, readings.status)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_birth_and_its_data_become_readings_with_their_own_time() -> None:
    reader = decoder({"a": "A", "b": "B"})
    heard = reader.decode(
        [
            birth(node.Said("A", node.INT16, 0x8000, alias=1, ts_ms=NOW_MS - 5), node.Said("B", node.STRING, "x")),
            data(node.Said(None, node.INT16, 7, alias=1)),
        ]
    )
    assert [row[:2] for row in rows(heard)][::2] == [(0, -32768.0), (0, 7.0)]
    assert heard.readings.text == {1: "x"}
    assert heard.readings.ts.tolist() == [NOW_US - 5000, NOW_US, NOW_US]
    assert (heard.born, heard.wanted, heard.gaps) == ({NODE}, set(), [])


@pytest.mark.parametrize(
    ("said", "quality", "status"),
    [
        (node.Said("A", node.INT8, 1, quality=192), Quality.GOOD, 0),
        (node.Said("A", node.INT8, 1, quality=64), Quality.UNCERTAIN, 64),
        (node.Said("A", node.INT8, 1, quality=0), Quality.BAD, Trouble.POOR),
        (node.Said("A", node.INT8, 1, quality=500), Quality.BAD, 500),
        (node.Said("A", node.INT8, None), Quality.BAD, Trouble.NULL),
        (node.Said("A", node.INT8, None, quality=192), Quality.BAD, Trouble.NULL),
        (node.Said("A", node.DOUBLE, float("nan")), Quality.BAD, Trouble.NOT_FINITE),
        (node.Said("A", 17, b"x"), Quality.BAD, Trouble.WRONG_TYPE),
        (node.Said("A", node.STRING, "x" * 5000), Quality.BAD, Trouble.BAD_TEXT),
    ],
)
def test_quality_is_the_nodes_and_what_is_no_value_is_bad(said: node.Said, quality: Quality, status: int) -> None:
    ((_, value, got, code),) = rows(decoder({"a": "A"}).decode([birth(said)]))
    assert (got, code) == (quality, status)
    assert (value == value) == (quality != Quality.BAD)


def test_a_tag_whose_metric_a_birth_does_not_name_is_bad() -> None:
    reader = decoder({"a": "A", "t": "Table/0/x", "gone": "Gone"})
    table = node.Table({"x": node.INT8}, [[5]])
    heard = reader.decode([birth(node.Said("A", node.INT8, 1), node.Said("Table", node.DATASET, table))])
    assert rows(heard)[:2] == [(0, 1.0, 0, 0), (1, 5.0, 0, 0)]
    assert rows(heard)[2][0::2] == (2, Quality.BAD)
    assert rows(heard)[2][3] == Trouble.MISSING


def test_a_death_makes_every_tag_bad_and_the_return_tells_the_gap() -> None:
    reader = decoder({"a": "A"})
    reader.decode([birth(node.Said("A", node.INT8, 1))])
    death = message("NDEATH", node.payload([node.Said("bdSeq", node.INT64, 0)], seq=None, ts_ms=1), at_us=NOW_US + 50)
    heard = reader.decode([death])
    assert rows(heard)[0][2:] == (Quality.BAD, Trouble.GONE)
    assert heard.readings.received.tolist() == [NOW_US + 50]
    assert [gap.from_us for gap in reader.gaps_of_absent(NOW_US + 99)] == [NOW_US + 50]
    again = reader.decode([birth(node.Said("A", node.INT8, 2), bd=1)])
    (gap,) = again.gaps
    assert (gap.cause, gap.from_us, gap.device) == (GapCause.COMMUNICATION_LOST, NOW_US + 50, "press")
    assert reader.gaps_of_absent(NOW_US + 99) == []


def test_a_hole_is_a_gap_and_a_request() -> None:
    reader = decoder({"a": "A"})
    heard = reader.decode([birth(node.Said("A", node.INT8, 1, alias=1)), data(node.Said("A", node.INT8, 2), seq=4)])
    assert [gap.detail for gap in heard.gaps] == ["message 4 came where 1 was due (3 lost)"]
    assert heard.wanted == {NODE}
    assert reader.counts.holes == 1


def test_what_is_not_understood_is_counted_and_asked_for() -> None:
    reader = decoder({"a": "A"})
    for odd in (message("NDATA", b"\xff"), message("NDATA", None), data(node.Said(None, node.INT8, 1, alias=1))):
        heard = reader.decode([odd])
        assert (len(heard.readings), heard.wanted) == (0, {NODE})
    assert (reader.counts.malformed, reader.counts.unborn) == (2, 1)
    assert reader.decode([birth(), data(node.Said("A", node.INT8, 1), seq=7), birth()]).wanted == set()


def test_what_is_no_ones_is_left_alone() -> None:
    reader = decoder({"a": "A"})
    others = [
        Message("spBv1.0/G/NBIRTH/M", b"\xff", NOW_US, 0, is_retained=False),
        Message("spBv1.0/G/NCMD/N", b"\xff", NOW_US, 0, is_retained=False),
        Message("spBv1.0/STATE/host", b"{}", NOW_US, 0, is_retained=True),
        Message("", b"", NOW_US, 0, is_retained=False),
        message("NBIRTH", b"", retained=True),
    ]
    heard = reader.decode(others)
    assert (len(heard.readings), heard.wanted, reader.counts.unrouted) == (0, set(), 5)


def test_a_time_that_is_none_is_flagged_and_replaced() -> None:
    heard = decoder({"a": "A"}).decode([birth(node.Said("A", node.INT8, 1, ts_ms=2**62))])
    assert (heard.readings.ts.tolist(), heard.readings.flags.tolist()) == ([0], [Flag.SOURCE_TIME_REPLACED])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("spBv1.0/G/NDATA/N", (Kind.NDATA, NODE)),
        ("spBv1.0/G/DDATA/N/d", (Kind.DDATA, Source("G", "N", "d"))),
        ("spBv1.0/G/DDATA/N", None),
        ("spBv1.0/G/NDATA/N/d", None),
        ("spBv1.0/G/DDATA/N/", None),
        ("spAv1.0/G/NDATA/N", None),
        ("spBv1.0/G/NCMD/N", None),
    ],
)
def test_topics_are_read(text: str, read: object) -> None:
    assert topic(text) == read


numbered = st.integers(0, 255).map(lambda n: node.payload([node.Said("A", 3, n)], seq=n, ts_ms=n))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"]),
            st.binary(max_size=40)
            | st.builds(lambda n: node.payload([node.Said("A", 3, n)], seq=n, ts_ms=n), st.integers(0, 255)),
        ),
        max_size=12,
    )
)
def test_no_sequence_of_messages_crashes_it(sent: list[tuple[str, bytes]]) -> None:
    reader = decoder({"a": "A"}, discover={})
    for kind, body in sent:
        suffix = "/d" if kind.startswith("D") else ""
        heard = reader.decode([Message(f"spBv1.0/G/{kind}/N{suffix}", body, NOW_US, 0, is_retained=False)])
        assert len(heard.readings.tag) == len(heard.readings.value)

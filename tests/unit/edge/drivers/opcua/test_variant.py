"""Values that are no plain number: the reader stands behind each of them, whatever it was."""

import datetime as dt
import uuid

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_to_binary
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.variant import Odd, odd

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = {
    "String": st.none() | TEXTS,
    "DateTime": st.datetimes(dt.datetime(1601, 1, 1), dt.datetime(9999, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001
    "Guid": st.uuids(),
    "ByteString": st.none() | st.binary(),
    "LocalizedText": st.builds(ua.LocalizedText, TEXTS, st.none() | st.just("tr")),
    "QualifiedName": st.builds(ua.QualifiedName, TEXTS, st.integers(0, 32767)),
    "ExtensionObject": st.sampled_from([None, ua.Range(Low=1, High=2), ua.Argument(Name="x")]),
    "DataValue": st.builds(ua.DataValue, st.builds(ua.Variant, st.floats())),
    "Double": st.floats(),
    "Boolean": st.booleans(),
}
VARIANTS = st.one_of(
    [st.tuples(st.just(kind), values) for kind, values in SCALARS.items()]
    + [st.tuples(st.just(kind), st.lists(values, max_size=4)) for kind, values in SCALARS.items()]
)


@given(VARIANTS)
def test_the_reader_moves_exactly_behind_a_value(variant: tuple[str, object]) -> None:
    kind, value = variant
    encoded = variant_to_binary(ua.Variant(value, ua.VariantType[kind], is_array=isinstance(value, list)))
    data = Buffer(encoded + b"next")
    read = odd(data)
    assert data.read(4) == b"next"
    assert read.text is None or read.unsupported is None
    if isinstance(value, list):
        assert read == Odd(
            None, "arrays are no reading; say which element by `index`, or read one by a node of its own"
        )


def test_null_is_neither_text_nor_unsupported() -> None:
    assert odd(Buffer(variant_to_binary(ua.Variant(None, ua.VariantType.String)))) == Odd(None)


def test_a_type_of_the_future_is_taken_as_bytes() -> None:
    # OPC UA Part 6, 5.2.2.16: 26 to 31 are reserved and decoded as ByteString
    assert odd(Buffer(b"\x1a\x02\x00\x00\x00\xab\xcd")) == Odd("abcd")


def test_a_matrix_is_stepped_over_with_its_dimensions() -> None:
    data = Buffer(variant_to_binary(ua.Variant([[1, 2], [3, 4]], ua.VariantType.Int32)) + b"next")
    assert odd(data).unsupported is not None
    assert data.read(4) == b"next"


def test_a_guid_is_written_as_people_write_it() -> None:
    guid = uuid.UUID("09087e75-8e5e-499b-954f-f2a9603db28a")
    assert odd(Buffer(variant_to_binary(ua.Variant(guid)))) == Odd(str(guid))

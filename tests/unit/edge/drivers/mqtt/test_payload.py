"""Payloads read: JSON as devices write it, CSV with its oddities, and values that stand alone."""

import contextlib
import csv
import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.broker.rows import MISSING
from edge.drivers.mqtt.payload import MOST, elements, parse, scalar, table, text

cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\0"), max_size=8
)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("21.5", 21.5),
        ("-3", -3),
        ("1e3", 1000.0),
        ("ON", "ON"),
        ("", MISSING),
        ("true", True),
        ("0x10", "0x10"),
        ("1_0", "1_0"),
        ("9007199254740993", 9007199254740993),
        ("12:30", "12:30"),
        ("-inf", -math.inf),
    ],
)
def test_a_text_is_the_number_that_it_says(written: str, value: object) -> None:
    assert scalar(written) == value


def test_a_decimal_comma_is_read_where_it_is_announced() -> None:
    assert scalar("21,5", ",") == 21.5
    assert scalar("21,5") == "21,5"
    assert table(b"1,5;x\n", ";", ",", header=False) == [[1.5, "x"]]


def test_lines_are_rows_and_a_header_names_their_cells() -> None:
    payload = "\ufeffname;t;\u00b0C\r\n\r\na;1;21.5\r\nb;2;\r\n".encode()
    assert table(payload, ";", ".", header=True) == [
        {"name": "a", "t": 1, "\u00b0C": 21.5},
        {"name": "b", "t": 2, "\u00b0C": MISSING},
    ]
    assert table(b"", ",", ".", header=False) == []
    assert table(b"", ",", ".", header=True) is None
    assert table(b"\xff", ",", ".", header=False) is None
    assert table(b"1\n" * (MOST + 1), ",", ".", header=False) is None


@settings(deadline=None)
@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=4))
def test_cells_are_split_as_pythons_writer_joined_them(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    read = table(out.getvalue().encode(), ",", ".", header=False)
    wanted = [[scalar(cell.strip()) for cell in row] for row in rows if ",".join(row).strip() or len(row) > 1]
    assert str(read) == str(wanted)


def test_a_message_may_be_its_value() -> None:
    assert text(b" 21.5\n") == [21.5]
    assert text(b"\xff") is None


def test_an_array_of_points_is_bounded() -> None:
    assert elements({"v": [1, 2]}, ("v",)) == [1, 2]
    assert elements({"v": {}}, ("v",)) is None
    assert elements([0] * (MOST + 1), ()) is None


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_no_bytes_crash_it(payload: bytes) -> None:
    text(payload)
    table(payload, ",", ".", header=True)
    with contextlib.suppress(ValueError):
        parse(payload)

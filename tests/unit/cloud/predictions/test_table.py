"""One table of a plant's exports, as each system writes it: read, or named with what is wrong and what to do."""

import gzip

import pytest

from cloud.errors import BadRequest
from cloud.predictions.table import opened


def read(tmp_path, content, name="a.csv", needed=("m", "n")):
    (tmp_path / name).write_bytes(content)
    with opened(tmp_path, name, needed) as table:
        return [(table.line, *table.needed(cells)) for cells in table]


ROWS = [(2, "P1", "7"), (3, "P2", "8")]


@pytest.mark.parametrize(
    "content",
    [
        b"m,n\nP1,7\nP2,8\n",
        b"m,n\nP1,7\nP2,8",
        b"\xef\xbb\xbfm,n\r\nP1,7\r\nP2,8\r\n",
        b"m;n\nP1;7\nP2;8\n",
        b"m\tn\nP1\t7\nP2\t8\n",
        b"x,n , m\n,7, P1 \n,8,P2,more\n",
        b'"m","n"\n"P1","7"\nP2,8\n\n\n',
        # a column twice that nobody needs
        b"m,n,x,x\nP1,7,,\nP2,8,,\n",
    ],
    ids=["plain", "no end", "windows", "semicolons", "tabs", "spaces", "quotes", "unneeded"],
)
def test_rows_are_read_however_they_are_written(tmp_path, content):
    assert read(tmp_path, content) == ROWS
    assert read(tmp_path, gzip.compress(content), "a.csv.gz") == ROWS


def test_where_commas_part_no_cells_they_are_decimal(tmp_path):
    for content, is_decimal in ((b"m;n\n", True), (b"m\tn\n", True), (b"m,n\n", False)):
        (tmp_path / "a.csv").write_bytes(content)
        with opened(tmp_path, "a.csv", ["m"]) as table:
            assert table.is_decimal_comma == is_decimal


def test_a_row_that_is_too_short_says_so(tmp_path):
    with pytest.raises(ValueError, match="it has 1 cells, 2 are needed"):
        read(tmp_path, b"m,n\nP1\n")


WHOLE = gzip.compress(b"m,n\n" + b"P1,7\n" * 5_000)
EMPTY = " is empty; its first line should name the columns m, n."
UTF8 = "is not UTF-8; save it as CSV in UTF-8."
QUOTE = ", line 4: it cannot be read (unexpected end of data); is a quote missing?"
PLAIN = ", line 1: it cannot be read (Not a gzipped file (b'm,')); export it again."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", EMPTY),
        (b"\n\n", EMPTY),
        (b"m,nn\n", " has no column 'n'; is 'nn' meant?"),
        (b"x,y\n", " has no column 'm'; there are x, y"),
        (b"m,n,m\n", " has 2 columns 'm'; give each a name of its own."),
        (b"m,n\nP1,7\n\xddstanbul,8\n", f", line 3: byte 0xdd at 1 {UTF8}"),
        ("m,n\nP1,7\n".encode("utf-16"), f", line 1: byte 0xff at 1 {UTF8}"),
        (b'm,n\nP1,7\nP2,"8\nP3,9\n', QUOTE),
    ],
    ids=["empty", "blank", "column", "columns", "twice", "windows", "utf-16", "quote"],
)
def test_what_is_no_table_is_named_with_what_to_do(tmp_path, content, why):
    for name, packed in (("a.csv", content), ("a.csv.gz", gzip.compress(content))):
        with pytest.raises(BadRequest) as refused:
            read(tmp_path, packed, name)
        assert refused.value.message == name + why


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"m,n\nP1,7\n", PLAIN),
        (b"", EMPTY),
        (WHOLE[:-20], "export it again."),
        (WHOLE[:30] + bytes(30) + WHOLE[60:], "export it again."),
    ],
    ids=["plain", "empty", "torn", "bits"],
)
def test_what_is_packed_wrongly_is_named(tmp_path, content, why):
    with pytest.raises(BadRequest) as refused:
        read(tmp_path, content, "a.csv.gz")
    assert refused.value.message.startswith("a.csv.gz")
    assert refused.value.message.endswith(why)


def test_a_file_that_is_none_is_named(tmp_path):
    (tmp_path / "dir.csv").mkdir()
    (tmp_path / "dir.csv.gz").mkdir()
    for name, why in (("dir.csv", "directory"), ("dir.csv.gz", "directory"), ("no.csv", "No such file")):
        with pytest.raises(BadRequest, match=rf"{name} cannot be read: .*{why}"), opened(tmp_path, name, ["m"]):
            pass
    with pytest.raises(BadRequest, match=r"\.\./x\.csv is not within"), opened(tmp_path, "../x.csv", ["m"]):
        pass

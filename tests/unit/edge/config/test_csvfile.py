import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import csvfile
from edge.config.csvfile import Row
from edge.config.mistakes import ConfigMistakes, Mistake

cells = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8).map(str.strip)


def table(tmp_path: Path, data: str | bytes) -> csvfile.Table:
    path = tmp_path / "m.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return csvfile.read(path)


def ending(tmp_path: Path, data: str | bytes) -> Mistake:
    with pytest.raises(ConfigMistakes) as caught:
        table(tmp_path, data)
    (mistake,) = caught.value.mistakes
    return mistake


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("begin", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_spreadsheets_write_is_read(tmp_path: Path, delimiter: str, begin: str, end: str) -> None:
    lines = ["name,use,place", "# a remark", '"Sayaç Şişli","em24"," ""Ölçü"", İzmir "', "", "b,,"]
    text = begin + end.join(lines).replace('", ', '"\0 ').replace(",", delimiter).replace("\0", ",") + end
    found = table(tmp_path, text)
    assert found.columns == ("name", "use", "place")
    assert found.rows == (
        Row(3, {"name": "Sayaç Şişli", "use": "em24", "place": '"Ölçü", İzmir'}),
        Row(5, {"name": "b"}),
    )
    assert found.mistakes == ()


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=6))
def test_whatever_python_writes_is_read_back(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["a", "b", "c"], *rows])
    found = list(csvfile._lines(Path("x"), text.getvalue()))[1:]
    assert [cells for _, cells in found] == [row for row in rows if any(row) and not row[0].startswith("#")]


def test_a_cell_over_several_lines_does_not_shift_the_numbers_of_the_next(tmp_path: Path) -> None:
    assert [row.line for row in table(tmp_path, 'name,x\na,"1\n2\n3"\nb,4\n').rows] == [2, 5]


def test_lines_and_columns_that_do_not_fit_are_told(tmp_path: Path) -> None:
    assert table(tmp_path, "name,use,name,\na,b,c,d,e\nb\n").mistakes == (
        Mistake(1, "name", "the column is given twice"),
        Mistake(1, "", "a column has no name"),
        Mistake(2, "", "5 cells, but 4 columns; put text that holds a delimiter in quotes"),
    )


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        ("", 1, "empty"),
        ("\n# only a remark\n", 1, "empty"),
        ("name\nŞişli".encode("cp1254"), 2, 'not UTF-8 text; save it as "CSV UTF-8"'),
        ("name\na".encode("utf-16"), 1, 'save it as "CSV UTF-8"'),
        ('name,x\na,1\nb,"2\nc,3\n', 3, "not CSV"),
        ('name,x\na,"1"2"\n', 2, "not CSV"),
        ("name\n" + "a" * 200_000, 2, "not CSV"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, data: str | bytes, line: int, words: str) -> None:
    mistake = ending(tmp_path, data)
    assert mistake.line == line
    assert words in mistake.message


def test_a_control_character_is_left_for_whoever_uses_the_cell_to_refuse(tmp_path: Path) -> None:
    assert table(tmp_path, "name\na\0b\n").rows == (Row(2, {"name": "a\0b"}),)


def test_a_file_that_is_not_there_or_too_large_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes, match="cannot be read: No such file"):
        csvfile.read(tmp_path / "none.csv")
    with pytest.raises(ConfigMistakes, match="cannot be read"):
        csvfile.read(tmp_path / "a\0b")
    assert "larger than 5 MB" in ending(tmp_path, b"name\n" + b"a\n" * 2_500_000).message

"""A CSV file read as lines of cells under the names of its first line, as spreadsheets write them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from edge.config.files import Files
from edge.config.mistakes import ConfigMistakes, Mistake

# ten thousand devices with ten columns
MAX_BYTES = 5_000_000
_DELIMITERS = ",;\t"
# what a spreadsheet puts before the text of a file that is not UTF-8
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """One line that says something: where it begins, from 1, and its cells by column, the empty ones left out."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns in their order, its lines, the line of its header, and what is wrong with its form."""

    columns: tuple[str, ...]
    header_line: int
    rows: tuple[Row, ...]
    mistakes: tuple[Mistake, ...]


def read(path: Path, files: Files | None = None) -> Table:
    """Read a file: UTF-8, with or without a byte order mark; commas, semicolons or tabs; cells in quotes or not.

    Empty lines, and lines that begin with #, are passed over.

    Raises:
        ConfigMistakes: It cannot be read to its end.
    """
    text = _text(path, files or Files())
    lines = _lines(path, text)
    header = next(lines, None)
    if header is None:
        raise _ending(path, 1, "empty; expected a first line with the names of the columns, such as name,use,on,unit")
    line, columns = header[0], tuple(header[1])
    mistakes = [
        Mistake(line, column, "the column is given twice" if column else "a column has no name")
        for place, column in enumerate(columns)
        if not column or column in columns[:place]
    ]
    rows = []
    for line, cells in lines:
        if any(cells[len(columns) :]):
            mistakes.append(Mistake(line, "", f"{len(cells)} cells, but {len(columns)} columns; put text that holds a "
                                              "delimiter in quotes"))  # fmt: skip
        rows.append(Row(line, {column: cell for column, cell in zip(columns, cells, strict=False) if cell}))
    return Table(columns, header[0], tuple(rows), tuple(mistakes))


def _text(path: Path, files: Files) -> str:
    try:
        data = files.read(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise _ending(path, 1, f"cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise _ending(path, 1, f"larger than {MAX_BYTES // 10**6} MB; divide it into several files")
    if data.startswith(_UTF16):
        raise _ending(path, 1, 'UTF-16 text; save it as "CSV UTF-8"')
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _ending(path, data.count(b"\n", 0, error.start) + 1, 'not UTF-8 text; save it as "CSV UTF-8"') from None


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that says something, with its number; a quoted cell may go over several."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True, skipinitialspace=True)
    begin = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]  # noqa: PLW2901
            if any(cells) and not cells[0].startswith("#"):
                yield begin, cells
            begin = reader.line_num + 1
    except csv.Error as error:
        raise _ending(path, begin, f"not CSV: {error}; a quote within a cell is written twice") from None


def _delimiter(text: str) -> str:
    """Return the delimiter that the first line that says something has most of."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    header = next(lines, "")
    return max(_DELIMITERS, key=header.count)


def _ending(path: Path, line: int, message: str) -> ConfigMistakes:
    return ConfigMistakes(str(path), [Mistake(line, "", message)])

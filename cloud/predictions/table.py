"""Owns opening one table of a plant's exports: its bytes as text, what separates its cells, where its columns are."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import IO

from cloud.errors import BadRequest

# a line of names that is longer is no line of names
_SHOWN = 300


class Table:
    """An opened table, beyond its line of names.

    Attributes:
        is_decimal_comma: Whether 3,5 is a number in it: where cells are not parted by commas.
    """

    def __init__(self, name: str, file: IO[str], needed: Sequence[str]) -> None:
        """Read the line of names.

        Raises:
            BadRequest: A needed column is not there, or there twice.
        """
        head = file.readline()
        # as spreadsheets write them, by country
        delimiter = max(",;\t|", key=head.count)
        self._reader = csv.reader(chain([head], file), delimiter=delimiter, strict=True)
        self.is_decimal_comma = delimiter != ","
        self._places = _places(name, next(self._reader, []), needed)

    @property
    def line(self) -> int:
        """Return the number of the line that was read last."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[Sequence[str]]:
        """Return each row; an empty line is none."""
        return (cells for cells in self._reader if cells)

    def needed(self, cells: Sequence[str]) -> Sequence[str]:
        """Return the needed cells of a row, in the order in which they were named.

        Raises:
            ValueError: The row is too short.
        """
        if len(cells) <= max(self._places):
            raise ValueError(f"it has {len(cells)} cells, {max(self._places) + 1} are needed")
        return [cells[place].strip() for place in self._places]


@contextmanager
def opened(directory: Path, name: str, needed: Sequence[str]) -> Iterator[Table]:
    """Open a table.

    Raises:
        BadRequest: It is not there, not within the directory, or, also while it is read, no CSV in UTF-8.
    """
    path = directory / name
    if not path.resolve().is_relative_to(directory.resolve()):
        raise BadRequest(f"{name} is not within {directory}.")
    table: Table | None = None
    try:
        with _text(path) as file:
            table = Table(name, file, needed)
            yield table
    except csv.Error as error:
        raise BadRequest(f"{name}, line {_line(table)}: it cannot be read ({error}); is a quote missing?") from error
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name}{_of_other_text(path)}; save it as CSV in UTF-8.") from error
    # BadGzipFile is an OSError that has no word of the system
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadRequest(f"{name}, line {_line(table)}: it cannot be read ({error}); export it again.") from error
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror or error}.") from error


def _line(table: Table | None) -> int:
    # where not even the names could be read
    return 1 if table is None else table.line


def _text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _of_other_text(path: Path) -> str:
    """Return which line is not in UTF-8: text is read ahead, so that nobody knows it when it is met."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f", line {number}: byte 0x{line[error.start]:02x} at {error.start + 1} is not UTF-8"
    return " is not in UTF-8"


def _places(file: str, head: Sequence[str], needed: Sequence[str]) -> list[int]:
    names = [name.strip() for name in head]
    if not any(names):
        raise BadRequest(f"{file} is empty; its first line should name the columns {', '.join(dict.fromkeys(needed))}.")
    for name in needed:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"is {near[0]!r} meant?" if near else f"there are {', '.join(names)[:_SHOWN]}"
            raise BadRequest(f"{file} has no column {name!r}; {hint}")
        if names.count(name) > 1:
            raise BadRequest(f"{file} has {names.count(name)} columns {name!r}; give each a name of its own.")
    return [names.index(name) for name in needed]

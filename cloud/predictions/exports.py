"""Owns reading the tables of a plant's exports row by row: each is taken, or refused with its line and the reason."""

import csv
import gzip
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TextIO, TypeVar
from zoneinfo import ZoneInfo

from cloud.errors import BadRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_TOLD_EVERY = 20_000


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was left out: where, and why."""

    file: str
    line: int
    reason: str


@dataclass(slots=True)
class TableVerdict:
    """What became of one table's rows."""

    table: str
    file: str
    read: int = 0
    taken: int = 0


@dataclass(slots=True)
class Verdict:
    """What became of all rows."""

    tables: list[TableVerdict] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


T = TypeVar("T")
Row = Sequence[str]
Tell = Callable[[str, int], None]


class Reader:
    """Reads the tables of one directory, and keeps the machines that they name."""

    def __init__(
        self, directory: Path, zone: ZoneInfo, tell: Tell, codes: Mapping[str, str], now: datetime | None
    ) -> None:
        """Begin.

        Args:
            directory: Where the files are.
            zone: Of times that name none.
            tell: Hears how many rows of a table were read so far.
            codes: What a machine is called here, by what it is called there; the same where it is not said.
            now: What is later is refused; None takes it.
        """
        self.machines: dict[str, int] = {}
        self.verdict = Verdict()
        self._directory = directory
        self._zone = zone
        self._tell = tell
        self._codes = codes
        self._now = None if now is None else _us(now)

    def taken(self, table: str, name: str, needed: Sequence[str], parse: Callable[[Row], T | None]) -> Iterator[T]:
        """Yield what `parse` makes of the needed cells of each row; a row for which it raises ValueError is refused."""
        told = TableVerdict(table, name)
        self.verdict.tables.append(told)
        with self._opened(name) as file:
            reader = csv.reader(file)
            try:
                places = _places(name, next(reader, []), needed)
                for cells in reader:
                    told.read += 1
                    try:
                        made = parse(_cells(cells, places))
                    except ValueError as error:
                        self.verdict.refused.append(Refused(name, reader.line_num, str(error)))
                    else:
                        told.taken += 1
                        if made is not None:
                            yield made
                    if told.read % _TOLD_EVERY == 0:
                        self._tell(table, told.read)
            except (csv.Error, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
                raise BadRequest(f"{name}, line {reader.line_num}: it cannot be read ({error}).") from error
        self._tell(table, told.read)

    def _opened(self, name: str) -> TextIO:
        path = self._directory / name
        if not path.resolve().is_relative_to(self._directory.resolve()):
            raise BadRequest(f"{name} is not within {self._directory}.")
        try:
            if path.suffix == ".gz":
                return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            return path.open(encoding="utf-8-sig", newline="")
        except OSError as error:
            raise BadRequest(f"{path} cannot be read: {error.strerror or error}.") from error

    def machine(self, text: str) -> int:
        """Return a machine's place.

        Raises:
            ValueError: The cell names none.
        """
        name = text.removesuffix(".0")
        if not name:
            raise ValueError("it names no machine")
        name = self._codes.get(name, name)
        return self.machines.setdefault(name, len(self.machines))

    def time(self, text: str) -> int:
        """Return a time in microseconds.

        Raises:
            ValueError: The cell holds none.
        """
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no time; one is 2026-03-01 06:30:00") from None
        at = at if at.tzinfo is not None else at.replace(tzinfo=self._zone)
        if not _FIRST <= at < _LAST:
            raise ValueError(f"{text!r} is not between 2000 and 2100")
        when = _us(at)
        if self._now is not None and when > self._now:
            raise ValueError(f"{text!r} is still to come")
        return when

    def over(self, end: int) -> int:
        """Return the end of a span.

        Raises:
            ValueError: It is still to come: what is counted by then will be more.
        """
        if self._now is not None and end > self._now:
            raise ValueError("its span is not over yet")
        return end

    def known(self, text: str, at: int) -> int:
        """Return when a row was known: not before it happened."""
        return at if not text else max(at, self.time(text))


class Places:
    """Where in a row the cells of named columns are; a column that is None is not had."""

    def __init__(self, names: Sequence[str | None]) -> None:
        self.names = [name for name in names if name is not None]

    def cell(self, cells: Row, name: str | None) -> str:
        """Return a column's cell, empty where it is not had."""
        return "" if name is None else cells[self.names.index(name)]


class Kinds:
    """The words of a column, each with its place; `otherwise` where there is none."""

    def __init__(self, otherwise: str) -> None:
        self._places: dict[str, int] = {}
        self._otherwise = otherwise

    @property
    def names(self) -> tuple[str, ...]:
        """Return the words in the order of their places."""
        return tuple(self._places)

    def place(self, word: str) -> int:
        """Return a word's place."""
        return self._places.setdefault(word or self._otherwise, len(self._places))


class Once:
    """Refuses what was said before."""

    def __init__(self, reason: str) -> None:
        self._seen = set[tuple[int, ...]]()
        self._reason = reason

    def require(self, *key: int) -> None:
        """Take a key, once.

        Raises:
            ValueError: It was taken before.
        """
        if key in self._seen:
            raise ValueError(self._reason)
        self._seen.add(key)


def _us(at: datetime) -> int:
    apart = at - _EPOCH
    return (apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds


def _cells(cells: Row, places: Sequence[int]) -> Row:
    if len(cells) <= max(places):
        raise ValueError(f"it has {len(cells)} cells, {max(places) + 1} are needed")
    return [cells[place].strip() for place in places]


def number(text: str, *, is_needed: bool = True) -> float:
    """Return a cell's number: finite and not below 0 where one is needed, else NaN for what is no measure.

    Raises:
        ValueError: The cell holds none.
    """
    if not text and not is_needed:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if is_needed and (not math.isfinite(value) or value < 0):
        raise ValueError(f"{text!r} is no number of 0 or more")
    return value if math.isfinite(value) else math.nan


def _places(file: str, head: Sequence[str], needed: Sequence[str]) -> list[int]:
    names = [name.strip() for name in head]
    for name in needed:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"; is {near[0]!r} meant?" if near else f"; there are {', '.join(names) or 'none'}"
            raise BadRequest(f"{file} has no column {name!r}{hint}")
    return [names.index(name) for name in needed]

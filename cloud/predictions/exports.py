"""Owns reading the tables of a plant's exports row by row: each is taken, or refused with its line and the reason."""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from cloud.errors import BadRequest
from cloud.predictions.history import DAY, MINUTE
from cloud.predictions.table import opened

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_NO_TIME = timedelta()
_MOST_MINUTES = 36_525 * DAY // MINUTE
_TOLD_EVERY = 20_000
# as `cloud.values.Code`
_LONGEST_CODE = 64
# an index holds a word of that length, and a person reads one
_LONGEST_KIND = 200
# each becomes several columns of what is learned from; a plant's alarm list has some hundred
_MOST_KINDS = 1_000
# of a cell that cannot be taken
_SHOWN = 60


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
        self._is_decimal_comma = False

    def taken(self, table: str, name: str, needed: Sequence[str], parse: Callable[[Row], T | None]) -> Iterator[T]:
        """Yield what `parse` makes of the needed cells of each row; a row for which it raises ValueError is refused."""
        told = TableVerdict(table, name)
        self.verdict.tables.append(told)
        with opened(self._directory, name, needed) as rows:
            self._is_decimal_comma = rows.is_decimal_comma
            for cells in rows:
                told.read += 1
                try:
                    made = parse(rows.needed(cells))
                except ValueError as error:
                    self.verdict.refused.append(Refused(name, rows.line, str(error)))
                else:
                    told.taken += 1
                    if made is not None:
                        yield made
                if told.read % _TOLD_EVERY == 0:
                    self._tell(table, told.read)
        self._tell(table, told.read)

    def machine(self, text: str) -> int:
        """Return a machine's place.

        Raises:
            ValueError: The cell names none.
        """
        # a column of numbers that has gaps is written with decimals
        name = text.removesuffix(".0") if text.removesuffix(".0").isdecimal() else text
        if not name:
            raise ValueError("it names no machine")
        name = self._codes.get(name, name)
        if name not in self.machines and (len(name) > _LONGEST_CODE or _control(name) is not None):
            raise ValueError(
                f"{quoted(name)} cannot be a machine's code, which has {_LONGEST_CODE} characters at most; "
                "say in [codes] of the mapping what it is called here"
            )
        return self.machines.setdefault(name, len(self.machines))

    def time(self, text: str) -> int:
        """Return a time in microseconds; of an hour that comes twice a year it is the first.

        Raises:
            ValueError: The cell holds none.
        """
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{quoted(text)} is no time; one is 2026-03-01 06:30:00") from None
        at = at if at.tzinfo is not None else self._local(at, text)
        if not _FIRST <= at < _LAST:
            raise ValueError(f"{quoted(text)} is not between 2000 and 2100")
        when = _us(at)
        if self._now is not None and when > self._now:
            raise ValueError(f"{quoted(text)} is still to come")
        return when

    def _local(self, at: datetime, text: str) -> datetime:
        first, second = at.replace(tzinfo=self._zone), at.replace(tzinfo=self._zone, fold=1)
        # where clocks went forward the later offset comes first
        if (first.utcoffset() or _NO_TIME) < (second.utcoffset() or _NO_TIME):
            raise ValueError(
                f"{quoted(text)} was skipped by the clocks of {self._zone.key}; write times with their offset, "
                "or say another `timezone` in the mapping"
            )
        return first

    def number(self, text: str, *, is_needed: bool = True) -> float:
        """Return a cell's number: finite and not below 0 where one is needed, else NaN for what is no measure.

        Raises:
            ValueError: The cell holds none.
        """
        if not text and not is_needed:
            return math.nan
        try:
            value = float(text.replace(",", ".", 1) if self._is_decimal_comma and "." not in text else text)
        except ValueError:
            raise ValueError(f"{quoted(text)} is no number") from None
        if is_needed and (not math.isfinite(value) or value < 0):
            raise ValueError(f"{quoted(text)} is no number of 0 or more")
        return value if math.isfinite(value) else math.nan

    def minutes(self, text: str) -> int:
        """Return a length of time in microseconds.

        Raises:
            ValueError: The cell holds none, or one of a century.
        """
        value = self.number(text)
        if value > _MOST_MINUTES:
            raise ValueError(f"{quoted(text)} minutes are more than a century")
        return round(value * MINUTE)

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

    def __init__(self, otherwise: str, file: str) -> None:
        self._places: dict[str, int] = {}
        self._otherwise = otherwise
        self._file = file

    @property
    def names(self) -> tuple[str, ...]:
        """Return the words in the order of their places."""
        return tuple(self._places)

    def place(self, word: str) -> int:
        """Return a word's place.

        Raises:
            ValueError: It is too long for a word, or holds what no screen shows.
            BadRequest: There are so many that they can be no kinds.
        """
        word = word or self._otherwise
        if word not in self._places:
            if len(word) > _LONGEST_KIND:
                raise ValueError(f"{quoted(word)} has {len(word)} characters, a kind has {_LONGEST_KIND} at most")
            if (found := _control(word)) is not None:
                raise ValueError(f"{quoted(word)} holds the character U+{ord(found):04X}")
            if len(self._places) == _MOST_KINDS:
                raise BadRequest(
                    f"{self._file} has more than {_MOST_KINDS:,} kinds, {word!r} the last; "
                    "let `kind` name a column of codes, or leave it out."
                )
        return self._places.setdefault(word, len(self._places))


class Once:
    """Refuses what was said before."""

    def __init__(self, reason: str) -> None:
        # by machine bare instants where those tell rows apart: half of what as many pairs would take
        self._seen = defaultdict[int, set[int | tuple[int, ...]]](set)
        self._reason = reason

    def require(self, machine: int, *more: int) -> None:
        """Take a key, once.

        Raises:
            ValueError: It was taken before.
        """
        key, seen = more[0] if len(more) == 1 else more, self._seen[machine]
        if key in seen:
            raise ValueError(self._reason)
        seen.add(key)


def _us(at: datetime) -> int:
    apart = at - _EPOCH
    return (apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds


def quoted(text: str) -> str:
    """Return a cell as a reason shows it: within quotes, and not at any length."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    # always the same quotes, so that who counts reasons can leave the cell out
    return repr(shown.replace("'", "\u2019"))


def _control(text: str) -> str | None:
    return next((each for each in text if unicodedata.category(each) == "Cc"), None)

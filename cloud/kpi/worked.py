"""Owns what rows of a job log add up to: the seconds of each category and the pieces, of any window. Pure.

A row's planned operation time is its duration. What its columns leave of that is unknown time; what they exceed it by
is cut off at its end. Pieces belong to the moment at which the row ended, so that any partition of time gives the same
sums. Nobody judged them: quality is not measured, unless a policy takes them for good.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import TypeVar

from cloud.kpi.elements import Category, PieceKind, TimeElement
from cloud.kpi.facts import Facts
from cloud.kpi.joblog import COLUMNS, Column, lay_out
from cloud.kpi.spans import SECOND, Span

Key = TypeVar("Key", bound=Hashable)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bucket(StrEnum):
    """Into how long windows time is cut; each begins at midnight in the organization's time zone, a week on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def _category(column: Column) -> Category:
    match column.element:
        case TimeElement.APT:
            return Category.RUN
        case TimeElement.AUST:
            return Category.SETUP
        case TimeElement.PDOT:
            return Category.PLANNED_STOP
        case TimeElement.ADOT:
            return Category.IDLE_UNASSIGNED
        case _:
            return Category.MAINTENANCE if column.name == "maintenance" else Category.IDLE


CATEGORIES: Mapping[str, Category] = {column.name: _category(column) for column in COLUMNS}
"""What each column's time is, before a policy has spoken."""
_IN_ORDER = tuple(CATEGORIES.values())


@dataclass(frozen=True, slots=True)
class Worked:
    """A closed row, as far as figures care.

    Attributes:
        span: From its start, as long as its duration.
        columns_us: How long each column of `COLUMNS` lasted, in that order.
        pieces: What was made; None if nobody wrote it down.
        ideal_us: Ideal microseconds a piece; None where nobody told.
    """

    span: Span
    columns_us: Sequence[int]
    pieces: int | None = None
    ideal_us: int | None = None


class Sum:
    """Facts that grow; adding rows one by one to `Facts` would copy them each time."""

    def __init__(self) -> None:
        self._time: dict[Category, int] = {}
        self._columns = [0] * len(COLUMNS)
        self._made = 0
        self._ideal = 0
        self._without = 0
        self.rows = 0

    def add(self, row: Worked, window: Span) -> None:
        """Add what of a row lies in a window; a row whose end does, counts."""
        whole = window.start <= row.span.start and row.span.end <= window.end
        accounted = sum(row.columns_us)
        if whole and accounted <= row.span.length:
            lasted = row.columns_us
            left = row.span.length - accounted
        else:
            lasted, left = _cut(row, window)
        for number, spent in enumerate(lasted):
            if spent:
                self._columns[number] += spent
                category = _IN_ORDER[number]
                self._time[category] = self._time.get(category, 0) + spent
        if left:
            self._time[Category.UNKNOWN] = self._time.get(Category.UNKNOWN, 0) + left
        if window.start < row.span.end <= window.end:
            self.rows += 1
            self._add_pieces(row)

    def facts(self) -> Facts:
        """Return what it is by now."""
        made = {PieceKind.MADE: self._made} if self._made else {}
        ideal = {PieceKind.MADE: self._ideal} if self._ideal else {}
        return Facts(dict(self._time), made, ideal, self._without)

    @property
    def columns_us(self) -> Mapping[str, int]:
        """How long each column lasted."""
        return {column.name: spent for column, spent in zip(COLUMNS, self._columns, strict=True)}

    def _add_pieces(self, row: Worked) -> None:
        if not row.pieces:
            return
        self._made += row.pieces
        if row.ideal_us is None:
            self._without += row.pieces
        else:
            self._ideal += row.pieces * row.ideal_us


def _cut(row: Worked, window: Span) -> tuple[Sequence[int], int]:
    seconds = {column.name: spent / SECOND for column, spent in zip(COLUMNS, row.columns_us, strict=True)}
    lasted = dict.fromkeys((column.name for column in COLUMNS), 0)
    for column, span in lay_out(row.span, seconds).stretches:
        lasted[column.name] += span.clip(window).length
    return list(lasted.values()), row.span.clip(window).length - sum(lasted.values())


def grouped(rows: Iterable[tuple[Key, Worked]], window: Span) -> dict[Key, Sum]:
    """Return the sum of each group, in a window."""
    found: dict[Key, Sum] = {}
    for key, row in rows:
        found.setdefault(key, Sum()).add(row, window)
    return found


def buckets(begin: datetime, end: datetime, bucket: Bucket, zone: tzinfo) -> list[tuple[date, Span]]:
    """Return the windows that time is cut into: the local day on which each begins, and the window."""
    day = first_of(begin.astimezone(zone).date(), bucket)
    found = []
    while (start := midnight(day, zone)) < end:
        following = _following(day, bucket)
        window = Span(us(max(start, begin)), us(min(midnight(following, zone), end)))
        if window.length:
            found.append((day, window))
        day = following
    return found


def first_of(day: date, bucket: Bucket) -> date:
    """Return the day on which the day, week or month of a day begins."""
    match bucket:
        case Bucket.DAY:
            return day
        case Bucket.WEEK:
            return day - timedelta(days=day.weekday())
        case Bucket.MONTH:
            return day.replace(day=1)


def _following(day: date, bucket: Bucket) -> date:
    match bucket:
        case Bucket.DAY:
            return day + timedelta(days=1)
        case Bucket.WEEK:
            return day + timedelta(days=7)
        case Bucket.MONTH:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins somewhere, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def us(moment: datetime) -> int:
    """Return microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def at(moment_us: int) -> datetime:
    """Return the time of so many microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=moment_us)

"""Owns a report as rows and columns, and how numbers are written in Turkish and in English."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cloud.languages import Language, Message

Cell = str | float | int | date | None


class Kind(StrEnum):
    """What stands in a column."""

    TEXT = "text"
    DAY = "day"
    RATIO = "ratio"
    COUNT = "count"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Column:
    """A column, by its name for programs and its head for people."""

    name: str
    head: Message
    kind: Kind


@dataclass(frozen=True, slots=True)
class Sheet:
    """A report.

    Attributes:
        about: What must be known to read it: time, policy, revision; each a line.
    """

    title: Message
    about: Sequence[tuple[Message, str]]
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def written(cell: Cell, kind: Kind, language: Language) -> str:
    """Return a cell for people: 1.234,5 and % 81,4 in Turkish, 1,234.5 and 81.4 % in English; a dash for nothing."""
    if cell is None:
        return "–"
    match kind:
        case Kind.RATIO:
            number = _number(100 * float(cell), 1, language)  # type: ignore[arg-type]
            return f"% {number}" if language is Language.TURKISH else f"{number} %"
        case Kind.COUNT:
            return _number(float(cell), 0, language)  # type: ignore[arg-type]
        case Kind.SECONDS:
            return _number(float(cell), 1, language)  # type: ignore[arg-type]
        case Kind.DAY if isinstance(cell, date):
            return f"{cell:%d.%m.%Y}" if language is Language.TURKISH else f"{cell:%Y-%m-%d}"
        case _:
            return str(cell)


def plain(cell: Cell, language: Language) -> str:
    """Return a cell for a program of that language: with its decimal mark, without marks between thousands."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        # twelve digits: more than is known, and without the tail of binary numbers
        number = f"{cell:.12g}"
        return number.replace(".", ",") if language is Language.TURKISH else number
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _number(value: float, digits: int, language: Language) -> str:
    text = f"{value:,.{digits}f}"
    if language is Language.TURKISH:
        return text.translate(str.maketrans(",.", ".,"))
    return text

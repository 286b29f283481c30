"""Owns what the cells of an older database mean: text, numbers, times and words, as dirty as they come. Pure.

SQLite holds anything in any column. What can only mean one thing is taken, with a note of what was made of it; what
can mean nothing, or two things, is refused. Nothing is guessed without a note.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import TypeVar

Word = TypeVar("Word", bound=StrEnum)

# what an integer of PostgreSQL holds
MAX_COUNT = 2**31 - 1

_QUANTITY = re.compile(r"([0-9]{1,12})(?:[.,]0{1,2})?\s*(?:adet|ad\.?|pcs?\.?)?", re.IGNORECASE)
# 02.03.2026 08:15, 2/3/2026 8:15:30, 02-03-2026: the day first, as in Turkey
_DAY_FIRST = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:[ T]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?)?")
# seconds of 2000 and later; from a hundred times as many on they are milliseconds
_EPOCH = (946_684_800, 4_102_444_800)
_PLAIN = str.maketrans("şçğöüıâîû", "scgouiaiu")


@dataclass(frozen=True, slots=True)
class Note:
    """What was wrong with a cell, and what was made of it."""

    column: str
    value: object
    reason: str


class Refused(Exception):
    """A row that cannot be brought."""

    def __init__(self, column: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.note = Note(column, value, reason)


class Orphan(Refused):
    """A row that belongs to one that is not here."""


class Cells:
    """One row, and the notes that were made in reading it."""

    def __init__(self, values: Mapping[str, object], zone: tzinfo, server_zone: tzinfo | None = None) -> None:
        """Take a row.

        Args:
            values: By column; one that its table does not have is absent.
            zone: Of the times that people planned, where they say none.
            server_zone: Of those that the old server's clock wrote; the same if None.
        """
        self._values = values
        self._zone = zone
        self._server_zone = server_zone or zone
        self.notes: list[Note] = []

    def raw(self, column: str) -> object:
        """Return a cell as it is; a text of blanks is none."""
        value = self._values.get(column)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        return None if isinstance(value, str) and not value.strip() else value

    def note(self, column: str, reason: str) -> None:
        """Write down what was made of a cell."""
        self.notes.append(Note(column, self._values.get(column), reason))

    def refuse(self, column: str, reason: str) -> Refused:
        """Return why the row cannot be brought."""
        return Refused(column, self._values.get(column), reason)

    def text(self, column: str, instead: str | None = None, *, is_prose: bool = False) -> str:
        """Return a text without the characters that PostgreSQL and phones cannot show.

        Args:
            column: Which.
            instead: What is taken for an empty one.
            is_prose: It may have several lines.

        Raises:
            Refused: It is empty, and nothing is to be taken instead.
        """
        value = self.raw(column)
        kept = "" if value is None else "".join(_shown(str(value), is_prose=is_prose)).strip()
        if not kept:
            if instead is None:
                raise self.refuse(column, "is empty")
            self.note(column, f"is empty; {instead!r} was written instead")
            return instead
        if value is not None and kept != str(value).strip():
            self.note(column, "held characters that cannot be stored; they were left out")
        return kept

    def quantity(self, column: str) -> int:
        """Return a whole number above zero.

        Raises:
            Refused: It is none.
        """
        value = self.raw(column)
        found: int | None = None
        if isinstance(value, int):
            found = value
        elif isinstance(value, float) and value.is_integer():
            found = int(value)
        elif isinstance(value, str) and (match := _QUANTITY.fullmatch(value.strip())):
            found = int(match[1])
        if found is None or not 1 <= found <= MAX_COUNT:
            raise self.refuse(column, f"is no whole number from 1 to {MAX_COUNT}")
        if isinstance(value, str):
            self.note(column, f"was text; taken as {found}")
        return found

    def moment(self, column: str, *, is_server: bool = False) -> datetime | None:
        """Return a time in UTC, or None where there is none.

        Args:
            column: Which.
            is_server: The old server's clock wrote it, not somebody who plans.

        Raises:
            Refused: It can be no time, or lies outside 2000 to 2100.
        """
        value = self.raw(column)
        if value is None:
            return None
        found = self._read(column, value)
        if found is None:
            raise self.refuse(column, "is no time that can be read; 2026-03-02 08:00:00 would be one")
        if not 1999 <= found.year <= 2100:
            raise self.refuse(column, "does not lie between 2000 and 2100")
        if found.tzinfo is None:
            found = self._placed(column, found, self._server_zone if is_server else self._zone)
        turned = found.astimezone(UTC)
        if not 2000 <= turned.year < 2100:
            raise self.refuse(column, "does not lie between 2000 and 2100")
        return turned

    def word(self, column: str, words: Mapping[str, Word], instead: Word, why: str) -> Word:
        """Return which word of a closed set is meant.

        Args:
            column: Which.
            words: What each spelling means, plain (see `spelled`).
            instead: What is taken for one that means nothing.
            why: Why it is.
        """
        value = self.raw(column)
        found = words.get(spelled(str(value))) if value is not None else None
        if found is not None:
            return found
        self.note(column, f"is none of the known words; {why}" if value is not None else f"is empty; {why}")
        return instead

    def _read(self, column: str, value: object) -> datetime | None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._of_epoch(column, value)
        words = str(value).strip()
        try:
            return datetime.fromisoformat(words.replace("/", "-") if words[:4].isdigit() else words)
        except ValueError:
            pass
        match = _DAY_FIRST.fullmatch(words)
        if match is None:
            return None
        day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            found = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - placed by whoever asked
        except ValueError:
            return None
        self.note(column, f"was read with the day first: {found:%Y-%m-%d %H:%M}")
        return found

    def _of_epoch(self, column: str, value: float) -> datetime | None:
        for unit, size in (("seconds", 1), ("milliseconds", 1000)):
            if _EPOCH[0] <= value / size < _EPOCH[1]:
                found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value / size)
                self.note(column, f"was a number, read as {unit} since 1970: {found:%Y-%m-%d %H:%M}Z")
                return found
        return None

    def _placed(self, column: str, found: datetime, zone: tzinfo) -> datetime:
        first, second = found.replace(tzinfo=zone, fold=0), found.replace(tzinfo=zone, fold=1)
        if first.utcoffset() != second.utcoffset():
            # the clocks were changed: the hour is there twice, or not at all
            self.note(column, "names an hour in which the clocks were changed; taken as before the change")
        return first


def spelled(word: str) -> str:
    """Return a word without what people write differently: case, Turkish letters, blanks and hyphens."""
    lowered = word.strip().replace("İ", "i").lower().translate(_PLAIN)
    return re.sub(r"[\s-]+", "_", lowered)


def _shown(value: str, *, is_prose: bool) -> Iterator[str]:
    for character in value:
        if unicodedata.category(character) not in {"Cc", "Cs"}:
            yield character
        elif character in "\t\r\n":
            yield character if is_prose else " "

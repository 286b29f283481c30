"""Devices that a CSV file lists, one line a device: each line becomes an entry like those of `devices`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from edge.config import csvfile
from edge.config.csvfile import Table
from edge.config.document import Document
from edge.config.entries import Entry, merge
from edge.config.mistakes import ConfigMistakes, Loc
from edge.config.scalars import looked_up
from edge.config.spelling import one_of

_TAG = "tags."


class Sheet:
    """One CSV file, and the columns of it that have made sense so far.

    A column is an option of the device, `tags.NAME.KEY` for one of a tag's, or a word that the template has in
    braces. What the entry says beside `import` holds for every line that does not say otherwise.

    Attributes:
        rows: A line each.
    """

    def __init__(self, document: Document, loc: Loc, shared: Mapping[Any, Any], table: Table) -> None:
        self._document = document
        self._loc = loc
        self._table = table
        self._understood: set[str] = set()
        self._keys: set[str] = set()
        self._is_judged = False
        places: dict[Loc, Loc] = {(key,): (*loc, key) for key in shared}
        self.rows = [
            ImportedRow(
                self, Entry({**shared, **_given(row.cells)}, self.place(row.line), _over(places, row.cells)), row.cells
            )
            for row in table.rows
        ]

    @classmethod
    def read(cls, document: Document, loc: Loc, raw: Mapping[Any, Any]) -> Self | None:
        """Read the file that an entry names; what is wrong is noted, and None returned if nothing can be read."""
        name = raw["import"]
        if not isinstance(name, str) or not name:
            document.mistake((*loc, "import"), "expected the name of a CSV file, such as meters.csv")
            return None
        path = Path(document.file).parent / name
        try:
            table = csvfile.read(path, document.files)
        except ConfigMistakes as mistakes:
            document.mistakes.extend(replace(mistake, file=str(path)) for mistake in mistakes.mistakes)
            return None
        document.imported[*loc, "import"] = str(path)
        document.mistakes.extend(replace(mistake, file=str(path)) for mistake in table.mistakes)
        for row in table.rows:
            document.lines[*loc, "import", row.line] = row.line
            for column, cell in row.cells.items():
                place = (*loc, "import", row.line, column)
                document.lines[place] = row.line
                if "${" in cell:
                    message = "references are looked up in the configuration only; put it into the template"
                    document.mistake(place, message)
        document.lines[*loc, "import", table.header_line] = table.header_line
        return cls(document, loc, {key: value for key, value in raw.items() if key != "import"}, table)

    def place(self, line: int) -> Loc:
        """Return where a line of the file stands."""
        return (*self._loc, "import", line)

    def understand(self, keys: Collection[str]) -> None:
        """Note the columns that made sense on a line, where these did."""
        self._understood.update(column for column in self._table.columns if column in keys or _is_tags(column))
        self._keys.update(keys)
        self._is_judged = True

    def judge_columns(self) -> None:
        """Note, once for the whole file, each column that made sense on no line."""
        for column in self._table.columns if self._is_judged else ():
            if column and column not in self._understood:
                place = (*self.place(self._table.header_line), column)
                self._document.mistake(place, f"unknown column; {one_of(column, self._keys)}")


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One line of a sheet. `given`: all of its cells as if they were keys, and what the sheet's entry says."""

    sheet: Sheet
    given: Entry
    cells: Mapping[str, str]

    def entry(self, keys: Collection[str] | None, wanted: Collection[str]) -> Entry:
        """Return the line as a device's entry.

        Args:
            keys: What a device of its protocol may say; None if the protocol is not known, which is a mistake already.
            wanted: The words in braces of its template.
        """
        if keys is None:
            return self.given
        self.sheet.understand({*keys, *wanted} - {"device", "tags", "with"})
        raw = {key: value for key, value in self.given.raw.items() if key in keys or key not in self.cells}
        tags: dict[str, dict[str, object]] = {}
        places = dict(self.given.places)
        for column, cell in self.cells.items():
            if _is_tags(column):
                raw.pop(column, None)
                name, _, key = column.removeprefix(_TAG).rpartition(".")
                tags.setdefault(name, {})[key] = looked_up(cell)
                places["tags", name, key] = self.given.at(column)
        before = self.given.raw.get("tags", {})
        # what is no tags at all stays, to be refused
        if tags and isinstance(before, dict):
            # beside those that the sheet's entry has for every line
            both, _ = merge({"tags": before}, (), {"tags": tags}, ())
            raw["tags"] = both["tags"]
        return replace(self.given, raw=raw, places=places, values=self.cells)


def _is_tags(column: str) -> bool:
    return column.startswith(_TAG) and "." in column.removeprefix(_TAG)


def _given(cells: Mapping[str, str]) -> dict[str, object]:
    return {column: looked_up(cell) for column, cell in cells.items()}


def _over(places: Mapping[Loc, Loc], cells: Mapping[str, str]) -> dict[Loc, Loc]:
    """Return the places of the keys that a line does not say itself."""
    return {key: place for key, place in places.items() if key[0] not in cells}

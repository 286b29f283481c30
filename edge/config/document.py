"""A configuration file as plain values, with the line on which each of them stands and what is wrong so far.

Mistakes are collected, so that the author sees all of them at once. What a reference stands for is never shown.
"""

from dataclasses import dataclass, field
from typing import Any

from edge.config.files import Files
from edge.config.mistakes import ConfigMistakes, Loc, Mistake, dotted


@dataclass
class Document:
    """What a file says and where.

    Attributes:
        file: Its name, as mistakes show it.
        root: Its value: dicts, lists and scalars.
        lines: Location to line, from 1; for an entry of a mapping the line of its key.
        references: Location of a scalar to the references in it, each with what it stands for.
        written: Location of a scalar with references to the scalar as it was written.
        whole: Locations of scalars that are nothing but references.
        dead: Locations of scalars with a reference that leads nowhere; already a mistake, so not judged again.
        imported: Location at which another file takes over to that file's name; what lies below it is numbered by line.
        grafted: Location of a part that was taken over from another file to that file's name.
        files: What it is read from, and everything that it imports.
        mistakes: What is wrong so far.
    """

    file: str
    root: Any = None
    lines: dict[Loc, int] = field(default_factory=lambda: {(): 1})
    references: dict[Loc, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    written: dict[Loc, str] = field(default_factory=dict)
    whole: set[Loc] = field(default_factory=set)
    dead: set[Loc] = field(default_factory=set)
    imported: dict[Loc, str] = field(default_factory=dict)
    grafted: dict[Loc, str] = field(default_factory=dict)
    files: Files = field(default_factory=Files)
    mistakes: list[Mistake] = field(default_factory=list)

    def known(self, loc: Loc) -> Loc:
        """Return the longest part of `loc` that stands in the file."""
        while loc not in self.lines:
            loc = loc[:-1]
        return loc

    def mistake(self, loc: Loc, message: str) -> None:
        """Note a mistake; what the references at or below `loc` stand for is put back as the reference."""
        for place, parts in self.references.items():
            if place[: len(loc)] == loc:
                message = _redacted(message, parts)
        file, inner = self._within(loc)
        self.mistakes.append(Mistake(self.lines[self.known(loc)], dotted(inner), message, file))

    def place(self, loc: Loc) -> str:
        """Return where something stands, in words."""
        file, _ = self._within(loc)
        line = self.lines[self.known(loc)]
        return f"{file}:{line}" if file else f"line {line}"

    def _within(self, loc: Loc) -> tuple[str, Loc]:
        """Return the imported file that a location is in, "" for none, and the location within its line."""
        for length in range(1, len(loc)):
            if loc[:length] in self.imported:
                return self.imported[loc[:length]], loc[length + 1 :]
        for length in range(1, len(loc) + 1):
            if loc[:length] in self.grafted:
                return self.grafted[loc[:length]], loc
        return "", loc

    def raise_mistakes(self) -> None:
        """End here if anything is wrong.

        Raises:
            ConfigMistakes: All of it.
        """
        if self.mistakes:
            raise ConfigMistakes(self.file, self.mistakes)


def _redacted(message: str, parts: tuple[tuple[str, str], ...]) -> str:
    for reference, value in parts:
        # as it is, and as repr() writes it
        for shown in filter(None, (value, repr(value)[1:-1])):
            message = message.replace(shown, reference)
    return message

"""A mistake in the configuration: where it stands, what was expected."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.errors import ConfigError

# where something stands in a document: the keys and list positions that lead to it
Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong with the file. `line` counts from 1; `path` is the keys that lead there, dotted."""

    line: int
    path: str
    message: str


class ConfigMistakes(ConfigError):
    """The configuration is wrong; the message has one line a mistake, as editors and terminals link them.

    Attributes:
        file: The file, as the caller named it.
        mistakes: All that was found, in the order of the file.
    """

    def __init__(self, file: str, mistakes: Iterable[Mistake]) -> None:
        self.file = file
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(self._line(mistake) for mistake in self.mistakes))

    def _line(self, mistake: Mistake) -> str:
        path = f"{mistake.path}: " if mistake.path else ""
        return f"{self.file}:{mistake.line}: {path}{mistake.message}"


def dotted(loc: Loc) -> str:
    """Write a location as people do: `devices[2].tags.power_kw`."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path

"""A mistake in the configuration: where it stands, what was expected."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.errors import ConfigError

# where something stands in a document: the keys and list positions that lead to it
Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong with a file.

    Attributes:
        line: Where, from 1.
        path: The keys that lead there, dotted.
        message: What is wrong.
        file: The file, if it is not the configuration itself.
    """

    line: int
    path: str
    message: str
    file: str = ""


class ConfigMistakes(ConfigError):
    """The configuration is wrong; the message has one line a mistake, as editors and terminals link them.

    Attributes:
        file: The file, as the caller named it.
        mistakes: All that was found, in the order of the file, those of imported files behind.
    """

    def __init__(self, file: str, mistakes: Iterable[Mistake]) -> None:
        self.file = file
        self.mistakes = tuple(sorted(set(mistakes), key=lambda mistake: (mistake.file, mistake)))
        super().__init__("\n".join(self._line(mistake) for mistake in self.mistakes))

    def _line(self, mistake: Mistake) -> str:
        path = f"{mistake.path}: " if mistake.path else ""
        return f"{mistake.file or self.file}:{mistake.line}: {path}{mistake.message}"


def dotted(loc: Loc) -> str:
    """Write a location as people do: `devices[2].tags.power_kw`."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    # a mistake has one line, whatever somebody wrote into a key
    return path if path.isprintable() else path.encode("unicode_escape").decode()

"""The notes of a tortured gateway: what it said and what it was promised, kept outside of the buffer under test.

Each is one line, written by one call to a file of its own, so a process that is killed leaves whole lines.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

SUFFIX = ".notes"


@dataclass(frozen=True, slots=True)
class Block:
    """Readings that were handed over together: numbers from `first` on, of one tag, a microsecond apart."""

    first: int
    count: int
    tag: int
    ts_us: int


class Notes:
    """Takes notes on a file while its block lasts."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def said(self, block: Block) -> None:
        """Note that these are about to be handed over."""
        os.write(self._file, f"said {block.first} {block.count} {block.tag} {block.ts_us}\n".encode())

    def promised(self, block: Block) -> None:
        """Note that these were acknowledged."""
        os.write(self._file, f"promised {block.first} {block.count}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Account:
    """What all notes come to: each reading said, ordered by its number; shape (n,) each.

    Attributes:
        number: What it bears as its value.
        tag: Which of the tags.
        ts_us: Its time, microseconds since 1970 UTC.
        is_promised: Whether it was acknowledged.
    """

    number: NDArray[np.int64]
    tag: NDArray[np.int64]
    ts_us: NDArray[np.int64]
    is_promised: NDArray[np.bool_]


def read(directory: Path) -> Account:
    """Read the notes of all lives in a directory; a line that was cut off is none."""
    blocks: list[Block] = []
    promised: list[tuple[int, int]] = []
    for path in directory.glob(f"*{SUFFIX}"):
        for line in path.read_text(encoding="ascii").split("\n")[:-1]:
            what, *numbers = line.split()
            if what == "said":
                blocks.append(Block(*map(int, numbers)))
            else:
                promised.append((int(numbers[0]), int(numbers[1])))
    blocks.sort(key=lambda block: block.first)
    number = _counted([(block.first, block.count) for block in blocks])
    counts = [block.count for block in blocks]
    return Account(
        number,
        np.repeat(np.array([block.tag for block in blocks], np.int64), counts),
        _counted([(block.ts_us, block.count) for block in blocks]),
        np.isin(number, _counted(promised)),
    )


def _counted(ranges: list[tuple[int, int]]) -> NDArray[np.int64]:
    """Return first, first + 1, .. of each range, one behind the other."""
    return np.concatenate([np.empty(0, np.int64), *(np.arange(first, first + count) for first, count in ranges)])

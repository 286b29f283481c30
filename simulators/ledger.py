"""The simulators' ledger: every reading they said, on file, so that any other count can be held against it."""

import csv
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self


class Entry(NamedTuple):
    """One reading as its simulator said it, times in microseconds since 1970.

    `ts_us` is the time that the reading bears, 0 where its protocol carries none; `said_us` is when it was said.
    """

    device: str
    tag: str
    ts_us: int
    value: float
    said_us: int


class Ledger:
    """Appends entries to a CSV file (device, tag, its time, value, when said) and counts them."""

    def __init__(self, path: Path) -> None:
        """Begin an empty ledger at `path`."""
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._counts: dict[str, int] = defaultdict(int)

    def record(self, device: str, tag: str, ts_us: int, value: float) -> None:
        """Enter one reading."""
        self._writer.writerow((device, tag, ts_us, value, ts_us or time.time_ns() // 1000))
        self._counts[device] += 1

    def count(self) -> int:
        """Return how many readings were said."""
        return sum(self._counts.values())

    def flush(self) -> None:
        """Bring everything entered so far to the file."""
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def entries(path: Path) -> Iterator[Entry]:
    """Read a ledger's entries, in the order in which they were said."""
    with path.open(newline="", encoding="utf-8") as file:
        for device, tag, ts_us, value, said_us in csv.reader(file):
            yield Entry(device, tag, int(ts_us), float(value), int(said_us))

"""Readings that can be told apart: each bears a number of its own as its value."""

from shared.reading import Gap, Readings, Tag, from_rows
from shared.wire import batch as wire

TAGS = [Tag("press-1", "force", "PRESS-01", unit="kN"), Tag("press-1", "cycles"), Tag("oven-2", "heat", unit="Cel")]


def numbered(first: int, count: int, at_us: int = 1_800_000_000_000_000, tag: int = 0) -> Readings:
    """Return readings first, first + 1, .. of one tag, a microsecond apart."""
    times = list(range(at_us, at_us + count))
    return from_rows([tag] * count, times, times, [float(number) for number in range(first, first + count)])


def numbers(body: bytes) -> list[int]:
    """Return the numbers in a batch, in its order."""
    return [int(value) for value in wire.decode(body).readings.value]


def gaps(body: bytes) -> list[Gap]:
    """Return the gaps in a batch."""
    return wire.decode(body).gaps

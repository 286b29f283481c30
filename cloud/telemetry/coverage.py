"""How much of a time range is covered when some of it lies in gaps. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hole:
    """A gap in a tag's readings: half-open, with its cause."""

    start: datetime
    end: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing of a range: seconds in all, each once, and by cause; where causes overlap, in each."""

    seconds: float
    by_cause: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Merged:
    """Holes that overlap or touch, as one: half-open, with their causes."""

    start: datetime
    end: datetime
    causes: tuple[str, ...]


def merged(holes: Iterable[Hole], start: datetime, end: datetime) -> list[Merged]:
    """Return the holes in the half-open range from start to end, those that overlap or touch as one, in order."""
    found: list[Merged] = []
    for hole in sorted(holes, key=lambda hole: (hole.start, hole.end)):
        begin, until = max(hole.start, start), min(hole.end, end)
        if begin >= until:
            continue
        if found and begin <= found[-1].end:
            last = found.pop()
            found.append(Merged(last.start, max(last.end, until), tuple(sorted({*last.causes, hole.cause}))))
        else:
            found.append(Merged(begin, until, (hole.cause,)))
    return found


def missing(holes: Iterable[Hole], start: datetime, end: datetime) -> Missing:
    """Return how much of the half-open range from start to end lies in holes."""
    by_cause: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for hole in holes:
        clipped = max(hole.start, start), min(hole.end, end)
        if clipped[0] < clipped[1]:
            by_cause[hole.cause].append(clipped)
    everything = [interval for intervals in by_cause.values() for interval in intervals]
    return Missing(_union_s(everything), {cause: _union_s(held) for cause, held in sorted(by_cause.items())})


def _union_s(intervals: list[tuple[datetime, datetime]]) -> float:
    seconds, reached = 0.0, None
    for begin, end in sorted(intervals):
        fresh = begin if reached is None else max(begin, reached)
        if fresh < end:
            seconds += (end - fresh).total_seconds()
            reached = end
    return seconds

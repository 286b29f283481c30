"""Owns half-open stretches of time: what they share, cover, leave out, and where they are cut.

Times are integer microseconds since 1970 UTC, so that a sum is exact and a partition loses nothing.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` until just before `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Microseconds; never negative."""
        return max(0, self.end - self.start)

    def clip(self, to: "Span") -> "Span":
        """Return what lies within another; empty (of length 0) where they share nothing."""
        start = max(self.start, to.start)
        return Span(start, max(start, min(self.end, to.end)))

    def holds(self, at: int) -> bool:
        """Return whether a moment lies in it."""
        return self.start <= at < self.end


def union(spans: Iterable[Span]) -> list[Span]:
    """Return what any of the spans covers, as the fewest spans in order; touching ones become one."""
    joined: list[Span] = []
    for span in sorted(each for each in spans if each.length):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def minus(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return what the spans cover and the holes do not, in order."""
    left: list[Span] = []
    cut = union(holes)
    # both are in order, so what lies before this span lies before the next ones too
    first = 0
    for span in union(spans):
        start = span.start
        while first < len(cut) and cut[first].end <= start:
            first += 1
        while first < len(cut) and cut[first].start < span.end:
            if start < cut[first].start:
                left.append(Span(start, cut[first].start))
            start = max(start, cut[first].end)
            if cut[first].end > span.end:
                break
            first += 1
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def within(spans: Iterable[Span], window: Span) -> list[Span]:
    """Return the parts that lie in a window, in order, each as it is."""
    return [part for span in sorted(spans) if (part := span.clip(window)).length]


def total(spans: Iterable[Span]) -> int:
    """Return how much the spans cover together; what several cover counts once."""
    return sum(span.length for span in union(spans))


def pieces(window: Span, edges: Iterable[int]) -> Iterator[Span]:
    """Cut a window at the edges that lie inside it."""
    at = sorted({window.start, window.end, *(edge for edge in edges if window.start < edge < window.end)})
    for start, end in itertools.pairwise(at):
        yield Span(start, end)


def overlaps(spans: Sequence[Span]) -> list[tuple[Span, Span]]:
    """Return the neighbouring pairs that share time; none of a layer that can be read as one."""
    ordered = sorted(spans)
    return [(one, two) for one, two in itertools.pairwise(ordered) if two.start < one.end]

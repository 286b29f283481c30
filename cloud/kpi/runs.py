"""Owns the facts of many windows one behind the other: where nothing happens, one ledger stands for all. Pure.

A machine of which nothing is said for years did the same in each hour of them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from cloud.kpi.facts import Facts
from cloud.kpi.ledger import Layers, Shelf, draw_up
from cloud.kpi.spans import Span


def drawn(layers: Layers, windows: Sequence[Span]) -> Iterator[tuple[Facts, Sequence[Span]]]:
    """Yield the facts of windows, those together that follow each other, are as long, and have the same.

    Args:
        layers: What is known around all of them.
        windows: In order.

    Raises:
        LedgerBroken: A layer overlaps itself.
    """
    shelf, events = Shelf(layers), _events(layers)
    first = 0
    while first < len(windows):
        window = windows[first]
        at = bisect_left(events, window.start)
        still = events[at] if at < len(events) else windows[-1].end
        last = first + 1
        while last < len(windows) and windows[last].length == window.length and windows[last].end <= still:
            last += 1
        yield draw_up(window, shelf.around(window)).facts, windows[first:last]
        first = last


def _events(layers: Layers) -> list[int]:
    """Return the moments at which anything begins, ends or is counted."""
    planned = layers.planned
    spans = [
        *(each.span for each in layers.stretches),
        *(each.span for each in layers.orders),
        *layers.maintenance,
        *(planned.shifts or ()),
        *planned.breaks,
    ]
    edges = {edge for span in spans for edge in (span.start, span.end)}
    return sorted(edges | {each.at for each in layers.pieces})

"""Which requests read a set of points: the fewest blocks that the limits allow; pure.

A device answers one request at a time and each costs a round trip, so neighbours travel together, and small
holes between them are read along and thrown away. The driver asks what `plan` returns; where a device
refuses a block because of one address in it, `split` narrows it down and `join` mends what proved readable.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby


class Table(IntEnum):
    """A device's four tables; each value is the function code that reads it (Modbus Application Protocol V1.1b3, 6)."""

    COIL = 1
    DISCRETE = 2
    HOLDING = 3
    INPUT = 4

    @property
    def is_bits(self) -> bool:
        """Whether its items are single bits; registers otherwise."""
        return self in {Table.COIL, Table.DISCRETE}


@dataclass(frozen=True, slots=True, order=True)
class Limits:
    """What one request may ask of a device, in registers; a table of bits allows 16 bits for each.

    Attributes:
        max_registers: Largest block, 1..125; so at most 2000 bits. Both are the protocol's own limits.
        max_gap: Largest hole between two points that is read along, >= 0.
    """

    max_registers: int = 125
    max_gap: int = 8

    def count(self, table: Table) -> int:
        """Return the most items that one request of this table may ask."""
        return self.max_registers * (16 if table.is_bits else 1)

    def gap(self, table: Table) -> int:
        """Return the most unwanted items between two neighbours."""
        return self.max_gap * (16 if table.is_bits else 1)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a point lies: `width` items of a table, from `address`, which counts from 0 as the protocol does."""

    point: int
    unit: int
    table: Table
    address: int
    width: int
    every_s: float
    limits: Limits = Limits()

    @property
    def end(self) -> int:
        """The address behind its last item."""
        return self.address + self.width


@dataclass(frozen=True, slots=True)
class Request:
    """One question: `count` items of a table of a unit. `spans`: the points it answers, by address."""

    unit: int
    table: Table
    address: int
    count: int
    every_s: float
    spans: tuple[Span, ...]


def plan(spans: Iterable[Span]) -> list[Request]:
    """Arrange points in requests.

    Each point lies whole in exactly one request; a request holds points of one unit, table and period, no more
    items than the limits allow, and no hole beyond `max_gap`. The same points give the same requests in any order.

    Raises:
        ValueError: A point is wider than one request may be.
    """
    ordered = sorted(spans, key=lambda span: (*_group(span), span.address, span.end, span.point))
    return [request for _, group in groupby(ordered, _group) for request in _blocks(list(group))]


def split(request: Request) -> tuple[Request, Request] | None:
    """Divide a block between two points, at its widest hole, else in its middle; None if no point can be parted.

    Points that overlap stay together: asking for the same items twice would teach nothing.
    """
    spans, middle = request.spans, len(request.spans) / 2
    cuts: list[tuple[int, float, int]] = []
    end = spans[0].end
    for index, span in enumerate(spans[1:], start=1):
        if span.address >= end:
            cuts.append((end - span.address, abs(index - middle), index))
        end = max(end, span.end)
    if not cuts:
        return None
    cut = min(cuts)[2]
    return _request(spans[:cut]), _request(spans[cut:])


def join(one: Request, other: Request) -> Request | None:
    """Make one block of two that touch; None if they do not, or if that were too large."""
    first, second = (one, other) if one.address <= other.address else (other, one)
    if _group(first.spans[0]) != _group(second.spans[0]) or first.address + first.count != second.address:
        return None
    limit = first.spans[0].limits.count(first.table)
    return _request(first.spans + second.spans) if first.count + second.count <= limit else None


def _group(span: Span) -> tuple[int, Table, float, Limits]:
    return span.unit, span.table, span.every_s, span.limits


def _blocks(spans: Sequence[Span]) -> list[Request]:
    """Cut points of one group, ordered by address, into blocks from left to right."""
    table, limits = spans[0].table, spans[0].limits
    blocks: list[list[Span]] = []
    start = end = 0
    for span in spans:
        if span.width > limits.count(table):
            raise ValueError(f"point {span.point} takes {span.width} items, one request may ask {limits.count(table)}")
        near = blocks and span.address - end <= limits.gap(table)
        if near and max(end, span.end) - start <= limits.count(table):
            blocks[-1].append(span)
            end = max(end, span.end)
        else:
            blocks.append([span])
            start, end = span.address, span.end
    return [_request(block) for block in blocks]


def _request(spans: Sequence[Span]) -> Request:
    first, end = spans[0], max(span.end for span in spans)
    return Request(first.unit, first.table, first.address, end - first.address, first.every_s, tuple(spans))

"""Owns the numbers of a subscription: what is asked of the server, and how long its silence may last; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge.drivers.opcua.config import OpcUaTag, Reading, Trigger
from edge.drivers.opcua.picking import Pick
from edge.drivers.opcua.queues import queue_size
from edge.drivers.spec import Point

# An idle server says that it lives this often, so a dead one is noticed in seconds.
KEEP_ALIVE_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# One answer holds at most this many values (about 300 kB), so that taking it never blocks the loop for long.
MAX_NOTIFICATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """How a point's value is to be had.

    Attributes:
        point: Its place in the driver's list, and its client handle.
        node: Its address, as `edge.drivers.opcua.addresses` reads it.
        sampling_ms: How often the server samples it, or it is read.
        queue, trigger: As asked of a monitored item.
        is_read: It is read instead of watched.
        pick: What is taken of its value; None for the whole.
        server_time: The point that takes the server's times of its values; None if none does.
    """

    point: int
    node: str
    sampling_ms: float
    queue: int
    trigger: Trigger
    is_read: bool = False
    pick: Pick | None = None
    server_time: int | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription's numbers, as asked or as the server revised them (OPC UA Part 4, 5.14.2)."""

    interval_ms: float
    keep_alive: int
    lifetime: int

    @property
    def silence_s(self) -> float:
        """The longest time between two answers of a healthy server, seconds."""
        return self.interval_ms * self.keep_alive / 1000


def subscription(publishing_s: float, survive_s: float) -> Subscription:
    """Choose what to ask for with a publishing interval, to outlive a cut of so long, both in seconds."""
    keep_alive = max(1, round(KEEP_ALIVE_S / publishing_s))
    # the lifetime must be at least three keep-alives (Part 4, 5.14.2.2)
    lifetime = max(3 * keep_alive, math.ceil(survive_s / publishing_s))
    return Subscription(publishing_s * 1000, keep_alive, lifetime)


def items(points: Sequence[Point], survive_s: float) -> list[Item]:
    """Plan one monitored item a point, in their order.

    Raises:
        TypeError: A point of another protocol.
    """
    return [item(index, point, survive_s) for index, point in enumerate(points)]


def item(place: int, point: Point, survive_s: float, server_time: int | None = None) -> Item:
    """Plan the monitored item of one point; `server_time` is the point that takes the server's times of its values.

    Raises:
        TypeError: A point of another protocol.
    """
    tag = point.options
    if not isinstance(tag, OpcUaTag):
        raise TypeError(f"{point.device}/{point.name} is no OPC UA tag: {tag!r}")
    queue = queue_size(point.every_s, survive_s, tag.queue)
    pick = Pick.of(tag.indexes, tag.field) if tag.indexes or tag.field else None
    is_read = tag.mode is Reading.READ
    return Item(place, tag.address, point.every_s * 1000, queue, tag.trigger, is_read, pick, server_time)


def microseconds(time: datetime) -> int:
    """Return a time as microseconds since 1970 UTC; asyncua's are UTC, with or without saying so."""
    return (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)

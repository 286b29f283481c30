"""From payloads to readings in columns: one block for all messages of a loop turn; pure.

The driver hands over what arrived and the plan of its points; out come raw values, row by row in the order
of the messages. Nothing that a payload holds may raise: what cannot be a reading becomes one of quality
bad with a `Trouble` as its status, so that somebody sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.drivers.broker.packets import Message
from edge.drivers.broker.rows import MISSING, NUMBERS, Rows, Trouble
from edge.drivers.mqtt.jsonpath import walk
from edge.drivers.mqtt.payload import elements, parse
from edge.drivers.mqtt.plan import Plan, Route
from shared.reading import Flag, Readings


@dataclass(slots=True)
class Counts:
    """What was seen since the start, in messages.

    Attributes:
        messages: All of them, copies included.
        malformed: Payloads that are not what their device is said to send, or too large.
        unrouted: Of topics that no device has, left from an earlier configuration; they are acknowledged.
        copies: Sent again by the broker and known to be copies, so not read twice.
        redelivered: Marked DUP and not known: read, perhaps for the second time.
        dropped: Of QoS 0, thrown away before they were read; they are part of a gap.
        unlisted: Points of an array whose names are not listed, or cannot be taken.
    """

    messages: int = 0
    malformed: int = 0
    unrouted: int = 0
    copies: int = 0
    redelivered: int = 0
    dropped: int = 0
    unlisted: int = 0


class _Block(Rows):
    """Rows of messages under construction."""

    def add(self, route: Route, document: object, message: Message) -> None:
        flags = int(Flag.RETAINED) if message.is_retained else 0
        ts = 0
        if route.ts is not None:
            told = walk(document, route.ts)
            ts = route.read_time(told) or 0
            if not ts and told is not MISSING:
                flags |= Flag.SOURCE_TIME_REPLACED
        values = route.values(document)
        if not NUMBERS.issuperset(map(type, values)):
            values = self.checked(values)
        self.extend(route.points, values, ts, message.received_us, flags)

    def add_named(self, route: Route, document: object, message: Message, plan: Plan) -> bool:
        """Add a point that names itself; False if nobody wants it."""
        named = route.named
        assert named is not None  # noqa: S101 - the caller looked
        name = walk(document, named.name)
        place = plan.place(route, str(name)) if isinstance(name, str | int) else None
        if place is None:
            return False
        one = replace(route, points=(place,), paths=(named.value,), named=None)
        self.add(one, document, message)
        return True

    def add_trouble(self, route: Route, trouble: Trouble, message: Message) -> None:
        points = tuple(route.named.places.values()) if route.named else route.points
        flags = int(Flag.RETAINED) if message.is_retained else 0
        self.fail(points, trouble, message.received_us, flags)


def decode(messages: Sequence[Message], plan: Plan, counts: Counts) -> Readings:
    """Read the payloads of messages as the points of their topics.

    Args:
        messages: In order of arrival.
        plan: Which points take what from which topic.
        counts: Malformed and unrouted messages are added here.

    Returns:
        A row for each point of each message, `tag` being the point's place in the driver's list and `ts`
        0 where the message tells no usable time (with `Flag.SOURCE_TIME_REPLACED` where it tells an
        unusable one). Empty if no topic has points.
    """
    block = _Block()
    for message in messages:
        routes = plan.routes(message.topic)
        if not routes:
            counts.unrouted += 1
            continue
        payload = message.payload
        document: object = None
        is_parsed = is_malformed = False
        for route in routes:
            trouble = Trouble.TOO_LARGE if payload is None else None
            documents: Sequence[object] | None = None
            if payload is not None and route.documents is None:
                if not is_parsed:
                    is_parsed, document = True, _parsed(payload)
                documents = _documents(document, route)
            elif payload is not None and route.documents is not None:
                documents = route.documents(payload)
            if documents is None:
                is_malformed = True
                block.add_trouble(route, trouble or Trouble.MALFORMED, message)
            elif route.named is None:
                for one in documents:
                    block.add(route, one, message)
            else:
                counts.unlisted += sum(not block.add_named(route, one, message, plan) for one in documents)
        counts.malformed += is_malformed
    return block.readings()


def _parsed(payload: bytes) -> object:
    try:
        return parse(payload)
    except ValueError:
        return Trouble.MALFORMED


def _documents(document: object, route: Route) -> Sequence[object] | None:
    """Return what of a JSON message a route reads, one after the other."""
    if isinstance(document, Trouble):
        return None
    return (document,) if route.array is None else elements(document, route.array)

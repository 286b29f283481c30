"""From payloads to readings in columns: one block for all messages of a loop turn; pure.

The driver hands over what arrived and the plan of its points; out come raw values, row by row in the order
of the messages. Nothing that a payload holds may raise: what cannot be a reading becomes one of quality
bad with a `Trouble` as its status, so that somebody sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

from edge.drivers.broker.packets import Message
from edge.drivers.mqtt.jsonpath import MISSING, walk
from edge.drivers.mqtt.payload import elements, parse
from edge.drivers.mqtt.plan import Plan, Route
from shared.reading import Flag, Quality, Readings
from shared.wire.batch import MAX_TEXT

_NUMBERS = frozenset({float, int, bool})
_NAN = float("nan")
# beyond this a double no longer holds every whole number
_EXACT = 2**53


class Trouble(IntEnum):
    """Why a point has no value: the status of its reading (MQTT itself has no such codes)."""

    MALFORMED = 1  # the payload is not JSON (CSV, text), or has no array where one should be
    TOO_LARGE = 2  # the payload is longer than `max_payload`
    MISSING = 3  # nothing stands at the tag's path
    NULL = 4
    WRONG_TYPE = 5  # an object or an array
    NOT_FINITE = 6  # NaN or infinity
    TOO_BIG = 7  # a whole number that no double can hold
    BAD_TEXT = 8  # longer than 4,096 bytes of UTF-8, or with characters that cannot be stored
    NOT_SUBSCRIBED = 9  # the broker refused the topic
    STALE = 10  # the device said nothing for longer than `stale_after`


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


@dataclass(slots=True)
class _Block:
    """Rows under construction: an entry a row in `points` and `raw`, one a message and route in the others."""

    points: list[int] = field(default_factory=list)
    raw: list[object] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    trouble: dict[int, Trouble] = field(default_factory=dict)
    text: dict[int, str] = field(default_factory=dict)

    def add(self, route: Route, document: object, message: Message) -> None:
        flags = int(Flag.RETAINED) if message.is_retained else 0
        ts = 0
        if route.ts is not None:
            told = walk(document, route.ts)
            ts = route.read_time(told) or 0
            if not ts and told is not MISSING:
                flags |= Flag.SOURCE_TIME_REPLACED
        values = route.values(document)
        if not _NUMBERS.issuperset(map(type, values)):
            values = [self._number(len(self.raw) + place, raw) for place, raw in enumerate(values)]
        self._extend(route.points, values, ts, message.received_us, flags)

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
        first, count = len(self.raw), len(points)
        self.trouble.update(dict.fromkeys(range(first, first + count), trouble))
        flags = int(Flag.RETAINED) if message.is_retained else 0
        self._extend(points, [_NAN] * count, 0, message.received_us, flags)

    def _extend(self, points: Sequence[int], values: Sequence[object], ts: int, received_us: int, flags: int) -> None:
        self.points += points
        self.raw += values
        self.rows.append(len(values))
        self.ts.append(ts)
        self.received.append(received_us)
        self.flags.append(flags)

    def _number(self, row: int, raw: object) -> object:
        """Return a value that is a number as it is; note what another one is, and return NaN for it."""
        if type(raw) in _NUMBERS:
            return raw
        if isinstance(raw, str) and _is_storable(raw):
            self.text[row] = raw
        else:
            self.trouble[row] = _why_not(raw)
        return _NAN

    def readings(self) -> Readings:
        value = self._value()
        flags = np.repeat(np.array(self.flags, np.uint8), self.rows)
        status = np.zeros(len(value), np.uint32)
        quality = np.zeros(len(value), np.uint8)
        for row, trouble in self.trouble.items():
            status[row] = trouble
            quality[row] = Quality.BAD
            if trouble is Trouble.NOT_FINITE:
                flags[row] |= Flag.NOT_FINITE
        return Readings(
            tag=np.array(self.points, np.uint32),
            ts=np.repeat(np.array(self.ts, np.int64), self.rows),
            received=np.repeat(np.array(self.received, np.int64), self.rows),
            value=value,
            quality=quality,
            flags=flags,
            status=status,
            text=dict(sorted(self.text.items())),
        )

    def _value(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        try:
            value = np.array(self.raw, np.float64)
        except OverflowError:
            value = np.array([_as_double(raw) for raw in self.raw], np.float64)
        finite = np.isfinite(value)
        for row in np.flatnonzero(~finite).tolist():
            if row not in self.text and row not in self.trouble:
                self.trouble[row] = Trouble.TOO_BIG if type(self.raw[row]) is int else Trouble.NOT_FINITE
        value[~finite] = _NAN
        for row in np.flatnonzero(np.abs(value) >= _EXACT).tolist():
            raw = self.raw[row]
            if type(raw) is int and abs(raw) > _EXACT:
                self.text[row] = str(raw)
        return value


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


def _is_storable(text: str) -> bool:
    try:
        return len(text.encode()) <= MAX_TEXT and "\0" not in text
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _why_not(raw: object) -> Trouble:
    if raw is MISSING:
        return Trouble.MISSING
    if raw is None:
        return Trouble.NULL
    return Trouble.BAD_TEXT if isinstance(raw, str) else Trouble.WRONG_TYPE


def _as_double(raw: object) -> float:
    try:
        return float(raw)  # type: ignore[arg-type]  # only numbers come here
    except OverflowError:
        return _NAN

"""Values of messages on their way into columns, with what is wrong about them; pure.

Whatever a message holds becomes a row: numbers and texts as they are, everything else bad, with a `Trouble` as its
status, so that somebody sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np

from shared.reading import Flag, Quality, Readings
from shared.wire.batch import MAX_TEXT

NUMBERS = frozenset({float, int, bool})
_NAN = float("nan")
# beyond this a double no longer holds every whole number
_EXACT = 2**53


class Missing:
    """The type of `MISSING`, which stands where a message has nothing (None is a null that was sent)."""


MISSING: Final = Missing()


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
    GONE = 10  # its Sparkplug node, or its device there, has died
    POOR = 11  # the source itself calls it bad, without saying why


@dataclass(slots=True)
class Rows:
    """Rows under construction: an entry a row in `points` and `raw`, one a call of `extend` in the others."""

    points: list[int] = field(default_factory=list)
    raw: list[object] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    trouble: dict[int, Trouble] = field(default_factory=dict)
    text: dict[int, str] = field(default_factory=dict)
    told: dict[int, tuple[Quality, int]] = field(default_factory=dict)

    def checked(self, values: Sequence[object]) -> list[object]:
        """Return values that are about to be added: numbers as they are, NaN for the rest, which is noted."""
        return [self._number(len(self.raw) + place, raw) for place, raw in enumerate(values)]

    def fail(self, points: Sequence[int], trouble: Trouble, received_us: int, flags: int = 0) -> None:
        """Add a bad row for each of these points."""
        first = len(self.raw)
        self.trouble.update(dict.fromkeys(range(first, first + len(points)), trouble))
        self.extend(points, [_NAN] * len(points), 0, received_us, flags)

    def tell(self, quality: Quality, status: int) -> None:
        """Say of the last row what quality the source gives it."""
        self.told[len(self.raw) - 1] = quality, status

    def extend(self, points: Sequence[int], values: Sequence[object], ts: int, received_us: int, flags: int) -> None:
        """Add a row for each of these points, with one time for all; 0 where the source told none."""
        self.points += points
        self.raw += values
        self.rows.append(len(values))
        self.ts.append(ts)
        self.received.append(received_us)
        self.flags.append(flags)

    def _number(self, row: int, raw: object) -> object:
        """Return a value that is a number as it is; note what another one is, and return NaN for it."""
        if type(raw) in NUMBERS:
            return raw
        if isinstance(raw, str) and _is_storable(raw):
            self.text[row] = raw
        else:
            self.trouble[row] = _why_not(raw)
        return _NAN

    def readings(self) -> Readings:
        """Return the rows as columns."""
        value = self._value()
        flags = np.repeat(np.array(self.flags, np.uint8), self.rows)
        status = np.zeros(len(value), np.uint32)
        quality = np.zeros(len(value), np.uint8)
        for row, (level, code) in self.told.items():
            quality[row], status[row] = level, code
            if level is Quality.BAD:
                value[row] = _NAN
                self.text.pop(row, None)
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

"""The time in a message: the ways in which devices write it, read as microseconds since 1970 UTC; pure."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# what the readings' columns hold; whether a time is plausible is judged later, for every protocol alike
_LATEST_US = 2**62
# a number in a text; longer ones are no time
_DIGITS = 40

Reader = Callable[[object], int | None]


class TimeFormat(StrEnum):
    """How a device writes the time: a number counted from 1970 UTC, or RFC 3339 (ISO 8601 with its offset)."""

    UNIX_S = "unix_s"
    UNIX_MS = "unix_ms"
    UNIX_US = "unix_us"
    UNIX_NS = "unix_ns"
    ISO8601 = "iso8601"
    RFC3339 = "rfc3339"


def _unix(times: int, over: int) -> Reader:
    def read(value: object) -> int | None:
        if type(value) is str:
            value = _number(value)
        if type(value) is int:
            return _checked(value * times // over)
        if type(value) is float and math.isfinite(value * times):
            return _checked(round(value * times / over))
        return None

    return read


def _number(text: str) -> int | float | None:
    """Read a number that was written as a text; whole ones keep all their digits."""
    if len(text) > _DIGITS:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _iso8601(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    # without its offset nobody knows which instant is meant
    return None if moment.tzinfo is None else _instant(moment)


def _written(pattern: str, zone: tzinfo | None) -> Reader:
    def read(value: object) -> int | None:
        # a number such as 20261125 may be meant as digits
        if not isinstance(value, str | int):
            return None
        try:
            moment = datetime.strptime(str(value), pattern)  # noqa: DTZ007 - its zone comes next, or it has one
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return None if moment.tzinfo is None else _instant(moment)

    return read


def _instant(moment: datetime) -> int | None:
    try:
        return _checked((moment - _EPOCH) // _MICROSECOND)
    except OverflowError:
        return None


def _checked(us: int) -> int | None:
    return us if 0 < us < _LATEST_US else None


_READERS: Mapping[TimeFormat, Reader] = {
    TimeFormat.UNIX_S: _unix(1_000_000, 1),
    TimeFormat.UNIX_MS: _unix(1000, 1),
    TimeFormat.UNIX_US: _unix(1, 1),
    TimeFormat.UNIX_NS: _unix(1, 1000),
    TimeFormat.ISO8601: _iso8601,
    TimeFormat.RFC3339: _iso8601,
}


def reader(format: str, zone: tzinfo | None = None) -> Reader:
    """Return the function that reads a value of a message as microseconds since 1970 UTC.

    Args:
        format: A `TimeFormat`, or a pattern of Python's `strptime` such as `%d.%m.%Y %H:%M:%S`.
        zone: Of times by a pattern that says no offset (`%z`).

    The function returns None for what is no time: another type, not finite, not after 1970, beyond the range of the
    readings' columns, or a text without an offset.
    """
    known = next((reader for name, reader in _READERS.items() if name == format), None)
    return known or _written(format, zone)

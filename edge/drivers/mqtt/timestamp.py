"""The time in a message: five ways in which devices write it, read as microseconds since 1970 UTC; pure."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# what the readings' columns hold; whether a time is plausible is judged later, for every protocol alike
_LATEST_US = 2**62


class TimeFormat(StrEnum):
    """How a device writes the time: a number counted from 1970 UTC, or ISO 8601 with its offset."""

    UNIX_S = "unix_s"
    UNIX_MS = "unix_ms"
    UNIX_US = "unix_us"
    UNIX_NS = "unix_ns"
    ISO8601 = "iso8601"


def _unix(times: int, over: int) -> Callable[[object], int | None]:
    def read(value: object) -> int | None:
        if type(value) is int:
            return _checked(value * times // over)
        if type(value) is float and math.isfinite(value * times):
            return _checked(round(value * times / over))
        return None

    return read


def _iso8601(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        # without its offset nobody knows which instant is meant
        return None if moment.tzinfo is None else _checked((moment - _EPOCH) // _MICROSECOND)
    except (ValueError, OverflowError):
        return None


def _checked(us: int) -> int | None:
    return us if 0 < us < _LATEST_US else None


_READERS: Mapping[TimeFormat, Callable[[object], int | None]] = {
    TimeFormat.UNIX_S: _unix(1_000_000, 1),
    TimeFormat.UNIX_MS: _unix(1000, 1),
    TimeFormat.UNIX_US: _unix(1, 1),
    TimeFormat.UNIX_NS: _unix(1, 1000),
    TimeFormat.ISO8601: _iso8601,
}


def reader(format: TimeFormat) -> Callable[[object], int | None]:
    """Return the function that reads a decoded JSON value as microseconds since 1970 UTC.

    The function returns None for what is no time: another type, not finite, not after 1970, beyond
    the range of the readings' columns, or an ISO 8601 text without an offset.
    """
    return _READERS[format]

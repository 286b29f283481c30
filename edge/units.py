"""Durations and sizes as the configuration writes them: a number that bears its unit."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB)/s")
# no counter is wider than 64 bits
_POWER = re.compile(r"(\d{1,20})(?:\s*\^\s*(\d{1,2}))?")
# a value that says too much is quoted to here
_SHOWN = 60
# beyond ten years nobody waits for anything; and no more periods than that either
_LONGEST_S = 10 * 366 * 86400.0
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def duration_s(text: object) -> float:
    """Read a duration such as `300ms`, `1s`, `5min` as seconds.

    Raises:
        ValueError: No such duration, or one without its unit.
    """
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number with us, ms, s, min, h or d, such as 500ms")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST_S:
        raise ValueError(f"{_shown(text)} is longer than ten years; write less")
    return seconds


def size_bytes(text: object) -> int:
    """Read a size such as `512 MB` or `8 GB` (decimal units) as bytes.

    Raises:
        ValueError: No such size, or one without its unit.
    """
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a size; write a number with B, kB, MB, GB or TB, such as 500 MB")
    return _bytes(text, float(match[1]) * _BYTES[match[2]])


def like(text: object, number: float) -> str | None:
    """Return a number of seconds or bytes as a text is written, a duration or a size; None if that is neither."""
    for form, units, gap in ((_DURATION, _SECONDS, ""), (_SIZE, _BYTES, " ")):
        if isinstance(text, str) and form.fullmatch(text.strip()):
            unit = max(
                (unit for unit in units if units[unit] <= number), key=units.__getitem__, default=next(iter(units))
            )
            return f"{number / units[unit]:g}{gap}{unit}"
    return None


def rate_bytes(text: object) -> int:
    """Read a rate such as `2 MB/s` as bytes a second.

    Raises:
        ValueError: No such rate, or one without its unit.
    """
    match = _RATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a rate; write a number with B/s, kB/s, MB/s or GB/s, such as 2 MB/s")
    return _bytes(text, float(match[1]) * _BYTES[match[2]])


def _bytes(text: object, number: float) -> int:
    # what files and statistics count in has 63 bits
    if number >= 2**63:
        raise ValueError(f"{_shown(text)} is more bytes than can be counted; write less")
    return int(number)


def _shown(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}.."


@dataclass(frozen=True, slots=True)
class WhenFull:
    """What a full buffer does with readings of a class.

    Attributes:
        action: Keeps them; drops the oldest; or thins the oldest to the lowest, highest and last of each window.
        window_s: The window, seconds; 0 where none is thinned.
    """

    action: Literal["keep", "thin", "drop"]
    window_s: float = 0.0


KEEP = WhenFull("keep")
_THIN = re.compile(rf"thin\s+({_DURATION.pattern})")


def when_full(text: str) -> WhenFull:
    """Read what a full buffer does: `keep`, `drop`, or `thin 1min`.

    Raises:
        ValueError: None of the three.
    """
    if text == "keep":
        return KEEP
    if text == "drop":
        return WhenFull("drop")
    match = _THIN.fullmatch(text.strip())
    window_s = duration_s(match[1]) if match else 0.0
    if window_s < 1.0:
        raise ValueError(
            f"{text!r} is nothing that a full buffer does; write keep, drop, or thin with a window of 1s or more, "
            "such as thin 1min"
        )
    return WhenFull("thin", window_s)


def count(text: object) -> float:
    """Read how far something counts: a number, or a power such as `2^32`.

    Raises:
        ValueError: Neither.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    match = _POWER.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a count; write a number such as 1000000, or a power such as 2^32")
    # float ** raises where integers only get long: at most 20 digits to the power of 99
    number = int(match[1]) ** int(match[2] or 1)
    if number > 2**64:
        raise ValueError(f"{text!r} is more than a counter of 64 bits counts; write at most 2^64")
    return float(number)


def _written(pattern: str, *examples: str) -> dict[str, object]:
    return {"type": "string", "pattern": f"^{pattern}$", "examples": list(examples)}


Duration = Annotated[float, BeforeValidator(duration_s), WithJsonSchema(_written(_DURATION.pattern, "500ms", "1s"))]


def _is_when_full(text: str) -> str:
    when_full(text)
    return text


OldReadings = Annotated[
    str,
    AfterValidator(_is_when_full),
    WithJsonSchema(_written(f"(?:keep|drop|{_THIN.pattern})", "keep", "thin 1min", "drop")),
]
# None: never, written `off`
DurationOrOff = Annotated[
    float | None,
    BeforeValidator(lambda text: None if text is None or text == "off" else duration_s(text)),
    WithJsonSchema(_written(f"(?:off|{_DURATION.pattern})", "5min", "off")),
]
Size = Annotated[int, BeforeValidator(size_bytes), WithJsonSchema(_written(_SIZE.pattern, "500 MB", "8 GB"))]
Rate = Annotated[int, BeforeValidator(rate_bytes), WithJsonSchema(_written(_RATE.pattern, "2 MB/s", "500 kB/s"))]
Count = Annotated[
    float,
    BeforeValidator(count),
    WithJsonSchema({"anyOf": [{"type": "number"}, _written(_POWER.pattern, "2^32")]}),
]
_TIMES = re.compile(r"(\d+(?:\.\d+)?)\s*x")


def stale_after_s(text: str, every_s: float | None) -> float | None:
    """Return after how long without a reading a value is stale, seconds; None for never.

    Args:
        text: A duration, a number of periods such as `3x`, or `off`.
        every_s: The period; None where no period is known, and periods mean nothing.

    Raises:
        ValueError: None of the three, or nothing above 0.
    """
    if text == "off":
        return None
    match = _TIMES.fullmatch(text.strip())
    try:
        number = float(match[1]) if match else duration_s(text)
    except ValueError:
        raise ValueError(
            f"{_shown(text)} is neither a duration nor a number of periods; write 30s, 3x or off"
        ) from None
    if number > _LONGEST_S:
        raise ValueError(f"{_shown(text)} is more periods than anybody waits for a reading; write 30s, 3x or off")
    if not number:
        raise ValueError(f"{text!r} would make every value stale; write 30s, 3x or off")
    if match is None:
        return number
    return None if every_s is None else number * every_s


def _checked(text: str) -> str:
    stale_after_s(text, None)
    return text


StaleAfter = Annotated[
    str,
    AfterValidator(_checked),
    WithJsonSchema(_written(f"(?:off|{_TIMES.pattern}|{_DURATION.pattern})", "3x", "30s", "off")),
]

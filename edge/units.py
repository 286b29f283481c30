"""Durations and sizes as the configuration writes them: a number that bears its unit."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB)")
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def duration_s(text: object) -> float:
    """Read a duration such as `300ms`, `1s`, `5min` as seconds.

    Raises:
        ValueError: No such duration, or one without its unit.
    """
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number with us, ms, s, min, h or d, such as 500ms")
    return float(match[1]) * _SECONDS[match[2]]


def size_bytes(text: object) -> int:
    """Read a size such as `512 MB` or `8 GB` (decimal units) as bytes.

    Raises:
        ValueError: No such size, or one without its unit.
    """
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a size; write a number with B, kB, MB, GB or TB, such as 500 MB")
    return int(float(match[1]) * _BYTES[match[2]])


def _written(pattern: str, *examples: str) -> dict[str, object]:
    return {"type": "string", "pattern": f"^{pattern}$", "examples": list(examples)}


Duration = Annotated[float, BeforeValidator(duration_s), WithJsonSchema(_written(_DURATION.pattern, "500ms", "1s"))]
# None: never, written `off`
DurationOrOff = Annotated[
    float | None,
    BeforeValidator(lambda text: None if text is None or text == "off" else duration_s(text)),
    WithJsonSchema(_written(f"(?:off|{_DURATION.pattern})", "5min", "off")),
]
Size = Annotated[int, BeforeValidator(size_bytes), WithJsonSchema(_written(_SIZE.pattern, "500 MB", "8 GB"))]

"""What registers can hold, and how numpy's view of them becomes numbers; pure.

Each type names the registers it takes, numpy's type for its bytes in the order A B C .., and, where those are not the
number yet, a converter for all values of a block at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

# numpy's values to numbers, and the texts of those that no double holds or people read otherwise, by place
Converter = Callable[[NDArray[Any]], tuple[NDArray[np.float64], dict[int, str]]]
# beyond it a double no longer holds every integer
_EXACT = 2**53


class ValueType(StrEnum):
    """What the registers of a point hold."""

    INT8_HIGH = "int8-high"
    INT8_LOW = "int8-low"
    UINT8_HIGH = "uint8-high"
    UINT8_LOW = "uint8-low"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BCD16 = "bcd16"
    BCD32 = "bcd32"
    BCD64 = "bcd64"
    DATETIME_UNIX = "datetime-unix"
    DATETIME_IEC = "datetime-iec"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Format:
    """How a type lies in registers. `registers`: how many it takes; `dtype`: its bytes, as numpy names them."""

    registers: int
    dtype: str
    convert: Converter | None = None


def _exact(numbers: NDArray[Any]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Round 64-bit integers to doubles; those that lose by it keep their digits."""
    large: list[int] = np.flatnonzero((numbers > _EXACT) | (numbers < -_EXACT)).tolist()
    return numbers.astype(np.float64), {index: str(numbers[index]) for index in large}


def _bcd(numbers: NDArray[Any]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Read four bits a decimal digit; NaN where four bits are no digit."""
    digits = 2 * numbers.dtype.itemsize
    shifts = np.arange(4 * (digits - 1), -1, -4, dtype=np.uint64)
    read = (numbers.astype(np.uint64)[:, np.newaxis] >> shifts) & np.uint64(15)
    powers = np.asarray([10**place for place in range(digits - 1, -1, -1)], np.uint64)
    value, texts = _exact((read * powers).sum(axis=1, dtype=np.uint64))
    wrong: NDArray[np.bool_] = np.any(read > 9, axis=1)
    value[wrong] = np.nan
    return value, {index: text for index, text in texts.items() if not wrong[index]}


def _unix(numbers: NDArray[Any]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Read seconds since 1970 UTC."""
    return _dated(numbers.astype(np.float64))


def _iec(numbers: NDArray[Any]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Read the four-register date-time of IEC 60870-5-4 that Schneider's and others' meters have (their TI 081).

    Register 1: year from 2000 in bits 0..6. Register 2: month in bits 8..11, day of the month in 0..4. Register 3: hour
    in 8..12, invalid in bit 7, minute in 0..5. Register 4: milliseconds of the minute. Read as UTC; NaN where it is
    marked invalid or is no date.
    """
    words = numbers.view(">u2").reshape(-1, 4).astype(np.int64)
    year, month, day = words[:, 0] & 127, words[:, 1] >> 8 & 15, words[:, 1] & 31
    hour, minute, millis = words[:, 2] >> 8 & 31, words[:, 2] & 63, words[:, 3]
    start = (30 * 12 + year * 12 + month - 1).astype("datetime64[M]")
    length = ((start + 1).astype("datetime64[D]") - start.astype("datetime64[D]")).astype(np.int64)
    is_date = (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    is_time = (hour < 24) & (minute < 60) & (millis < 60_000) & (words[:, 2] & 128 == 0)
    days = start.astype("datetime64[D]").astype(np.int64) + day - 1
    seconds = days * 86_400.0 + hour * 3600 + minute * 60 + millis / 1000
    return _dated(np.where(is_date & is_time, seconds, np.nan))


def _dated(seconds: NDArray[np.float64]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Write instants as people read them, beside the seconds since 1970 UTC."""
    good = np.flatnonzero(~np.isnan(seconds)).tolist()
    return seconds, {index: _instant(float(seconds[index])) for index in good}


def _instant(seconds: float) -> str:
    precision = "seconds" if seconds.is_integer() else "milliseconds"
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


FORMATS = {
    ValueType.INT8_HIGH: Format(1, "i1"),
    ValueType.INT8_LOW: Format(1, "i1"),
    ValueType.UINT8_HIGH: Format(1, "u1"),
    ValueType.UINT8_LOW: Format(1, "u1"),
    ValueType.INT16: Format(1, ">i2"),
    ValueType.UINT16: Format(1, ">u2"),
    ValueType.INT32: Format(2, ">i4"),
    ValueType.UINT32: Format(2, ">u4"),
    ValueType.INT64: Format(4, ">i8", _exact),
    ValueType.UINT64: Format(4, ">u8", _exact),
    ValueType.FLOAT16: Format(1, ">f2"),
    ValueType.FLOAT32: Format(2, ">f4"),
    ValueType.FLOAT64: Format(4, ">f8"),
    ValueType.BCD16: Format(1, ">u2", _bcd),
    ValueType.BCD32: Format(2, ">u4", _bcd),
    ValueType.BCD64: Format(4, ">u8", _bcd),
    ValueType.DATETIME_UNIX: Format(2, ">u4", _unix),
    ValueType.DATETIME_IEC: Format(4, ">u8", _iec),
}

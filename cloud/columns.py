"""Owns columns that PostgreSQL sends in one value each, as `string_agg(int4send(x), '')` makes them, for numpy.

Rows that are read by the hundred thousand become no objects that way. Pure.
"""

import numpy as np
from numpy.typing import NDArray

# timestamptz counts microseconds from 2000-01-01
_EPOCH_US = 946_684_800_000_000


def places(sent: bytes | None) -> NDArray[np.int32]:
    """Return what `int4send` wrote; none of None, which is the sum of no rows."""
    return np.frombuffer(sent or b"", ">i4").astype(np.int32)


def wholes(sent: bytes | None) -> NDArray[np.int64]:
    """Return what `int8send` wrote."""
    return np.frombuffer(sent or b"", ">i8").astype(np.int64)


def moments(sent: bytes | None) -> NDArray[np.int64]:
    """Return what `timestamptz_send` wrote, as microseconds since 1970 UTC."""
    return wholes(sent) + _EPOCH_US


def numbers(sent: bytes | None) -> NDArray[np.float64]:
    """Return what `float8send` wrote."""
    return np.frombuffer(sent or b"", ">f8").astype(np.float64)

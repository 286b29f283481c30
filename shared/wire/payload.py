"""The payload of a batch: two dictionaries, seven columns and the texts, before compression.

`batch.encode` compresses what `pack` returns; `batch.decode` hands over to `unpack` what it has
decompressed and bounded. Nothing here trusts a length: every section is checked against the
payload's end before it is read, so the work is at most in proportion to the bytes that are there.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import WireError
from shared.reading import Gap, Quality, Readings, Tag
from shared.wire.labels import Labels

MAX_TEXT = 4096
# times from 1970 (a gateway whose clock was never set) up to 2100
MAX_TIME_US = 4_102_444_800_000_000
# what a malformed section raises; RecursionError: an unknown member nested thousands deep
MALFORMED = (msgspec.MsgspecError, struct.error, ValueError, OverflowError, RecursionError)
_COUNT = struct.Struct("<I")
# the columns in order: tag, ts, received, value, quality, flags, status
_COLUMNS = (np.uint32, np.int64, np.int64, np.float64, np.uint8, np.uint8, np.uint32)
# the members of a gap that came later, with what they are where they are left out
_LIFE = {each.name: each.default for each in fields(Gap)[6:]}
ROW_BYTES = sum(np.dtype(column).itemsize for column in _COLUMNS)


def pack(labels: Labels, readings: Readings, gaps: Sequence[Gap]) -> bytes:
    """Lay out a payload: rows ordered by tag, then as taken; only the tags in use.

    Raises:
        msgspec.ValidationError: A tag is none that `unpack` would take.
    """
    rows = readings.take(np.argsort(readings.tag, kind="stable"))
    used, local = np.unique(rows.tag, return_inverse=True)
    return b"".join(
        (
            _sized(labels.of(used.tolist())),
            _sized(msgspec.json.encode([_gap(gap) for gap in gaps])),
            _planes(local.astype(np.uint32)),
            _planes(np.diff(rows.ts, prepend=0)),
            _planes(rows.received - rows.ts),
            _planes(rows.value),
            _planes(rows.quality),
            _planes(rows.flags),
            _planes(rows.status),
            _text(rows.text),
        )
    )


def tags_of(section: bytes) -> list[Tag]:
    """Read the list of a batch's tags.

    Raises:
        ValueError: It is none; or another of `MALFORMED`.
    """
    return msgspec.json.decode(section, type=list[Tag])


def unpack(
    payload: bytes, rows: int, read_tags: Callable[[bytes], list[Tag]] = tags_of
) -> tuple[list[Tag], Readings, list[Gap]]:
    """Read a payload of `rows` readings; the columns may be read-only.

    Args:
        payload: As `pack` gave it.
        rows: How many readings it holds.
        read_tags: Reads the section of tags, for who remembers what it has read.

    Raises:
        WireError: A section that is not as docs/wire.md says.
        ValueError: The same, and the others of `MALFORMED`, from the libraries.
    """
    tags_json, at = _take_sized(payload, 0)
    tags = read_tags(tags_json)
    readings, gaps = _unpack_rows(payload, at, rows, len(tags))
    return tags, readings, gaps


def check(payload: bytes, rows: int, tags: int) -> None:
    """Raise what `unpack` would, of a payload that `pack` gave with labels of so many tags, each checked already."""
    _, at = _take_sized(payload, 0)
    _unpack_rows(payload, at, rows, tags)


def _unpack_rows(payload: bytes, at: int, rows: int, tags: int) -> tuple[Readings, list[Gap]]:
    gaps_json, at = _take_sized(payload, at)
    columns: list[NDArray[np.generic]] = []
    for dtype in _COLUMNS:
        column, at = _take_planes(payload, at, rows, np.dtype(dtype))
        columns.append(column)
    text = _take_text(payload, at, rows)
    tag, steps, lag, value, quality, flags, status = columns
    ts: NDArray[np.int64] = np.cumsum(steps)
    received: NDArray[np.int64] = ts + lag  # type: ignore[operator]
    readings = Readings(tag, ts, received, value, quality, flags, status, text)  # type: ignore[arg-type]
    if rows:
        _check(readings, tags)
    return readings, msgspec.json.decode(gaps_json, type=list[Gap])


def _gap(gap: Gap) -> dict[str, object]:
    """Return a gap as it travels: what only gaps with a life of their own have is left out of the others."""
    told = asdict(gap)
    return {name: value for name, value in told.items() if name not in _LIFE or value != _LIFE[name]}


def _check(readings: Readings, tags: int) -> None:
    if int(readings.tag.max()) >= tags:
        raise WireError(f"a reading names tag {readings.tag.max()}, the batch lists {tags}")
    if int(readings.quality.max()) > Quality.BAD:
        raise WireError(f"a reading has quality {readings.quality.max()}, expected 0, 1 or 2")
    for times in (readings.ts, readings.received):
        if not 0 <= int(times.min()) <= int(times.max()) < MAX_TIME_US:
            raise WireError(f"a reading's time lies outside 1970..2100 ({times.min()}..{times.max()} us)")


def _sized(data: bytes) -> bytes:
    return _COUNT.pack(len(data)) + data


def _take_sized(payload: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _COUNT.unpack_from(payload, at)
    end = at + _COUNT.size + length
    if end > len(payload):
        raise WireError(f"a section of {length} bytes at {at} runs past the payload's end")
    return payload[at + _COUNT.size : end], end


def _planes(column: NDArray[np.generic]) -> bytes:
    """Return the first bytes of all values, then the second ones, ..: equal bytes meet, and compress."""
    little = column.astype(column.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little.view(np.uint8).reshape(len(column), column.itemsize).T).tobytes()


def _take_planes(payload: bytes, at: int, rows: int, dtype: np.dtype[np.generic]) -> tuple[NDArray[np.generic], int]:
    size = rows * dtype.itemsize
    if at + size > len(payload):
        raise WireError(f"a column of {rows} {dtype} at {at} runs past the payload's end")
    planes = np.frombuffer(payload, np.uint8, size, at).reshape(dtype.itemsize, rows)
    column = np.ascontiguousarray(planes.T).view(dtype.newbyteorder("<")).reshape(rows)
    return column.astype(dtype, copy=False), at + size


def _text(text: dict[int, str]) -> bytes:
    encoded = [value.encode() for value in text.values()]
    return b"".join(
        (
            _COUNT.pack(len(text)),
            np.fromiter(text, "<u4", len(text)).tobytes(),
            np.fromiter(map(len, encoded), "<u4", len(text)).tobytes(),
            *encoded,
        )
    )


def _take_text(payload: bytes, at: int, rows: int) -> dict[int, str]:
    (count,) = _COUNT.unpack_from(payload, at)
    at += _COUNT.size
    if count > rows or at + 8 * count > len(payload):
        raise WireError(f"{count} texts for {rows} readings")
    which = np.frombuffer(payload, "<u4", count, at)
    lengths = np.frombuffer(payload, "<u4", count, at + 4 * count)
    bounds = at + 8 * count + np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    if int(bounds[-1]) != len(payload):
        raise WireError("the texts do not end where the payload does")
    if count and (int(which[-1]) >= rows or (which[1:] <= which[:-1]).any() or int(lengths.max()) > MAX_TEXT):
        raise WireError(f"texts not in row order within 0..{rows - 1}, or one longer than {MAX_TEXT} bytes")
    ends = bounds.tolist()
    texts = [payload[start:end].decode("utf-8") for start, end in pairwise(ends)]
    if any("\0" in text for text in texts):
        raise WireError("a text contains NUL, which PostgreSQL cannot hold")
    return dict(zip(which.tolist(), texts, strict=True))

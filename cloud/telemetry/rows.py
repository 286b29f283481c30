"""What of a decoded batch becomes rows: in which order, with which repetitions, and which of them is the newest.

`intake` hands over a batch's readings with the database's tag ids; `pgcopy` takes the rows from here
to PostgreSQL. Pure: arrays in, arrays out, no loop over readings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shared.reading import Flag, Readings

_MINUTE_US = 60_000_000
# what a gateway had so long ago has waited there: it is hardly ever the newest of its tag
_WAITED_US = 10_000_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings as the tables hold them, ordered by tag and source time, then as taken; shape (n,) each.

    Attributes:
        tag_id: The database's id of each reading's tag.
        rank: 0 for the first reading of a tag at a time, then 1, 2, ..: more than zeros only where the
            batch itself repeats a tag and time.
        as_of: The time that decides which reading is the newest: the source's, but never later than
            the gateway or the cloud had it, so that a clock that runs ahead does not win for ever.
        readings: The other columns and texts, in the same order; its `tag` is the batch's own.
        has_waited: Whether the gateway had all of it some time ago, so that newer ones are mostly known.
    """

    tag_id: NDArray[np.int32]
    rank: NDArray[np.int32]
    as_of: NDArray[np.int64]
    readings: Readings
    has_waited: bool = False

    def __len__(self) -> int:
        return len(self.tag_id)

    @property
    def has_repetitions(self) -> bool:
        """Whether some tag has several readings of one time."""
        return bool(self.rank.any())


def arrange(readings: Readings, tag_ids: Sequence[int], now_us: int) -> Rows:
    """Order a batch's readings and find its repetitions.

    An infinity becomes "no number", flagged `NOT_FINITE`: no unit has a value there, and JSON no word.

    Args:
        readings: As decoded; `readings.tag` indexes `tag_ids`.
        tag_ids: The database's id of each of the batch's tags; two may share one.
        now_us: The cloud's clock, microseconds since 1970 UTC.
    """
    tag_id = np.asarray(tag_ids, np.int32)[readings.tag]
    order = np.lexsort((readings.ts, tag_id))
    tag_id, ordered = tag_id[order], _finite(readings.take(order))
    begins = _group_starts(tag_id, ordered.ts)
    return Rows(
        tag_id,
        _rank_in_group(begins),
        np.minimum(np.minimum(ordered.ts, ordered.received), now_us),
        ordered,
        bool((ordered.received < now_us - _WAITED_US).all()),
    )


def newest(rows: Rows) -> NDArray[np.intp]:
    """Return the row of each tag that is its newest, by `as_of`, then receive time, then as taken."""
    if not len(rows):
        return np.empty(0, np.intp)
    order = np.lexsort((rows.readings.received, rows.as_of, rows.tag_id))
    tag_id = rows.tag_id[order]
    is_last = np.ones(len(order), np.bool_)
    is_last[:-1] = tag_id[1:] != tag_id[:-1]
    last: NDArray[np.intp] = order[is_last]
    return last


def minutes(rows: Rows) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return each pair of a tag and a minute, since 1970 UTC, that has a reading here; ordered, each once."""
    minute = (rows.readings.ts // _MINUTE_US).astype(np.int32)
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (rows.tag_id[1:] != rows.tag_id[:-1]) | (minute[1:] != minute[:-1])
    return rows.tag_id[begins], minute[begins]


def _finite(readings: Readings) -> Readings:
    infinite = np.isinf(readings.value)
    if not infinite.any():
        return readings
    return replace(
        readings,
        value=np.where(infinite, np.nan, readings.value),
        flags=np.where(infinite, readings.flags | np.uint8(Flag.NOT_FINITE), readings.flags),
    )


def _group_starts(tag_id: NDArray[np.int32], ts: NDArray[np.int64]) -> NDArray[np.bool_]:
    begins = np.ones(len(tag_id), np.bool_)
    begins[1:] = (tag_id[1:] != tag_id[:-1]) | (ts[1:] != ts[:-1])
    return begins


def _rank_in_group(begins: NDArray[np.bool_]) -> NDArray[np.int32]:
    at = np.arange(len(begins), dtype=np.int32)
    return at - np.maximum.accumulate(np.where(begins, at, 0)).astype(np.int32)

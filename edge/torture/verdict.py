"""The verdict: everything that was said held against everything that arrived; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from edge.torture.notes import Account
from shared.reading import Gap
from shared.wire.batch import Batch


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison found, in readings.

    Attributes:
        said: Handed to the buffer.
        promised: Acknowledged, for they were on disk.
        stored: Arrived, each counted once.
        explained: Not acknowledged, not arrived, and told as a gap.
        lost: Acknowledged, and not arrived.
        unexplained: Not acknowledged, not arrived, and not told either.
        twice: Arrived more than once.
        foreign: Arrived, and never said.
        changed: Arrived with another tag or time than they were said with.
        disordered: Arrived before one of the same tag and batch that was said earlier.
    """

    said: int
    promised: int
    stored: int
    explained: int
    lost: int
    unexplained: int
    twice: int
    foreign: int
    changed: int
    disordered: int

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept; where nothing was said, none was."""
        return self.promised > 0 and not any(getattr(self, field.name) for field in fields(self)[4:])


@dataclass(frozen=True, slots=True)
class _Rows:
    number: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    tag: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    ts_us: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    disordered: int
    gaps: Sequence[Gap]


def judge(account: Account, batches: Iterable[Batch], tags: Sequence[str]) -> Verdict:
    """Hold what arrived against what was said.

    Args:
        account: What was said, and what of it was promised.
        batches: What arrived, each batch once.
        tags: The names that `account.tag` indexes.
    """
    rows = _rows(batches, tags)
    unique, times = np.unique(rows.number, return_counts=True)
    is_missing = ~np.isin(account.number, unique)
    is_lost = is_missing & account.is_promised
    open_ts = account.ts_us[is_missing & ~account.is_promised]
    is_told = np.zeros(len(open_ts), np.bool_)
    for gap in rows.gaps:
        is_told |= (gap.from_us <= open_ts) & (open_ts < gap.to_us)
    is_known = np.isin(rows.number, account.number)
    said_as = np.searchsorted(account.number, rows.number[is_known])
    is_changed = account.tag[said_as] != rows.tag[is_known]
    is_changed |= account.ts_us[said_as] != rows.ts_us[is_known]
    return Verdict(
        said=len(account.number),
        promised=int(account.is_promised.sum()),
        stored=len(unique),
        explained=int(is_told.sum()),
        lost=int(is_lost.sum()),
        unexplained=int((~is_told).sum()),
        twice=int((times > 1).sum()),
        foreign=int((~np.isin(unique, account.number)).sum()),
        changed=int(is_changed.sum()),
        disordered=rows.disordered,
    )


def _rows(batches: Iterable[Batch], tags: Sequence[str]) -> _Rows:
    place = {name: index for index, name in enumerate(tags)}
    none = np.empty(0, np.int64)
    numbers, tag, ts, gaps, disordered = [none], [none], [none], list[Gap](), 0
    for batch in batches:
        readings = batch.readings
        known = np.array([place.get(entry.name, -1) for entry in batch.tags], np.int64)
        numbers.append(readings.value.astype(np.int64))
        tag.append(known[readings.tag] if len(readings) else none)
        ts.append(readings.ts)
        # rows of a batch are ordered by tag, then as taken
        is_same_tag = np.diff(tag[-1]) == 0
        disordered += int((is_same_tag & (np.diff(numbers[-1]) <= 0)).sum())
        gaps.extend(batch.gaps)
    return _Rows(np.concatenate(numbers), np.concatenate(tag), np.concatenate(ts), disordered, gaps)

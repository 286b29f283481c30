"""Dividing: how a batch that the cloud refuses is cut, again and again, until what is at fault stands alone.

Each part becomes a batch with a number of its own (`store`), so all that is in order arrives, and arrives once. Of
50,000 readings one at fault is found with about 16 refusals. What is wrong is mostly a tag, so tags are told apart
before readings are; and a tag of which a reading was set aside is a suspect: its readings are the first to be parted
from the others, which then wait for one refusal only.

A tag that is wrong as a whole would cost a request for each of its readings, for ever. So dividing the readings of
suspects takes credit, which batches that the cloud takes bring back; without credit they are set aside together.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.reading import Gap, Readings, Tag
from shared.wire.batch import Batch

# a hundred readings at fault in a batch of 10,000 take about a thousand refusals
CREDIT = 2_000
# what a batch that the cloud takes brings: so refusals in the long run are at most so many a batch
CREDIT_OF_BATCH = 2
_MOST_SUSPECTS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a batch; `readings.tag` indexes `tags`, which may list more than are used."""

    tags: Sequence[Tag]
    readings: Readings
    gaps: Sequence[Gap]


class Suspects:
    """The tags of which readings were set aside, and how much may still be spent on looking closer at them."""

    def __init__(self, credit: int = CREDIT) -> None:
        self._tags: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._credit = credit

    def taken(self, batches: int) -> None:
        """Note that the cloud took so many batches."""
        self._credit = min(CREDIT, self._credit + CREDIT_OF_BATCH * batches)

    def set_aside(self, part: Part) -> None:
        """Suspect the tags of what was set aside."""
        for tag in tags_of(part):
            self._tags[tag.device, tag.name] = None
            self._tags.move_to_end((tag.device, tag.name))
        while len(self._tags) > _MOST_SUSPECTS:
            self._tags.popitem(last=False)

    def divide(self, batch: Batch) -> list[Part]:
        """Return the parts of a refused batch that are to be tried each by itself; none if it is to be set aside."""
        whole = Part(batch.tags, batch.readings, batch.gaps)
        if not len(batch.readings):
            return _halves_of_gaps(whole)
        if batch.gaps:
            return [Part(batch.tags, batch.readings, ()), Part((), _none_of(batch.readings), batch.gaps)]
        suspected = np.array([(tag.device, tag.name) in self._tags for tag in batch.tags])[batch.readings.tag]
        if suspected.any() and not suspected.all():
            return [_of(whole, ~suspected), _of(whole, suspected)]
        halves = _halves_of_readings(whole)
        if halves and suspected.all():
            if self._credit <= 0:
                return []
            self._credit -= 1
        return halves


def tags_of(part: Part) -> list[Tag]:
    """Return the tags that readings of the part bear."""
    return [part.tags[index] for index in np.unique(part.readings.tag).tolist()]


def _of(part: Part, which: NDArray[np.bool_]) -> Part:
    return Part(part.tags, part.readings.take(np.flatnonzero(which)), ())


def _none_of(readings: Readings) -> Readings:
    return readings.take(np.empty(0, np.intp))


def _halves_of_readings(part: Part) -> list[Part]:
    readings = part.readings
    used = np.unique(readings.tag)
    if len(used) > 1:
        first = readings.tag < used[len(used) // 2]
        return [_of(part, first), _of(part, ~first)]
    if len(readings) < 2:
        return []
    first = np.arange(len(readings)) < len(readings) // 2
    return [_of(part, first), _of(part, ~first)]


def _halves_of_gaps(part: Part) -> list[Part]:
    middle = len(part.gaps) // 2
    if not middle:
        return []
    return [Part((), part.readings, part.gaps[:middle]), Part((), part.readings, part.gaps[middle:])]

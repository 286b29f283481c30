"""Owns when nobody knows what machines did, held against looks: of such a look nothing can be said to have come.

Asked for what was known at an instant it stays the same for good, whatever becomes known of that time later.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.predictions.features import Instants
from cloud.predictions.history import HOUR, Times
from cloud.predictions.past import Past
from cloud.predictions.windows import lanes
from cloud.production.service import failures
from cloud.production.service.moments import us, utc

_NEVER = np.iinfo(np.int64).max


# of a horizon, so much may be unknown: a gateway that is restarted every night hides hardly a stop, and else no look
# at its machines would ever count
LITTLE = 0.05
# in a run between stops, for the same reason
_BLINK = HOUR


@dataclass(frozen=True, slots=True)
class Unseen:
    """Times of which nothing is known.

    Attributes:
        begin, end: Of each, half-open, on the axis of `lanes`; in order, and apart.
        since: By place, since when anything is known of a machine.
    """

    begin: Times
    end: Times
    since: Times

    def reaches_into(self, instants: Instants, horizon: int) -> NDArray[np.bool_]:
        """Return of which looks more than little of the horizon is such time, or which were made before anything."""
        where = lanes(instants.machine, instants.at)
        hidden = self._until(where + horizon) - self._until(where)
        found: NDArray[np.bool_] = (hidden > LITTLE * horizon) | (instants.at < self.since[instants.machine])
        return found

    def _until(self, where: Times) -> Times:
        """Return how much of such time there is before each place of the axis."""
        total = np.concatenate(([0], np.cumsum(self.end - self.begin)))
        begun = np.searchsorted(self.begin, where, side="right")
        last = np.maximum(begun - 1, 0)
        ends = np.append(self.end, 0)[last] if len(self.end) else np.zeros_like(where)
        # of the one that has begun last, what is still to come does not count
        rest: Times = total[begun] - np.where(begun > 0, np.maximum(0, ends - where), 0)
        return rest

    def seen_until(self, machine: NDArray[np.int32], begin: Times, end: Times) -> Times:
        """Return until when spans of machines were seen from their begin on: their end, where all of them was."""
        is_long = self.end - self.begin >= _BLINK
        first = np.append(self.begin[is_long], _NEVER)
        place = np.searchsorted(self.end[is_long], lanes(machine, begin), side="right")
        reached = np.minimum(lanes(machine, end), np.maximum(first[place], lanes(machine, begin)))
        until: Times = begin + (reached - lanes(machine, begin))
        return until


async def read(session: AsyncSession, known: Past, as_of: datetime, start: datetime | None = None) -> Unseen:
    """Return what is unseen of a plant's machines up to an instant, as it was known then; from `start` on, if said."""
    begin = start if start is not None else utc(min(known.since.values(), default=us(as_of)))
    return unseen(known, await failures.unknown(session, known.machines, begin, as_of))


def unseen(known: Past, spans: Sequence[tuple[uuid.UUID, datetime, datetime]]) -> Unseen:
    """Return the same of times that are known already; what imports leave open is added."""
    places = {machine_id: place for place, machine_id in enumerate(known.machines)}
    rows = [(places[machine_id], us(begin), us(end)) for machine_id, begin, end in (*spans, *known.unknown)]
    machine, begin, end = np.array(rows, np.int64).reshape(-1, 3).T
    since = np.array([known.since.get(each, _NEVER) for each in known.machines], np.int64)
    return Unseen(*_apart(lanes(machine.astype(np.int32), begin), lanes(machine.astype(np.int32), end)), since)


def _apart(begin: Times, end: Times) -> tuple[Times, Times]:
    """Return the same times in order, those that overlap as one."""
    order = np.argsort(begin, kind="stable")
    begin, reached = begin[order], np.maximum.accumulate(end[order]) if len(order) else end
    starts = np.flatnonzero(np.append(True, begin[1:] > reached[:-1])[: len(begin)])
    return begin[starts], reached[np.append(starts[1:], len(begin)) - 1] if len(begin) else reached

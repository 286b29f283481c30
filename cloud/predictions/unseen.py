"""Owns when nobody knows what machines did, held against looks: of such a look nothing can be said to have come."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.predictions.features import Instants
from cloud.predictions.history import Times
from cloud.predictions.past import Past
from cloud.predictions.windows import lanes
from cloud.production.service import failures
from cloud.production.service.moments import us

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Unseen:
    """Times of which nothing is known.

    Attributes:
        machine: Place of each time's machine.
        begin, end: Of each, half-open.
        since: By place, since when anything is known of a machine.
    """

    machine: NDArray[np.int32]
    begin: Times
    end: Times
    since: Times

    def reaches_into(self, instants: Instants, horizon: int) -> NDArray[np.bool_]:
        """Return which looks have such time within their horizon, or before they were made at all."""
        where = lanes(instants.machine, instants.at)
        # of those that began before the horizon's end, those that were over by the look do not count
        begun = np.searchsorted(np.sort(lanes(self.machine, self.begin)), where + horizon, side="left")
        over = np.searchsorted(np.sort(lanes(self.machine, self.end)), where, side="right")
        found: NDArray[np.bool_] = (begun > over) | (instants.at < self.since[instants.machine])
        return found


async def read(session: AsyncSession, known: Past, start: datetime, end: datetime) -> Unseen:
    """Return what is unseen of a plant's machines, as far as it overlaps a range."""
    return unseen(known, await failures.unknown(session, known.machines, start, end))


def unseen(known: Past, spans: Sequence[tuple[uuid.UUID, datetime, datetime]]) -> Unseen:
    """Return the same of times that are known already; what imports leave open is added."""
    places = {machine_id: place for place, machine_id in enumerate(known.machines)}
    rows = [(places[machine_id], us(begin), us(end)) for machine_id, begin, end in (*spans, *known.unknown)]
    machine, begin, end = np.array(rows, np.int64).reshape(-1, 3).T
    since = np.array([known.since.get(each, _NEVER) for each in known.machines], np.int64)
    return Unseen(machine.astype(np.int32), begin, end, since)

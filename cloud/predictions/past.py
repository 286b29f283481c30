"""Owns a plant's past as the database knows it, read as it was known at an instant, for predictions."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.machines import service as machines
from cloud.maintenance import service as maintenance
from cloud.predictions.history import SECOND, Events, History, Stops, no_events, no_spans
from cloud.production.service import failures
from cloud.production.service.failures import Failure
from cloud.production.service.moments import us

# of what lasts: the year 2400, as in `history`
_OPEN = 13_569_465_600 * SECOND


@dataclass(frozen=True, slots=True)
class Past:
    """A plant's past.

    Attributes:
        history: A machine is its place in `machines`.
        machines: Their ids, in the order of their places.
        codes: Theirs.
        since: Since when, of each, anything is known, microseconds.
    """

    history: History
    machines: Sequence[uuid.UUID]
    codes: Mapping[uuid.UUID, str]
    since: Mapping[uuid.UUID, int]

    def place(self, machine_id: uuid.UUID) -> int:
        """Return a machine's place."""
        return self.machines.index(machine_id)


async def read(session: AsyncSession, organization_id: uuid.UUID, as_of: datetime) -> Past:
    """Return the past of all of an organization's machines, as it was known at an instant."""
    # by id, so that a machine's place depends on nothing that may change
    ids = sorted(await machines.ids(session, organization_id))
    places = {machine_id: place for place, machine_id in enumerate(ids)}
    found = await failures.failures(session, ids, as_of)
    done = await maintenance.done_by(session, ids, as_of)
    history = History(
        [str(each) for each in ids],
        _stops(found, places),
        no_events(),
        _events([(places[each.machine_id], us(each.at), us(each.known_at), each.kind.value) for each in done]),
        no_spans(),
        no_spans(),
    )
    since = {each: us(at) for each, at in (await failures.first_seen(session, ids)).items()}
    return Past(history, ids, await machines.codes(session, organization_id, ids), since)


def _stops(found: Sequence[Failure], places: Mapping[uuid.UUID, int]) -> Stops:
    kinds = tuple(sorted({each.kind for each in found}))
    rows = [
        (
            places[each.machine_id],
            us(each.began_at),
            us(each.known_at),
            kinds.index(each.kind),
            _OPEN if each.ended_at is None else us(each.ended_at),
            _OPEN if each.end_known_at is None else us(each.end_known_at),
        )
        for each in found
    ]
    machine, at, known, kind, end, end_known = np.array(rows, np.int64).reshape(-1, 6).T
    return Stops(machine.astype(np.int32), at, known, kind.astype(np.int16), kinds, end, end_known)


def _events(found: Sequence[tuple[int, int, int, str]]) -> Events:
    kinds = tuple(sorted({kind for *_, kind in found}))
    rows = [(machine, at, known, kinds.index(kind)) for machine, at, known, kind in found]
    machine, at, known, kind = np.array(rows, np.int64).reshape(-1, 4).T
    return Events(machine.astype(np.int32), at, known, kind.astype(np.int16), kinds)

"""Owns a plant's past as the database knows it, read as it was known at an instant, for predictions."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.service import told as hours
from cloud.machines import service as machines
from cloud.maintenance import service as maintenance
from cloud.predictions import hearing
from cloud.predictions.calendar import Calendar
from cloud.predictions.hearing import Heard
from cloud.predictions.history import Events, Floats, History, Stops, joined, together
from cloud.predictions.imported import reading
from cloud.predictions.sources import Asked, alarms_of, jobs_of, stops_heard, telemetry_of, work_of
from cloud.production.service import failures
from cloud.production.service.failures import Failures
from cloud.production.service.moments import us, utc
from cloud.shifts.service import told as shifts


@dataclass(frozen=True, slots=True)
class Past:
    """A plant's past.

    Attributes:
        history: A machine is its place in `machines`.
        machines: Their ids, in the order of their places: first those of which anything was known, then the others.
        codes: Theirs.
        since: Since when, of each, anything is known, microseconds.
        unknown: Machine, begin and end of each time of which nobody knows: between imports, after them, and since a
            machine that told of itself is silent.
        heard: Until when each machine was heard of stops, alarms, work, telemetry and jobs (`hearing`), by kind; of the
            latter two those whose spans were read.
    """

    history: History
    machines: Sequence[uuid.UUID]
    codes: Mapping[uuid.UUID, str]
    since: Mapping[uuid.UUID, int]
    unknown: Sequence[tuple[uuid.UUID, datetime, datetime]] = ()
    heard: Heard = field(default_factory=dict)

    def place(self, machine_id: uuid.UUID) -> int:
        """Return a machine's place."""
        return self.machines.index(machine_id)


async def read(
    session: AsyncSession,
    organization_id: uuid.UUID,
    as_of: datetime,
    spans_of: Collection[uuid.UUID] | None = (),
) -> Past:
    """Return the past of all of an organization's machines, as it was known at an instant.

    Args:
        session: A transaction, or a reader.
        organization_id: Whose.
        as_of: The instant.
        spans_of: The machines of which what was counted and measured is read too; None is all of them.
    """
    # by id, so that a machine's place depends on nothing that may change; and one that came later shifts no other
    every = sorted(await machines.ids(session, organization_id))
    live, seen = (
        await failures.first_seen(session, every, as_of),
        await reading.arrived(session, organization_id, as_of),
    )
    since = reading.since(seen, live)
    ids = sorted(every, key=lambda each: each not in since)
    places = {machine_id: place for place, machine_id in enumerate(ids)}
    wanted = {each: place for each, place in places.items() if spans_of is None or each in spans_of}
    seams = {places[each]: us(at) for each, at in live.items()}
    found = _stops(await failures.failures(session, ids, as_of))
    done = await maintenance.done_by(session, ids, as_of)
    serviced = _events([(places[each.machine_id], us(each.at), us(each.known_at), each.kind.value) for each in done])
    asked = Asked(session, organization_id, as_of, seen, ids, wanted)
    alive = {each: us(at) for each, at in (await hours.heard(session, ids, as_of)).items()}
    work, heard_work = await work_of(asked, alive)
    told, heard_alarms = await alarms_of(asked, alive)
    (measured, heard_measured), (jobs, heard_jobs) = await telemetry_of(asked), await jobs_of(asked)
    heard_stops = await stops_heard(asked, live, alive)
    heard = {
        "stops": heard_stops,
        "alarms": heard_alarms,
        "work": heard_work,
        "telemetry": heard_measured,
        "jobs": heard_jobs,
    }
    history = History(
        [str(each) for each in ids],
        together(await reading.stops(session, seen, places, seams), found),
        told,
        joined(await reading.events(session, seen, "maintenance", places, _first(serviced)), serviced),
        work,
        measured,
        _traits(seen.traits, ids),
        jobs,
        Calendar(await shifts.told(session, organization_id, as_of)),
    )
    silent = {each: heard_stops[each] for each in ids if hearing.is_silent(heard, each, us(as_of))}
    spans = {each: (us(at), silent.get(each, us(as_of))) for each, at in live.items()}
    gaps = [(each, utc(begin), utc(end)) for each in ids for begin, end in reading.unknown(seen, each, spans.get(each))]
    return Past(history, ids, await machines.codes(session, organization_id, ids), since, gaps, heard)


def _first(events: Events) -> dict[int, int]:
    """Return when the first of each machine was."""
    first: dict[int, int] = {}
    for place, at in zip(events.machine.tolist(), events.at.tolist(), strict=True):
        first[place] = min(at, first.get(place, at))
    return first


def _traits(told: Mapping[uuid.UUID, Mapping[str, float]], ids: Sequence[uuid.UUID]) -> dict[str, Floats]:
    names = sorted({name for each in told.values() for name in each})
    return {name: np.array([told.get(each, {}).get(name, np.nan) for each in ids]) for name in names}


def _stops(found: Failures) -> Stops:
    kinds = tuple(sorted(set(found.kind)))
    number = {kind: place for place, kind in enumerate(kinds)}
    return Stops(
        np.array(found.place, np.int32),
        np.array(found.began, np.int64),
        np.array(found.known, np.int64),
        np.array([number[kind] for kind in found.kind], np.int16),
        kinds,
        np.array(found.ended, np.int64),
        np.array(found.end_known, np.int64),
    )


def _events(found: Sequence[tuple[int, int, int, str]]) -> Events:
    kinds = tuple(sorted({kind for *_, kind in found}))
    rows = [(machine, at, known, kinds.index(kind)) for machine, at, known, kind in found]
    machine, at, known, kind = np.array(rows, np.int64).reshape(-1, 4).T
    return Events(machine.astype(np.int32), at, known, kind.astype(np.int16), kinds)

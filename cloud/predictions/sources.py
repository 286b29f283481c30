"""Owns what each kind of rows of a past comes from - imports, gateways, job logs - and until when that was heard."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.service import told as hours
from cloud.joblogs.schemas import SECONDS
from cloud.joblogs.service import told as joblog
from cloud.joblogs.service.told import TRAITS
from cloud.predictions.hearing import latest
from cloud.predictions.history import HOUR, MINUTE, Events, Spans, Times, joined, no_events, no_spans
from cloud.predictions.imported import reading
from cloud.predictions.imported.reading import Arrived
from cloud.production.service import alarms, failures
from cloud.production.service.alarms import Alarms
from cloud.production.service.moments import us
from cloud.telemetry import service as telemetry

# minutes and pieces, of what hours are kept in
_WORK = {
    "run": ("run_us", MINUTE),
    "setup": ("setup_us", MINUTE),
    "micro": ("micro_us", MINUTE),
    "good": ("good", 1),
    "scrap": ("scrap", 1),
    "ideal": ("ideal_milli", 1000),
}

Until = dict[uuid.UUID, int]
"""Until when machines were heard, microseconds; one that never told of it is left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which machines what is asked, as known when.

    Attributes:
        seen: The imports that had arrived.
        ids: All machines, in the order of their places.
        wanted: The places of those of which spans are read.
    """

    session: AsyncSession
    organization_id: uuid.UUID
    as_of: datetime
    seen: Arrived
    ids: Sequence[uuid.UUID]
    wanted: Mapping[uuid.UUID, int]

    @property
    def places(self) -> Mapping[uuid.UUID, int]:
        """Return every machine's place."""
        return {machine_id: place for place, machine_id in enumerate(self.ids)}

    @property
    def imported(self) -> Until:
        """Return how far imports tell of each machine."""
        return {machine_id: max(end for _, end in spans) for machine_id, spans in self.seen.covered.items()}

    def told_by_imports(self, spans: Spans) -> Until:
        """Return how far imports tell of those machines of which they have spans."""
        ends = self.imported
        return {self.ids[place]: ends[self.ids[place]] for place in np.unique(spans.machine).tolist()}


async def alarms_of(asked: Asked, alive: Until) -> tuple[Events, Until]:
    """Return alarms: of imports up to where a machine's own tag speaks, from then on what it says.

    Args:
        asked: Of which machines what.
        alive: Until when it is known what machines did; of one of which it is not, alarms were heard when one came.
    """
    told = await alarms.alarms(asked.session, asked.ids, asked.as_of)
    seams = {place: told.since[each] for each, place in asked.places.items() if each in told.since}
    imported = await reading.events(asked.session, asked.seen, "alarms", asked.places, seams)
    own = _events(told.alarms)
    last = _last(own.machine, own.at, asked.ids)
    live = {each: alive.get(each, last.get(each, at)) for each, at in told.since.items()}
    return joined(imported, own), latest(asked.imported if len(imported) else {}, live)


def _events(found: Sequence[Alarms]) -> Events:
    kinds = tuple(sorted({each.code for each in found}))
    if not kinds:
        return no_events()
    return Events(
        np.concatenate([each.place for each in found]),
        np.concatenate([each.at for each in found]),
        np.concatenate([each.known for each in found]),
        np.repeat(np.array([kinds.index(each.code) for each in found], np.int16), [len(each.at) for each in found]),
        kinds,
    )


def _last(machine: NDArray[np.int32], at: Times, ids: Sequence[uuid.UUID]) -> Until:
    """Return the latest time of each machine."""
    latest_of = np.full(len(ids), -1, np.int64)
    np.maximum.at(latest_of, machine, at)
    return {ids[place]: int(latest_of[place]) for place in np.flatnonzero(latest_of >= 0).tolist()}


async def jobs_of(asked: Asked) -> tuple[Spans, Until]:
    """Return the rows of the job log; it is heard of every machine in it as far as it goes."""
    if not asked.wanted:
        return no_spans(), {}
    found = await joblog.rows(asked.session, list(asked.wanted), asked.as_of)
    minutes = {name: found.columns[name] / 60 for name in SECONDS}
    traits = {name: found.columns[name] for name in TRAITS}
    machine = np.array(list(asked.wanted.values()), np.int32)[found.place]
    until = await joblog.told_until(asked.session, asked.organization_id, asked.as_of)
    heard = {} if until is None else {asked.ids[place]: us(until) for place in np.unique(machine).tolist()}
    return Spans(machine, found.at, found.known, minutes | traits), heard


async def stops_heard(asked: Asked, live: Mapping[uuid.UUID, datetime], alive: Until) -> Until:
    """Return until when it is known whether machines stood: one that was never heard by itself, by its imports.

    Args:
        asked: Of which machines.
        live: Since when each tells of itself.
        alive: Until when an hour of each was known; one of which none was told yet was just connected, and is left out.
    """
    said = await failures.last_said(asked.session, list(live), asked.as_of)
    own = {each: max(alive[each], us(said[each])) for each in live if each in alive and each in said}
    return {each: end for each, end in asked.imported.items() if each not in live} | own


async def work_of(asked: Asked, alive: Until) -> tuple[Spans, Until]:
    """Return what was counted, and until when it was heard: by imports up to where a machine's own hours begin.

    Args:
        asked: Of which machines.
        alive: Until when it is known what machines did.
    """
    if not asked.wanted:
        return no_spans(), {}
    found = await hours.hours(asked.session, list(asked.wanted), asked.as_of)
    machine = np.array(list(asked.wanted.values()), np.int32)[found.place]
    live = Spans(machine, found.at, found.known, {name: found.columns[of] / per for name, (of, per) in _WORK.items()})
    # rows come machine by machine, the earliest hour first
    places, first = np.unique(machine, return_index=True)
    seams = dict(zip(places.tolist(), (found.at[first] - HOUR).tolist(), strict=True))
    imported = await reading.spans(asked.session, asked.seen, "work", asked.wanted, seams)
    spans = reading.joined([each for each in (imported, live) if len(each)])
    mine = {each: until for each, until in alive.items() if each in asked.wanted}
    return spans, latest(asked.told_by_imports(imported), mine)


async def telemetry_of(asked: Asked) -> tuple[Spans, Until]:
    """Return what was measured: by a machine's own tags, and by imports what those do not tell of the same hour."""
    if not asked.wanted:
        return no_spans(), {}
    found = await telemetry.measured_hours(asked.session, list(asked.wanted), asked.as_of)
    machine = np.array(list(asked.wanted.values()), np.int32)[found.place]
    had = {name: values for name, values in found.columns.items() if np.isfinite(values).any()}
    live = Spans(machine, found.at, found.known, had)
    imported = await reading.spans(asked.session, asked.seen, "telemetry", asked.wanted, {})
    spans = reading.joined([each for each in (live, imported) if len(each)])
    return spans, latest(asked.told_by_imports(imported), _last(machine, found.at, asked.ids))

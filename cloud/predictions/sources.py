"""Owns what each kind of rows of a past comes from - imports, gateways, job logs - and until when that was heard."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.joblogs.schemas import SECONDS
from cloud.joblogs.service import told as joblog
from cloud.joblogs.service.told import TRAITS
from cloud.predictions.hearing import latest
from cloud.predictions.history import Events, Spans, joined, no_events, no_spans
from cloud.predictions.imported import reading
from cloud.predictions.imported.reading import Arrived
from cloud.production.service import alarms
from cloud.production.service.moments import us

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


async def alarms_of(asked: Asked) -> tuple[Events, Until]:
    """Return alarms: of imports up to where a machine's own tag speaks, from then on what it says."""
    session, ids, as_of = asked.session, asked.ids, asked.as_of
    speaking = {each: us(at) for each, at in (await alarms.told_since(session, ids, as_of)).items()}
    seams = {place: speaking[each] for each, place in asked.places.items() if each in speaking}
    imported = await reading.events(session, asked.seen, "alarms", asked.places, seams)
    own = [each for each in await alarms.alarms(session, ids, as_of) if len(each.at)]
    kinds = tuple(sorted({each.code for each in own}))
    spoke = {each: us(at) for each, at in (await alarms.heard(session, list(asked.wanted), as_of)).items()}
    live = {each: spoke.get(each, at) for each, at in speaking.items()}
    heard = latest(asked.imported if len(imported) else {}, live)
    if not own:
        return joined(imported, no_events()), heard
    events = Events(
        np.concatenate([each.place for each in own]),
        np.concatenate([each.at for each in own]),
        np.concatenate([each.known for each in own]),
        np.repeat(np.array([kinds.index(each.code) for each in own], np.int16), [len(each.at) for each in own]),
        kinds,
    )
    return joined(imported, events), heard


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


async def work_of(asked: Asked) -> tuple[Spans, Until]:
    """Return what was counted."""
    spans = await reading.spans(asked.session, asked.seen, "work", asked.wanted, {})
    return spans, asked.told_by_imports(spans)


async def telemetry_of(asked: Asked) -> tuple[Spans, Until]:
    """Return what was measured."""
    spans = await reading.spans(asked.session, asked.seen, "telemetry", asked.wanted, {})
    return spans, asked.told_by_imports(spans)

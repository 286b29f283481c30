"""Owns the figures of what orders share out: of a part, an order, a job, an operator; and a report's groups.

A machine's time is cut at its shifts, and at midnight where there are none. The ledger of each piece is drawn up, and
its lines are shared out by the order that ran then - its part, its job, who was assigned to it -, or by the row of the
job log where that is the order. What ran without either has none of these. Rollups do not know orders, so this is as
exact as the ledger, for any window, and costs as much.
"""

import uuid
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics import rules
from cloud.analytics.schemas import OeeFiguresOut
from cloud.analytics.service import summing
from cloud.identity import service as identity
from cloud.joblogs.service import log, performance
from cloud.joblogs.service.performance import Entry
from cloud.kpi import worked
from cloud.kpi.facts import Facts
from cloud.kpi.ledger import Shelf, draw_up, shared_out
from cloud.kpi.policy import Policy
from cloud.kpi.spans import Span, minus, union
from cloud.kpi.worked import Bucket
from cloud.machines.schemas import MachineOut
from cloud.operators import service as operators
from cloud.production.service import counting, layers
from cloud.shifts.service import patterns as shifts
from cloud.workorders.service import running

# so much of a machine is held in memory at a time
_PIECE_US = timedelta(days=31) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose time and pieces are wanted; None is anybody's."""

    parts: Collection[str] | None = None
    jobs: Collection[str] | None = None
    operators: Collection[str] | None = None
    orders: Collection[int] | None = None
    shifts: Collection[str] | None = None

    @property
    def is_of_work(self) -> bool:
        """Whether rollups cannot say it."""
        return any(each is not None for each in (self.parts, self.jobs, self.operators, self.orders))


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a machine's time: a shift, or a day; of one that follows shifts, what of the day is between them."""

    span: Span
    day: date
    shift: str | None
    is_between: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What was worked on, and by whom; all None where nobody knows."""

    part: str | None = None
    job: str | None = None
    order: int | None = None
    operation: str | None = None
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """The facts of what was worked on in a part of a machine's time."""

    machine: MachineOut
    place: Place
    work: Work
    facts: Facts


NOTHING = Work()


async def lines(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    window: tuple[datetime, datetime],
    wanted: Wanted,
    touched: Collection[Span] | None = None,
) -> AsyncIterator[Line]:
    """Yield the lines of a machine in a window, as far as it is derived.

    Args:
        session: To ask.
        organization_id: Whose machine.
        machine: Of which machine.
        window: From when until when.
        wanted: What is left out.
        touched: When there may be anything of it; shifts and days beside need not be drawn up. None is always.
    """
    extents = await summing.extents(session, [machine.id])
    if machine.id not in extents:
        return
    since, until = extents[machine.id]
    window = max(window[0], since), min(window[1], until)
    places = await _places(session, organization_id, machine, window) if window[0] < window[1] else []
    places = [each for each in places if wanted.shifts is None or each.shift in wanted.shifts]
    if touched is not None:
        busy = union(touched)
        ends = [each.end for each in busy]
        places = [each for each in places if _overlaps(each.span, busy, ends)]
    for _, group in groupby(places, key=lambda place: (place.span.start - places[0].span.start) // _PIECE_US):
        cut = list(group)
        begin, end = worked.at(cut[0].span.start), worked.at(cut[-1].span.end)
        # what lies between the shifts of somebody need not be known
        near = union(place.span for place in cut)
        asked = [layers.Asked(machine, worked.at(each.start), worked.at(each.end), until) for each in near]
        around = await layers.around_each(session, organization_id, asked)
        stages = {each.id for found in around for each in found.orders if each.id is not None}
        stages |= {each.order for found in around for each in found.pieces if each.order is not None}
        work_at = await _work(session, organization_id, machine, stages, (begin, end))
        shelves = [Shelf(found) for found in around]
        starts = [each.start for each in near]
        for place in cut:
            shelf = shelves[bisect_right(starts, place.span.start) - 1]
            for work, facts in shared_out(draw_up(place.span, shelf.around(place.span)), work_at).items():
                if _is_wanted(work, wanted):
                    yield Line(machine, place, work, facts)


def _overlaps(span: Span, busy: Sequence[Span], ends: Sequence[int]) -> bool:
    first = bisect_right(ends, span.start)
    return first < len(busy) and busy[first].start < span.end


def shown(facts: Facts, policy: Policy, revision: int) -> OeeFiguresOut:
    """Return what was shared out as figures."""
    return rules.shown(facts, policy, revision)


async def works(session: AsyncSession, organization_id: uuid.UUID, stages: Collection[int]) -> dict[int, Work]:
    """Return what each stage's work is, and whose."""
    made = await running.made_by(session, stages)
    people = await operators.of_users(session, organization_id, {user for each in made.values() for user in each.users})
    return {
        stage: Work(
            each.part_number,
            each.job_number,
            each.work_order_id,
            str(each.op_number),
            tuple(sorted(people[user] for user in each.users if user in people)),
        )
        for stage, each in made.items()
    }


async def made_on(
    session: AsyncSession, organization_id: uuid.UUID, wanted: Wanted, window: tuple[datetime, datetime]
) -> set[uuid.UUID]:
    """Return the machines on which something of it may have been made; all others need not be looked at."""
    users = None
    if wanted.operators is not None:
        users = await operators.users_of(session, organization_id, wanted.operators)
    stages = await running.stages_of(session, organization_id, wanted.parts, wanted.jobs, wanted.orders, users)
    found = await running.machines_of(session, stages) | await counting.machines_of(session, stages)
    if wanted.orders is None:
        asked = wanted.parts, wanted.jobs, wanted.operators
        found |= await log.machines_of(session, organization_id, *asked, *window)
    return found


async def _places(
    session: AsyncSession, organization_id: uuid.UUID, machine: MachineOut, window: tuple[datetime, datetime]
) -> list[Place]:
    whole = Span(worked.us(window[0]), worked.us(window[1]))
    occurrences = await shifts.worked(session, machine.id, organization_id, *window)
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    if occurrences is None:
        return [Place(span, day, None) for day, span in worked.buckets(*window, Bucket.DAY, zone)]
    spans = [Span(worked.us(each.starts_at), worked.us(each.ends_at)).clip(whole) for each in occurrences]
    placed = [
        Place(span, each.business_date, each.name) for span, each in zip(spans, occurrences, strict=True) if span.length
    ]
    placed += [
        Place(span, day, None, is_between=True)
        for gap in minus([whole], spans)
        for day, span in worked.buckets(worked.at(gap.start), worked.at(gap.end), Bucket.DAY, zone)
    ]
    return sorted(placed, key=lambda each: each.span)


async def _work(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    stages: set[int],
    window: tuple[datetime, datetime],
) -> Callable[[int | None, int], Work]:
    """Return what tells what was worked on: by the order, else by the row of the job log at a moment."""
    by_stage = await works(session, organization_id, stages)
    rows = await performance.logged(session, organization_id, machine.id, *window)
    logged = [(each.worked.span, each) for each in rows if each.worked is not None]
    starts = [span.start for span, _ in logged]

    def row_at(moment: int) -> Entry | None:
        index = bisect_right(starts, moment) - 1
        return logged[index][1] if index >= 0 and logged[index][0].holds(moment) else None

    def at(stage: int | None, moment: int) -> Work:
        ours = by_stage.get(stage, NOTHING) if stage is not None else None
        if ours is not None and ours.operators:
            return ours
        row = row_at(moment)
        if ours is None:
            return NOTHING if row is None else _logged(row)
        # nobody was assigned; who did it, the job log may say
        return ours if row is None or row.emp_id is None else replace(ours, operators=(row.emp_id,))

    return at


def _logged(row: Entry) -> Work:
    return Work(row.part_number, row.job_number, None, row.op_number, (row.emp_id,) if row.emp_id is not None else ())


def _is_wanted(work: Work, wanted: Wanted) -> bool:
    return (
        (wanted.parts is None or work.part in wanted.parts)
        and (wanted.jobs is None or work.job in wanted.jobs)
        and (wanted.orders is None or work.order in wanted.orders)
        and (wanted.operators is None or bool(set(work.operators) & set(wanted.operators)))
    )

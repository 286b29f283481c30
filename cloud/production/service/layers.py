"""Owns what is known of a machine around a window, in layers, as the ledger takes them."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import windows
from cloud.identity import service as identity
from cloud.joblogs.service import performance
from cloud.kpi.elements import Loss, PieceKind, TimeElement
from cloud.kpi.ledger import Layers, Order, Pieces, Planned, Reason, Shelf, Stretch
from cloud.kpi.spans import SECOND, Span, minus, union
from cloud.kpi.worked import Worked
from cloud.machines.schemas import MachineOut
from cloud.maintenance import service as maintenance
from cloud.parts import service as parts
from cloud.production.models import MachineStateRow, ReasonCode, StateModel
from cloud.production.schemas import MICROSTOP_S
from cloud.production.service import moments
from cloud.production.service.deriving import sources_by
from cloud.shifts.schemas import OccurrenceOut
from cloud.shifts.service import patterns as shifts
from cloud.telemetry import signals
from cloud.windows import Window
from cloud.workorders.service import running
from shared.reading import MachineState, ReadingType

_JUDGED = {ReadingType.GOOD_COUNT.value}
# a machine that has one of these counts for itself, and its job log does not count again
COUNTERS = {each.value for each in (ReadingType.GOOD_COUNT, ReadingType.PART_COUNT, ReadingType.SHOT_COUNT)}
_TOTALS = (ReadingType.PART_COUNT.value, ReadingType.SHOT_COUNT.value)
_COUNTED = text(f"""
    SELECT asked.number, found.* FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT at, stage_id, kind, tag.reading_type, sum(quantity)::bigint AS quantity
        FROM piece_count JOIN tag ON tag.id = tag_id
        WHERE piece_count.machine_id = asked.machine_id AND at >= asked.start_at AND at < asked.end_at
        GROUP BY 1, 2, 3, 4 HAVING sum(quantity) <> 0
    ) AS found
""")  # noqa: S608 - names of ours
# the one that contains the start begins before it: the last one that does
_STATES = text(f"""
    SELECT asked.number, found.* FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT id, from_at, to_at, state, reason_id FROM machine_state
        WHERE machine_id = asked.machine_id AND replaced_at IS NULL AND from_at < asked.end_at
              AND (to_at IS NULL OR to_at > asked.start_at)
              AND from_at >= coalesce((
                  SELECT max(from_at) FROM machine_state AS earlier
                  WHERE earlier.machine_id = asked.machine_id AND replaced_at IS NULL AND from_at <= asked.start_at
              ), asked.start_at)
        ORDER BY from_at
    ) AS found
""")  # noqa: S608 - names of ours


@dataclass(frozen=True, slots=True)
class Asked:
    """A stretch of a machine's time to be told, by what was known until `now`."""

    machine: MachineOut
    start: datetime
    end: datetime
    now: datetime

    @property
    def window(self) -> Window:
        """Whose time, and when."""
        return Window(self.machine.id, self.start, self.end)


async def around(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Layers:
    """Return what is known of a machine around a window; what goes on lasts until it was last heard of."""
    [found] = await around_each(session, organization_id, [Asked(machine, start, end, now)])
    return found


async def around_each(session: AsyncSession, organization_id: uuid.UUID, asked: Sequence[Asked]) -> list[Layers]:
    """Return the same of each of several stretches of machines' time; many cost as many statements as one."""
    if not asked:
        return []
    spans = [each.window for each in asked]
    types_of = await signals.types_of(session, {each.machine.id for each in asked})
    stretches = await _stretches(session, asked)
    worked = await _worked(session, organization_id, asked, stretches)
    runs = await running.runs_in(session, spans)
    logged = await performance.actuals(session, organization_id, spans)
    maintained = await maintenance.planned_work(session, spans)
    orders = [
        _apart(Order(moments.span(run.start, run.end or each.now), run.stage_id) for run in several)
        for each, several in zip(asked, runs, strict=True)
    ]
    pieces = await _pieces(session, organization_id, asked, types_of, await _uncounted(session, logged, orders))
    found = []
    for number, each in enumerate(asked):
        # a row of a job log is work on an order, though not on one of ours
        told = minus([one.span for one in logged[number]], [one.span for one in orders[number]])
        layers = Layers(
            stretches=stretches[number],
            planned=worked[number],
            orders=sorted([*orders[number], *map(Order, told)], key=lambda one: one.span),
            maintenance=[moments.span(*one) for one in maintained[number]],
            pieces=pieces[number],
            microstop_us=round((each.machine.microstop_threshold_s or MICROSTOP_S) * SECOND),
        )
        found.append(layers)
    return found


async def reasons(session: AsyncSession, ids: Iterable[int]) -> dict[int, ReasonCode]:
    """Return reasons by their ids."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = await session.scalars(select(ReasonCode).where(col(ReasonCode.id).in_(wanted)))
    return {row.id: row for row in rows if row.id is not None}


async def since(session: AsyncSession, machine_id: uuid.UUID) -> datetime | None:
    """Return when a machine's first state began; None where it has none."""
    found: datetime | None = await session.scalar(
        select(col(MachineStateRow.from_at))
        .where(col(MachineStateRow.machine_id) == machine_id, col(MachineStateRow.replaced_at).is_(None))
        .order_by(col(MachineStateRow.from_at))
        .limit(1)
    )
    return found


async def _stretches(session: AsyncSession, asked: Sequence[Asked]) -> list[list[Stretch]]:
    found = await windows.rows(session, _STATES, [each.window for each in asked])
    open_of = {
        each.machine.id for each, rows in zip(asked, found, strict=True) if any(row.to_at is None for row in rows)
    }
    heard = await _heard(session, open_of) if open_of else {}
    ids = {row.reason_id for rows in found for row in rows if row.reason_id is not None}
    why = {key: reason_of(row) for key, row in (await reasons(session, ids)).items()}
    told = []
    for each, rows in zip(asked, found, strict=True):
        # what goes on can be vouched for until its gateway was heard; people and files need none
        until = min(heard.get(each.machine.id, each.now), each.now)
        spans = [Span(moments.us(row.from_at), moments.us(row.to_at or max(until, row.from_at))) for row in rows]
        start = moments.us(each.start)
        told.append(
            [
                Stretch(span, MachineState(row.state), why.get(row.reason_id), row.id)
                for span, row in zip(spans, rows, strict=True)
                if span.end > start
            ]
        )
    return told


async def _heard(session: AsyncSession, machine_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return when a gateway was last heard that a machine's states are read from; without such tags, nothing."""
    tags = await signals.sources_of(session, machine_ids)
    read_by = {machine_id: several for machine_id, several in tags.items() if several}
    if not read_by:
        return {}
    wanted = text("machine_id = ANY(CAST(:machines AS uuid[]))").bindparams(machines=list(read_by))
    rows = await session.scalars(select(StateModel).where(wanted))
    models = {row.machine_id: row for row in rows}
    read = {machine_id: sources_by(models.get(machine_id), several).tags for machine_id, several in read_by.items()}
    return await signals.heard(session, read)


async def _worked(
    session: AsyncSession, organization_id: uuid.UUID, asked: Sequence[Asked], stretches: Sequence[Sequence[Stretch]]
) -> list[Planned]:
    """Return when each was planned to work, from the beginning of its earliest stretch on."""
    followed = await shifts.followed_by(session, organization_id, {each.machine.id for each in asked})
    near = [
        Span(
            min([moments.us(each.start), *(one.span.start for one in told)]),
            max([moments.us(each.end), *(one.span.end for one in told)]),
        )
        for each, told in zip(asked, stretches, strict=True)
    ]
    # most machines follow one pattern, and are asked for at the same time
    shelves: dict[int, Shelf] = {}
    for pattern_id in set(followed.values()):
        spans = union(
            span for each, span in zip(asked, near, strict=True) if followed.get(each.machine.id) == pattern_id
        )
        told = {
            each.id: each
            for span in spans
            for each in await shifts.of_pattern(session, pattern_id, moments.utc(span.start), moments.utc(span.end))
        }
        shelves[pattern_id] = Shelf(Layers(planned=_planned(told.values())))
    return [
        shelves[followed[each.machine.id]].around(span).planned if each.machine.id in followed else Planned()
        for each, span in zip(asked, near, strict=True)
    ]


def reason_of(row: ReasonCode) -> Reason:
    """Return a reason as the ledger takes it."""
    return Reason(
        row.code,
        TimeElement(row.time_element) if row.time_element is not None else None,
        Loss(row.loss) if row.loss is not None else None,
        row.is_failure,
        row.is_planned,
    )


def _planned(worked: Collection[OccurrenceOut]) -> Planned:
    breaks = [moments.span(pause.start, pause.end) for each in worked for pause in each.breaks]
    return Planned([moments.span(each.starts_at, each.ends_at) for each in worked], breaks)


def _apart(orders: Iterable[Order]) -> list[Order]:
    """Return orders that do not overlap: where two run at once, the one that began later."""
    taken: list[Order] = []
    for order in sorted(orders, key=lambda each: (each.span.start, each.id or 0), reverse=True):
        free = minus([order.span], [each.span for each in taken])
        taken += [Order(span, order.id) for span in free]
    return sorted(taken, key=lambda each: each.span)


async def _uncounted(
    session: AsyncSession, logged: Sequence[Sequence[Worked]], orders: Sequence[Sequence[Order]]
) -> list[list[Worked]]:
    """Return the job log's rows whose pieces nobody else tells of.

    A row that ends while an order of ours runs, of which people report pieces, tells of the same pieces again.
    """
    ids = {
        each.id
        for rows, several in zip(logged, orders, strict=True)
        if any(row.pieces for row in rows)
        for each in several
        if each.id is not None
    }
    told = await running.told(session, ids) if ids else set()
    found = []
    for rows, several in zip(logged, orders, strict=True):
        spans = [each.span for each in several if each.id in told]
        found.append([row for row in rows if not any(span.holds(row.span.end - 1) for span in spans)])
    return found


async def _pieces(
    session: AsyncSession,
    organization_id: uuid.UUID,
    asked: Sequence[Asked],
    types_of: Mapping[uuid.UUID, set[str]],
    logged: Sequence[Sequence[Worked]],
) -> list[list[Pieces]]:
    spans = [each.window for each in asked]
    rows = await windows.rows(session, _COUNTED, spans)
    reported = await running.reported_in(session, spans)
    events = [
        _events(counted, types_of[each.machine.id], told)
        for each, counted, told in zip(asked, rows, reported, strict=True)
    ]
    stages = {stage for several in events for _, _, stage in several if stage is not None}
    ideal = await _ideals(session, organization_id, stages)
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    found = []
    for each, several, entries in zip(asked, events, logged, strict=True):
        made = _made(each.machine, several, ideal, zone)
        if not types_of[each.machine.id] & COUNTERS:
            made += _logged(Span(moments.us(each.start), moments.us(each.end)), entries)
        found.append(made)
    return found


def _made(
    machine: MachineOut,
    events: Counter[tuple[int, PieceKind, int | None]],
    ideal: Mapping[int, parts.Speed],
    zone: ZoneInfo,
) -> list[Pieces]:
    found = []
    for (at, kind, stage), quantity in events.items():
        if quantity:
            speed = ideal.get(stage or 0)
            day = moments.utc(at).astimezone(zone).date()
            cycle_s = speed.ideal_cycle_s(day, machine.id, machine.machine_type) if speed is not None else None
            cycle_s = cycle_s or machine.ideal_cycle_s
            found.append(Pieces(at, kind, quantity, None if cycle_s is None else round(cycle_s * SECOND), stage))
    return found


def _logged(window: Span, rows: Iterable[Worked]) -> list[Pieces]:
    # a row's pieces are of its end, which is still its own
    made = [(each.span.end - 1, each) for each in rows if each.pieces]
    return [Pieces(at, PieceKind.MADE, each.pieces or 0, each.ideal_us) for at, each in made if window.holds(at)]


def _events(
    rows: Iterable[object], types: set[str], reported: Iterable[running.Reported]
) -> Counter[tuple[int, PieceKind, int | None]]:
    """Add up what counters and people say: a counter before people, one that judges before one that only counts."""
    found: Counter[tuple[int, PieceKind, int | None]] = Counter()
    is_judged = bool(types & _JUDGED)
    rejects = ReadingType.REJECT_COUNT.value in types
    total = next((each for each in _TOTALS if each in types), None)
    for row in rows:
        at, stage, kind = moments.us(row.at), row.stage_id, PieceKind(row.kind)  # type: ignore[attr-defined]
        quantity, read = row.quantity, row.reading_type  # type: ignore[attr-defined]
        if kind is PieceKind.MADE and (is_judged or read != total):
            continue
        # all that were made, without those that were rejected, are good
        kind = PieceKind.GOOD if kind is PieceKind.MADE and rejects else kind
        found[at, kind, stage] += quantity
        if kind is PieceKind.SCRAP and not is_judged and total is not None:
            found[at, PieceKind.GOOD, stage] -= quantity
    for each in reported:
        at, kind = moments.us(each.at), PieceKind(each.kind)
        if kind in {PieceKind.SCRAP, PieceKind.STARTUP} and rejects:
            # a counter of rejects has counted them
            continue
        if not is_judged and total is None:
            found[at, kind, each.stage_id] += each.quantity
        elif kind is not PieceKind.GOOD:
            # people judge what a counter only counted
            found[at, kind, each.stage_id] += each.quantity
            found[at, PieceKind.GOOD if is_judged or rejects else PieceKind.MADE, each.stage_id] -= each.quantity
    return found


async def _ideals(session: AsyncSession, organization_id: uuid.UUID, stages: set[int]) -> dict[int, parts.Speed]:
    if not stages:
        return {}
    made = await running.parts_of(session, stages)
    speeds = await parts.speeds(session, organization_id, set(made.values()))
    return {stage: speeds[part] for stage, part in made.items() if part in speeds}

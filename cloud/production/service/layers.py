"""Owns what is known of a machine around a window, in layers, as the ledger takes them."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.identity import service as identity
from cloud.joblogs.service import performance
from cloud.kpi.elements import Loss, PieceKind, TimeElement
from cloud.kpi.ledger import Layers, Order, Pieces, Planned, Reason, Stretch
from cloud.kpi.spans import SECOND, Span, minus
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
from cloud.workorders.service import running
from shared.reading import MachineState, ReadingType

_JUDGED = {ReadingType.GOOD_COUNT.value}
# a machine that has one of these counts for itself, and its job log does not count again
COUNTERS = {each.value for each in (ReadingType.GOOD_COUNT, ReadingType.PART_COUNT, ReadingType.SHOT_COUNT)}
_TOTALS = (ReadingType.PART_COUNT.value, ReadingType.SHOT_COUNT.value)
_COUNTED = text("""
    SELECT at, stage_id, kind, tag.reading_type, sum(quantity)::bigint AS quantity
    FROM piece_count JOIN tag ON tag.id = tag_id
    WHERE piece_count.machine_id = :machine_id AND at >= :start AND at < :end
    GROUP BY 1, 2, 3, 4 HAVING sum(quantity) <> 0
""")


async def around(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Layers:
    """Return what is known of a machine around a window; what goes on lasts until it was last heard of."""
    window = Span(moments.us(start), moments.us(end))
    tags = await signals.sources(session, machine.id)
    stretches = await _stretches(session, machine.id, start, end, await _known_until(session, machine.id, tags, now))
    first = min([start, *(moments.utc(each.span.start) for each in stretches)])
    last = max([end, *(moments.utc(each.span.end) for each in stretches)])
    worked = await shifts.worked(session, machine.id, organization_id, first, last)
    runs = await running.runs(session, machine.id, start, end)
    orders = _apart(Order(moments.span(run.start, run.end or now), run.stage_id) for run in runs)
    logged = await performance.actuals(session, organization_id, machine.id, start, end)
    # a row of a job log is work on an order, though not on one of ours
    told = minus([each.span for each in logged], [each.span for each in orders])
    threshold_s = machine.microstop_threshold_s or MICROSTOP_S
    types = {tag.reading_type for tag in tags}
    uncounted = await _uncounted(session, logged, orders)
    return Layers(
        stretches=stretches,
        planned=_planned(worked),
        orders=sorted([*orders, *map(Order, told)], key=lambda each: each.span),
        maintenance=[moments.span(*each) for each in await maintenance.planned_work(session, machine.id, start, end)],
        pieces=await _pieces(session, organization_id, machine, window, types, uncounted),
        microstop_us=round(threshold_s * SECOND),
    )


async def reasons(session: AsyncSession, ids: Iterable[int]) -> dict[int, ReasonCode]:
    """Return reasons by their ids."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = await session.scalars(select(ReasonCode).where(col(ReasonCode.id).in_(wanted)))
    return {row.id: row for row in rows if row.id is not None}


async def _known_until(
    session: AsyncSession, machine_id: uuid.UUID, tags: Sequence[signals.Source], now: datetime
) -> datetime:
    """Return until when what goes on can be vouched for: its gateway was heard then; people and files need none."""
    read = sources_by(await session.get(StateModel, machine_id), tags).tags if tags else []
    heard = await signals.heard(session, read) if read else None
    return now if heard is None else min(heard, now)


async def since(session: AsyncSession, machine_id: uuid.UUID) -> datetime | None:
    """Return when a machine's first state began; None where it has none."""
    found: datetime | None = await session.scalar(
        select(col(MachineStateRow.from_at))
        .where(col(MachineStateRow.machine_id) == machine_id, col(MachineStateRow.replaced_at).is_(None))
        .order_by(col(MachineStateRow.from_at))
        .limit(1)
    )
    return found


async def _stretches(
    session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime, until: datetime
) -> list[Stretch]:
    row = MachineStateRow
    # the one that contains the start begins before it: the last one that does
    first = (
        select(col(row.from_at))
        .where(col(row.machine_id) == machine_id, col(row.replaced_at).is_(None), col(row.from_at) <= start)
        .order_by(col(row.from_at).desc())
        .limit(1)
        .scalar_subquery()
    )
    # columns: rows as objects of the session take twice as long, and there are thousands of them
    columns = [col(each) for each in (row.id, row.from_at, row.to_at, row.state, row.reason_id)]
    statement = (
        select(*columns)
        .where(
            col(row.machine_id) == machine_id,
            col(row.replaced_at).is_(None),
            col(row.from_at) < end,
            (col(row.from_at) >= start) | (col(row.from_at) == first),
        )
        .order_by(col(row.from_at))
    )
    found = (await session.execute(statement)).all()
    known = await reasons(session, [each.reason_id for each in found if each.reason_id is not None])
    stretches = []
    for each in found:
        span = Span(moments.us(each.from_at), moments.us(each.to_at or max(until, each.from_at)))
        if span.end > moments.us(start):
            reason = known.get(each.reason_id or 0)
            why = reason_of(reason) if reason is not None else None
            stretches.append(Stretch(span, MachineState(each.state), why, each.id))
    return stretches


def reason_of(row: ReasonCode) -> Reason:
    """Return a reason as the ledger takes it."""
    return Reason(
        row.code,
        TimeElement(row.time_element) if row.time_element is not None else None,
        Loss(row.loss) if row.loss is not None else None,
        row.is_failure,
        row.is_planned,
    )


def _planned(worked: Sequence[OccurrenceOut] | None) -> Planned:
    if worked is None:
        return Planned()
    breaks = [moments.span(pause.start, pause.end) for each in worked for pause in each.breaks]
    return Planned([moments.span(each.starts_at, each.ends_at) for each in worked], breaks)


def _apart(orders: Iterable[Order]) -> list[Order]:
    """Return orders that do not overlap: where two run at once, the one that began later."""
    taken: list[Order] = []
    for order in sorted(orders, key=lambda each: (each.span.start, each.id or 0), reverse=True):
        free = minus([order.span], [each.span for each in taken])
        taken += [Order(span, order.id) for span in free]
    return sorted(taken, key=lambda each: each.span)


async def _uncounted(session: AsyncSession, logged: Sequence[Worked], orders: Sequence[Order]) -> list[Worked]:
    """Return the job log's rows whose pieces nobody else tells of.

    A row that ends while an order of ours runs, of which people report pieces, tells of the same pieces again.
    """
    ids = {each.id for each in orders if each.id is not None} if any(each.pieces for each in logged) else set()
    told = await running.told(session, ids) if ids else set()
    spans = [each.span for each in orders if each.id in told]
    return [each for each in logged if not any(span.holds(each.span.end - 1) for span in spans)]


async def _pieces(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    window: Span,
    types: set[str],
    logged: Iterable[Worked],
) -> list[Pieces]:
    start, end = moments.utc(window.start), moments.utc(window.end)
    rows = (await session.execute(_COUNTED, {"machine_id": machine.id, "start": start, "end": end})).all()
    reported = await running.reported(session, machine.id, start, end)
    events = _events(rows, types, reported)
    ideal = await _ideals(session, organization_id, {each[2] for each in events if each[2] is not None})
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    found = []
    for (at, kind, stage), quantity in events.items():
        if quantity:
            speed = ideal.get(stage or 0)
            day = moments.utc(at).astimezone(zone).date()
            cycle_s = speed.ideal_cycle_s(day, machine.id, machine.machine_type) if speed is not None else None
            cycle_s = cycle_s or machine.ideal_cycle_s
            found.append(Pieces(at, kind, quantity, None if cycle_s is None else round(cycle_s * SECOND), stage))
    if not types & COUNTERS:
        # a row's pieces are of its end, which is still its own
        made = [(each.span.end - 1, each) for each in logged if each.pieces]
        found += [Pieces(at, PieceKind.MADE, each.pieces or 0, each.ideal_us) for at, each in made if window.holds(at)]
    return found


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

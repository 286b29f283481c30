"""Owns how counts follow counters: what each counted in a minute while a stage ran, kept as events that are only added.

A minute that comes out otherwise - a late sample, a stage that turns out to have run - gets an event with the
difference; so the sum is always right, and what was believed before can still be read.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.kpi.counters import Sample, deltas, parts
from cloud.kpi.elements import PieceKind
from cloud.kpi.spans import MINUTE, Span, union
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.production.models import PieceClaim, PieceCount
from cloud.production.rules import FOREVER
from cloud.production.service import moments
from cloud.telemetry import signals
from cloud.workorders.service import running
from shared.reading import Quality, ReadingType

KINDS = {
    ReadingType.GOOD_COUNT.value: PieceKind.GOOD,
    ReadingType.REJECT_COUNT.value: PieceKind.SCRAP,
    ReadingType.PART_COUNT.value: PieceKind.MADE,
    ReadingType.SHOT_COUNT.value: PieceKind.MADE,
}
# minute, stage, kind
Key = tuple[int, int | None, str]
_SUMS = text("""
    SELECT at, stage_id, kind, sum(quantity)::bigint AS quantity FROM piece_count
    WHERE machine_id = :machine_id AND tag_id = :tag_id AND at >= :start AND at < :end GROUP BY 1, 2, 3
""")
_HOURS = text("""
    SELECT DISTINCT machine_id, date_trunc('hour', at, 'UTC') AS hour FROM piece_count
    WHERE stage_id = ANY(CAST(:stages AS int[])) AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)
""")


# by stage and type of the counter
Moved = Counter[tuple[int, str]]


async def derive_counts(
    session: AsyncSession, machine: MachineOut, wanted: Span, moved: Moved, now: datetime
) -> list[Span]:
    """Derive what a machine's counters counted in a range; return the minutes that came out otherwise.

    Args:
        session: In which they are kept.
        machine: Whose counters.
        wanted: The range.
        moved: What came out otherwise of stages is added here, for their quantities.
        now: UTC; what is told of later is counted when it has come.
    """
    kept = await signals.kept_since(session)
    start = max(wanted.start, moments.us(kept)) if kept is not None else wanted.start
    if start >= wanted.end:
        return []
    window = moments.whole_minutes(Span(start, wanted.end))
    changed: list[Span] = []
    for tag in await signals.sources(session, machine.id):
        if tag.reading_type in KINDS:
            changed += await _derive(session, machine, tag, window, moved, now)
    return union(changed)


async def _derive(
    session: AsyncSession, machine: MachineOut, tag: signals.Source, window: Span, moved: Moved, now: datetime
) -> list[Span]:
    minutes = [window]
    # a bad reading is no count, and the next good one counts from the last good one
    after = await signals.first_after(session, [tag.id], moments.utc(window.end), counts=True)
    if after is not None and after <= now:
        # its difference is from the last one in the window
        minutes.append(Span(moments.minute(moments.us(after)), moments.minute(moments.us(after)) + MINUTE))
    before = samples = await signals.before(session, [tag.id], moments.utc(window.start), counts=True)
    for each in minutes:
        samples = samples + await signals.between(session, [tag.id], moments.utc(each.start), moments.utc(each.end))
    counted: Counter[Key] = Counter()
    around = Span(window.start, max(each.end for each in minutes))
    stage_at = await stages(session, machine.id, around)
    # by the mould that was on the machine then
    moulds = await machines.moulds(session, machine.id) if tag.reading_type == ReadingType.SHOT_COUNT else None
    for delta in deltas(
        [Sample(moments.us(each.at), value, each.n) for each in samples if (value := _count(each)) is not None],
        tag.rollover,
    ):
        if any(each.holds(delta.at) for each in minutes):
            key = (moments.minute(delta.at), stage_at(delta.at), KINDS[tag.reading_type].value)
            factor = moulds.at(moments.utc(delta.at)) if moulds is not None else 1
            counted[key] += round(parts(delta.quantity, factor))
    known = await _counted(session, machine.id, tag.id, minutes)
    if not before and await signals.kept_since(session) is not None:
        counted = _with_what_was(known, counted, [moments.us(each.at) for each in samples if _count(each) is not None])
    differing = await _write(session, machine.id, tag.id, known, counted)
    for (_, stage_id, _), quantity in differing.items():
        if stage_id is not None:
            moved[stage_id, tag.reading_type] += quantity
    return [Span(at, at + MINUTE) for at, _, _ in differing]


async def stages(session: AsyncSession, machine_id: uuid.UUID, window: Span) -> Callable[[int], int | None]:
    """Return what tells which stage pieces belong to: the newest claim, else the stage that began last."""
    start, end = moments.utc(window.start), moments.utc(window.end)
    claims = await session.scalars(
        select(PieceClaim)
        .where(col(PieceClaim.machine_id) == machine_id, col(PieceClaim.from_at) < end, col(PieceClaim.to_at) > start)
        .order_by(col(PieceClaim.id).desc())
    )
    claimed = [(moments.span(each.from_at, each.to_at), each.stage_id) for each in claims]
    runs = await running.runs(session, machine_id, start, end)
    ran = [(moments.span(each.start, each.end), each.stage_id) for each in reversed(runs)]

    def at(moment: int) -> int | None:
        return next((stage for span, stage in (*claimed, *ran) if span.holds(moment)), None)

    return at


async def machines_of(session: AsyncSession, stage_ids: Collection[int]) -> set[uuid.UUID]:
    """Return the machines whose counters counted for some stages, by what ran or by a claim."""
    statement = select(col(PieceCount.machine_id)).where(col(PieceCount.stage_id).in_(stage_ids)).distinct()
    return set(await session.scalars(statement))


async def hours_of(
    session: AsyncSession, stage_ids: Collection[int], since: datetime | None
) -> list[tuple[uuid.UUID, datetime]]:
    """Return on which machines, in which hours, pieces of some stages were counted."""
    rows = await session.execute(_HOURS, {"stages": list(stage_ids), "since": since})
    return [(row.machine_id, row.hour) for row in rows]


async def counts(
    session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime, *, orphans: bool = False
) -> list[tuple[int | None, str, int]]:
    """Return stage, kind and quantity of what a machine's counters counted in a range."""
    row = PieceCount
    statement = "AND stage_id IS NULL" if orphans else ""
    found = await session.execute(
        text(
            f"SELECT stage_id, kind, sum(quantity)::bigint AS quantity FROM {row.__tablename__} "  # noqa: S608 - ours
            f"WHERE machine_id = :machine_id AND at >= :start AND at < :end {statement} "
            "GROUP BY 1, 2 HAVING sum(quantity) <> 0 ORDER BY 1 NULLS FIRST, 2"
        ),
        {"machine_id": machine_id, "start": start, "end": end},
    )
    return [(each.stage_id, each.kind, each.quantity) for each in found]


def _count(signal: signals.Signal) -> float | None:
    is_usable = isinstance(signal.value, float) and signal.quality != Quality.BAD and signals.is_count(signal.value)
    return float(signal.value) if is_usable else None  # type: ignore[arg-type] # a float, as was just seen


def _with_what_was(known: Counter[Key], counted: Counter[Key], samples: Sequence[int]) -> Counter[Key]:
    """Return what was counted where the sample before the first is kept no more: what it counted then stays.

    A late sample that is now the first splits the difference that was counted at the next: that loses nothing.
    """
    first, second = ([moments.minute(at) for at in sorted(samples)[:2]] + [-1, -1])[:2]

    def pieces(of: Counter[Key], minute: int) -> int:
        return sum(quantity for (at, _, _), quantity in of.items() if at == minute)

    stays = {first} | ({second} if pieces(counted, second) < pieces(known, second) else set())
    kept = {key: quantity for key, quantity in known.items() if key[0] in stays}
    return Counter({key: quantity for key, quantity in counted.items() if key[0] not in stays} | kept)


async def _counted(session: AsyncSession, machine_id: uuid.UUID, tag_id: int, minutes: Sequence[Span]) -> Counter[Key]:
    """Return what is known that a tag counted."""
    known: Counter[Key] = Counter()
    for each in minutes:
        asked = {
            "machine_id": machine_id,
            "tag_id": tag_id,
            "start": moments.utc(each.start),
            "end": moments.utc(min(each.end, FOREVER)),
        }
        for row in await session.execute(_SUMS, asked):
            known[moments.us(row.at), row.stage_id, row.kind] += row.quantity
    return known


async def _write(
    session: AsyncSession, machine_id: uuid.UUID, tag_id: int, known: Counter[Key], counted: Counter[Key]
) -> dict[Key, int]:
    """Keep what differs from what is known; return that."""
    differing = {key: counted[key] - known[key] for key in counted.keys() | known.keys() if counted[key] != known[key]}
    if differing:
        rows = [
            {
                "machine_id": machine_id,
                "tag_id": tag_id,
                "at": moments.utc(at),
                "stage_id": stage_id,
                "kind": kind,
                "quantity": quantity,
            }
            for (at, stage_id, kind), quantity in sorted(differing.items(), key=lambda each: each[0][0])
        ]
        await session.execute(insert(PieceCount), rows)
    return differing

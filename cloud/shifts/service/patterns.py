"""Owns what can be done with shifts: patterns and their exceptions, and which shifts a machine works."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, marks
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Conflict, Invalid, NotFound
from cloud.identity import service as identity
from cloud.machines import service as machines
from cloud.preconditions import WHICHEVER, Seen
from cloud.shifts import messages, rules
from cloud.shifts.models import ShiftException, ShiftMachine, ShiftOccurrence, ShiftPattern
from cloud.shifts.schemas import (
    ExceptionIn,
    ExceptionOut,
    OccurrenceOut,
    PatternIn,
    PatternOut,
    PauseOut,
    ShiftIn,
)
from shared import logs

# shifts are shown so far ahead; the present needs them, and planners look a few weeks on
AHEAD = timedelta(days=60)
MOST_DAYS = 400
# ... and so far back: figures of what is older need no shift by shift
BEHIND = timedelta(days=1100)
DAY = timedelta(days=1)
STUCK = text(
    "SELECT count(*), greatest(0, extract(epoch FROM now() - min(shown_to)))::float8 FROM shift_pattern "
    "WHERE trouble IS NOT NULL"
)
"""How many patterns cannot be shown further, and for how long the first of them has had no shifts."""
_FOLLOWED = text("""
    SELECT asked.machine_id, coalesce(own.pattern_id, (
        SELECT id FROM shift_pattern WHERE organization_id = :whose AND is_default
    )) AS pattern_id
    FROM unnest(CAST(:machines AS uuid[])) AS asked (machine_id) LEFT JOIN shift_machine AS own USING (machine_id)
""")
log = logs.get(__name__)


async def patterns(session: AsyncSession, organization_id: uuid.UUID) -> list[PatternOut]:
    """Return an organization's patterns."""
    statement = select(ShiftPattern).where(col(ShiftPattern.organization_id) == organization_id)
    rows = (await session.scalars(statement.order_by(col(ShiftPattern.id)))).all()
    return [await _shown(session, row) for row in rows]


async def pattern(session: AsyncSession, organization_id: uuid.UUID, pattern_id: int) -> PatternOut:
    """Return one pattern.

    Raises:
        NotFound: There is none, or it is another organization's.
    """
    return await _shown(session, await _pattern(session, organization_id, pattern_id))


async def create(session: AsyncSession, actor: Actor, given: PatternIn, now: datetime) -> PatternOut:
    """Make a pattern, and show its shifts.

    Raises:
        NotFound: There is no such machine.
        Invalid: There is no such time zone, shifts overlap, or a break is outside of its shift.
    """
    zone = await identity.time_zone(session, actor.organization_id, given.time_zone)
    if given.is_default:
        await _unset_default(session, actor.organization_id)
    row = ShiftPattern(organization_id=actor.organization_id, time_zone=zone, **_columns(given))
    session.add(row)
    await session.flush()
    await _follow(session, actor.organization_id, row, given.machines)
    await _show(session, row, max(given.anchor, (now - BEHIND).date()), (now + AHEAD).date())
    shown = await _shown(session, row)
    await changes.record(session, actor, Entity.SHIFT_PATTERN, shown.id, ChangeKind.CREATED, after=shown)
    await _mark(session, row, given.anchor, now)
    return shown


async def replace(
    session: AsyncSession, actor: Actor, pattern_id: int, given: PatternIn, now: datetime, seen: Seen = WHICHEVER
) -> PatternOut:
    """Give a pattern other shifts, from its anchor on; figures of the past follow.

    Raises:
        NotFound: There is no such pattern, or machine.
        PreconditionFailed: It is not as the caller saw it.
        Invalid: There is no such time zone, shifts overlap, or a break is outside of its shift.
    """
    row = await _pattern(session, actor.organization_id, pattern_id, lock=True)
    before = await _shown(session, row)
    seen.require(before)
    zone = await identity.time_zone(session, actor.organization_id, given.time_zone)
    first = min(row.anchor, given.anchor)
    await _mark(session, row, first, now)
    if given.is_default and not row.is_default:
        await _unset_default(session, actor.organization_id)
    for name, value in (_columns(given) | {"time_zone": zone}).items():
        setattr(row, name, value)
    await session.flush()
    await _follow(session, actor.organization_id, row, given.machines)
    await _show(session, row, max(first, (now - BEHIND).date()), (now + AHEAD).date())
    shown = await _shown(session, row)
    await changes.record(session, actor, Entity.SHIFT_PATTERN, shown.id, ChangeKind.UPDATED, before=before, after=shown)
    await _mark(session, row, first, now)
    return shown


async def remove(session: AsyncSession, actor: Actor, pattern_id: int, now: datetime) -> None:
    """Remove a pattern and its shifts; who followed it follows the default.

    Raises:
        NotFound: There is no such pattern.
    """
    row = await _pattern(session, actor.organization_id, pattern_id, lock=True)
    shown = await _shown(session, row)
    await _mark(session, row, row.anchor, now)
    await session.delete(row)
    await session.flush()
    await changes.record(session, actor, Entity.SHIFT_PATTERN, shown.id, ChangeKind.DELETED, before=shown)


async def exceptions(session: AsyncSession, organization_id: uuid.UUID, pattern_id: int) -> list[ExceptionOut]:
    """Return a pattern's exceptions, by date.

    Raises:
        NotFound: There is no such pattern.
    """
    await _pattern(session, organization_id, pattern_id)
    return [ExceptionOut.model_validate(row) for row in await _exceptions(session, pattern_id)]


async def add_exception(
    session: AsyncSession, actor: Actor, pattern_id: int, given: ExceptionIn, now: datetime
) -> ExceptionOut:
    """Say that a business date differs.

    Raises:
        NotFound: There is no such pattern.
        Conflict: The date differs already.
        Invalid: Shifts overlap, or a break is outside of its shift.
    """
    row = await _pattern(session, actor.organization_id, pattern_id, lock=True)
    known = {each.business_date for each in await _exceptions(session, pattern_id)}
    if given.business_date in known:
        raise Conflict(messages.EXCEPTION_EXISTS, business_date=given.business_date.isoformat())
    added = ShiftException(
        pattern_id=pattern_id, **given.model_dump(mode="json") | {"business_date": given.business_date}
    )
    session.add(added)
    await session.flush()
    shown = ExceptionOut.model_validate(added)
    await _show(session, row, given.business_date, given.business_date)
    await changes.record(session, actor, Entity.SHIFT_EXCEPTION, shown.id, ChangeKind.CREATED, after=shown)
    await _mark(session, row, given.business_date, now, given.business_date)
    return shown


async def remove_exception(
    session: AsyncSession, actor: Actor, pattern_id: int, exception_id: int, now: datetime
) -> None:
    """Let a business date be as the pattern says.

    Raises:
        NotFound: There is no such pattern, or exception of it.
    """
    row = await _pattern(session, actor.organization_id, pattern_id, lock=True)
    found = next((each for each in await _exceptions(session, pattern_id) if each.id == exception_id), None)
    if found is None:
        raise NotFound(messages.EXCEPTION_NOT_FOUND, pattern=pattern_id, exception=exception_id)
    shown = ExceptionOut.model_validate(found)
    await _mark(session, row, shown.business_date, now, shown.business_date)
    await session.delete(found)
    await session.flush()
    await _show(session, row, shown.business_date, shown.business_date)
    await changes.record(session, actor, Entity.SHIFT_EXCEPTION, shown.id, ChangeKind.DELETED, before=shown)


async def occurrences(
    session: AsyncSession, organization_id: uuid.UUID, pattern_id: int, first: date, last: date
) -> list[OccurrenceOut]:
    """Return a pattern's shifts of business dates from the first to the last, included.

    Raises:
        NotFound: There is no such pattern.
        Invalid: The range is no range, or too long.
    """
    if not 0 <= (last - first).days < MOST_DAYS:
        raise Invalid(messages.RANGE_TOO_LONG, first=first.isoformat(), last=last.isoformat(), most=MOST_DAYS)
    await _pattern(session, organization_id, pattern_id)
    statement = select(ShiftOccurrence).where(
        col(ShiftOccurrence.pattern_id) == pattern_id, col(ShiftOccurrence.business_date).between(first, last)
    )
    return [_out(row) for row in await session.scalars(statement.order_by(col(ShiftOccurrence.starts_at)))]


async def worked(
    session: AsyncSession, machine_id: uuid.UUID, organization_id: uuid.UUID, start: datetime, end: datetime
) -> list[OccurrenceOut] | None:
    """Return the shifts that a machine works and that overlap a range; None where it follows no pattern at all."""
    pattern_id = (await followed_by(session, organization_id, [machine_id])).get(machine_id)
    return None if pattern_id is None else await of_pattern(session, pattern_id, start, end)


async def of_pattern(session: AsyncSession, pattern_id: int, start: datetime, end: datetime) -> list[OccurrenceOut]:
    """Return the shifts of a pattern that overlap a range, by their beginning."""
    statement = select(ShiftOccurrence).where(
        col(ShiftOccurrence.pattern_id) == pattern_id,
        # a shift lasts a day and an hour at most
        col(ShiftOccurrence.starts_at) >= start - timedelta(hours=25),
        col(ShiftOccurrence.starts_at) < end,
        col(ShiftOccurrence.ends_at) > start,
    )
    return [_out(row) for row in await session.scalars(statement.order_by(col(ShiftOccurrence.starts_at)))]


async def followed_by(
    session: AsyncSession, organization_id: uuid.UUID, machine_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, int]:
    """Return which pattern each machine follows: its own, else the organization's default; without either, none."""
    rows = await session.execute(_FOLLOWED, {"machines": list(machine_ids), "whose": organization_id})
    return {row.machine_id: row.pattern_id for row in rows if row.pattern_id is not None}


async def ending(session: AsyncSession, now: datetime) -> list[int]:
    """Return the patterns whose shifts end too soon, and must be shown further."""
    wanted = (now + AHEAD / 2).date()
    statement = select(col(ShiftPattern.id)).where(col(ShiftPattern.shown_to) < wanted).order_by(col(ShiftPattern.id))
    return [each for each in await session.scalars(statement) if each is not None]


async def look_ahead(session: AsyncSession, pattern_id: int, now: datetime) -> bool:
    """Show a pattern's shifts further; one of which no shift can be told keeps those that it has, and says why.

    Returns:
        False where that cannot be: its days to come contradict each other. The other patterns go on.
    """
    row = await session.get(ShiftPattern, pattern_id, with_for_update=True, populate_existing=True)
    if row is None:
        return True
    try:
        await _show(session, row, (row.shown_to or row.anchor) - DAY, (now + AHEAD).date())
    except Invalid as error:
        if row.trouble != error.message:
            log.warning("shifts_not_shown", pattern=row.name, shown_to=str(row.shown_to), reason=error.message)
            row.trouble = error.message
        return False
    return True


def _columns(given: PatternIn) -> dict[str, Any]:
    dumped = given.model_dump(mode="json", exclude={"machines", "time_zone"})
    return dumped | {"anchor": given.anchor, "valid_to": given.valid_to}


def _out(row: ShiftOccurrence) -> OccurrenceOut:
    breaks = [PauseOut.model_validate({"start": start, "end": end}) for start, end in row.breaks]
    return OccurrenceOut.model_validate(row.model_dump() | {"breaks": breaks})


async def _shown(session: AsyncSession, row: ShiftPattern) -> PatternOut:
    followers = await session.scalars(
        select(col(ShiftMachine.machine_id))
        .where(col(ShiftMachine.pattern_id) == row.id)
        .order_by(col(ShiftMachine.machine_id))
    )
    return PatternOut.model_validate(row.model_dump() | {"machines": list(followers)})


async def _pattern(
    session: AsyncSession, organization_id: uuid.UUID, pattern_id: int, *, lock: bool = False
) -> ShiftPattern:
    statement = select(ShiftPattern).where(
        col(ShiftPattern.id) == pattern_id, col(ShiftPattern.organization_id) == organization_id
    )
    found = (await session.scalars(statement.with_for_update() if lock else statement)).one_or_none()
    if found is None:
        raise NotFound(messages.PATTERN_NOT_FOUND, pattern=pattern_id)
    return found


async def _exceptions(session: AsyncSession, pattern_id: int | None) -> Sequence[ShiftException]:
    statement = select(ShiftException).where(col(ShiftException.pattern_id) == pattern_id)
    return (await session.scalars(statement.order_by(col(ShiftException.business_date)))).all()


async def _unset_default(session: AsyncSession, organization_id: uuid.UUID) -> None:
    await session.execute(
        update(ShiftPattern).where(col(ShiftPattern.organization_id) == organization_id).values(is_default=False)
    )


async def _follow(session: AsyncSession, organization_id: uuid.UUID, row: ShiftPattern, named: Iterable[str]) -> None:
    wanted = [(await machines.resolve(session, organization_id, name)).id for name in named]
    await session.execute(delete(ShiftMachine).where(col(ShiftMachine.pattern_id) == row.id))
    await session.execute(delete(ShiftMachine).where(col(ShiftMachine.machine_id).in_(wanted)))
    if wanted:
        await session.execute(
            insert(ShiftMachine), [{"machine_id": each, "pattern_id": row.id} for each in dict.fromkeys(wanted)]
        )


async def _mark(session: AsyncSession, row: ShiftPattern, first: date, now: datetime, last: date | None = None) -> None:
    """Have the figures of everybody who follows the pattern computed anew; the shifts of a date end a day later."""
    start = datetime.combine(first - DAY, datetime.min.time(), UTC)
    end = now if last is None else min(now, datetime.combine(last + 3 * DAY, datetime.min.time(), UTC))
    await marks.put_all(session, await _followers(session, row), start, end, figures_only=True)


async def _followers(session: AsyncSession, row: ShiftPattern) -> list[uuid.UUID]:
    everybody = await machines.ids(session, row.organization_id)
    followed = await followed_by(session, row.organization_id, everybody)
    return [machine_id for machine_id, pattern_id in followed.items() if pattern_id == row.id]


async def _show(session: AsyncSession, row: ShiftPattern, first: date, last: date) -> None:
    """Bring the shifts of a range of business dates to what the pattern says; those that stay keep their ids."""
    wanted = _computed(row, await _exceptions(session, row.id), first, last)
    held = select(ShiftOccurrence).where(
        col(ShiftOccurrence.pattern_id) == row.id, col(ShiftOccurrence.business_date).between(first, last)
    )
    known = {(each.business_date, each.name): each for each in await session.scalars(held)}
    for key in known.keys() - wanted.keys():
        await session.delete(known[key])
    for key, found in wanted.items():
        values = asdict(found) | {"breaks": [[at.isoformat() for at in pause] for pause in found.breaks]}
        if key not in known:
            session.add(ShiftOccurrence(pattern_id=row.id or 0, **values))
            continue
        for name, value in values.items():
            if getattr(known[key], name) != value:
                setattr(known[key], name, value)
    row.shown_from = min(first, row.shown_from or first)
    row.shown_to = max(last, row.shown_to or last)
    row.trouble = None
    await session.flush()


def _computed(
    row: ShiftPattern, differing: Iterable[ShiftException], first: date, last: date
) -> dict[tuple[date, str], rules.Occurrence]:
    pattern = rules.Pattern(
        ZoneInfo(row.time_zone),
        row.cycle_days,
        row.anchor,
        row.valid_to,
        [ShiftIn.model_validate(each) for each in row.shifts],
        {each.business_date: [ShiftIn.model_validate(shift) for shift in each.shifts] for each in differing},
    )
    try:
        # the days beside it too, for a night reaches into the next day
        around = rules.occurrences(pattern, first - DAY, last + DAY)
    except rules.BreakOutside as error:
        start, end = f"{error.start:%H:%M}", f"{error.end:%H:%M}"
        raise Invalid(messages.BREAK_OUTSIDE, shift=error.shift, start=start, end=end) from error
    if (pair := rules.overlapping(around)) is not None:
        one, other = pair
        raise Invalid(
            messages.SHIFTS_OVERLAP,
            one=one.name,
            one_date=one.business_date.isoformat(),
            other=other.name,
            other_date=other.business_date.isoformat(),
        )
    return {(each.business_date, each.name): each for each in around if first <= each.business_date <= last}

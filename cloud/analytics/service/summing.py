"""Owns the sums of a window: of each machine of a line, and of each period that the window is cut into.

Shifts and hours that lie in the window whole are added up where they are kept, in one walk through their rows. Those
that the window cuts count with the part that lies in it (`edges`), so that every second and every piece is in the sums
of a window once: any window is exact, and windows that touch add up. Between shifts it is not planned to work; that
time, and what was made in it, is of the local date, and what is asked by shift has it apart.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.schemas import Grain
from cloud.analytics.service import between, edges, storing, tally
from cloud.analytics.service.between import Places
from cloud.analytics.service.edges import Cut, Extent
from cloud.analytics.service.tally import Summed, Tally
from cloud.db import rows as read
from cloud.identity import service as identity
from cloud.kpi import hours as clock
from cloud.kpi.facts import Facts
from cloud.kpi.spans import Span
from cloud.machines.schemas import MachineOut
from cloud.production.service import moments
from cloud.shifts.service import patterns as shifts

# a shift lasts a day and an hour at most
_LONGEST = timedelta(hours=25)
# A row for each period, and one for each machine. A statement that a connection has asked ten times is planned for any
# window, as if it were a small one; `OFFSET 0` has all rows looked up by their keys, all the same.
_SHIFTS = """
    SELECT GROUPING(fact.machine_id) AS is_period, fact.machine_id, {period},
           {sums}, sum(revision)::bigint AS revision
    FROM unnest(CAST(:machines AS uuid[])) AS asked (machine_id) CROSS JOIN LATERAL (
        SELECT * FROM fact_shift
        WHERE fact_shift.machine_id = asked.machine_id AND starts_at >= :start AND starts_at < :end OFFSET 0
    ) AS fact CROSS JOIN LATERAL (
        SELECT name, ends_at FROM shift_occurrence WHERE id = fact.occurrence_id OFFSET 0
    ) AS occurrence
    WHERE occurrence.ends_at <= :end AND (CAST(:shift AS text) IS NULL OR occurrence.name = :shift)
    GROUP BY GROUPING SETS ((fact.machine_id), ({period}))
"""
_BY_SHIFT = text(
    _SHIFTS.format(sums=storing.SUMS, period="fact.starts_at, fact.business_date, occurrence.name, occurrence.ends_at")
)
_BY_DATE = text(_SHIFTS.format(sums=storing.SUMS, period="fact.business_date"))
_CUT_SHIFTS = text(f"""
    SELECT fact.machine_id, fact.starts_at, fact.business_date, occurrence.name, occurrence.ends_at,
           {", ".join(storing.COLUMNS)}, revision
    FROM unnest(CAST(:machines AS uuid[])) AS asked (machine_id)
         CROSS JOIN unnest(CAST(:edges AS timestamptz[])) AS edge CROSS JOIN LATERAL (
        SELECT * FROM fact_shift
        WHERE fact_shift.machine_id = asked.machine_id AND starts_at > edge - CAST(:longest AS interval)
              AND starts_at < edge OFFSET 0
    ) AS fact CROSS JOIN LATERAL (
        SELECT name, ends_at FROM shift_occurrence WHERE id = fact.occurrence_id OFFSET 0
    ) AS occurrence
    WHERE occurrence.ends_at > edge AND (CAST(:shift AS text) IS NULL OR occurrence.name = :shift)
""")  # noqa: S608 - column names of ours
_BY_HOUR = text(f"""
    SELECT GROUPING(machine_id) AS is_period, machine_id, bucket AS starts_at, {storing.SUMS},
           sum(revision)::bigint AS revision
    FROM fact_hour
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) AND bucket >= :start AND bucket < :end
    GROUP BY GROUPING SETS ((machine_id), (bucket))
""")  # noqa: S608 - column names of ours
_REVISIONS = text("""
    SELECT machine_id, sum(revision)::bigint AS revision FROM fact_hour
    WHERE machine_id = ANY(CAST(:machines AS uuid[]))
          AND bucket > CAST(:start AS timestamptz) - interval '1 hour' AND bucket < :end
    GROUP BY machine_id
""")
_DERIVED = text("""
    SELECT machine_id, since_at, until_at FROM derived WHERE machine_id = ANY(CAST(:machines AS uuid[]))
""")


async def summed(
    session: AsyncSession,
    organization_id: uuid.UUID,
    line: Sequence[MachineOut],
    window: tuple[datetime, datetime],
    by: Grain,
    shift: str | None = None,
) -> Summed:
    """Return what machines did in a window.

    Args:
        session: To ask.
        organization_id: Whose machines.
        line: Which machines.
        window: From when until when; any two moments.
        by: Into which periods it is cut.
        shift: Only time in shifts of this name; who follows no shifts has none.

    Raises:
        LedgerBroken: The periods do not add up to the machines.
    """
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    derived = await extents(session, [each.id for each in line])
    line = [each for each in line if each.id in derived]
    followed = await shifts.followed_by(session, organization_id, [each.id for each in line])
    patterns: dict[int | None, list[MachineOut]] = {}
    for machine in line:
        patterns.setdefault(None if by is Grain.HOUR else followed.get(machine.id), []).append(machine)
    sums = Tally()
    for pattern_id, group in patterns.items():
        own = {each.id: Extent(*map(moments.us, derived[each.id])) for each in group}
        asked = Cut(session, organization_id, group, window, by, zone, own, shift)
        if pattern_id is not None:
            await _by_shifts(asked, sums)
        elif shift is None:
            await _by_hours(asked, sums)
    return sums.summed(has_between=by is Grain.SHIFT)


async def extents(
    session: AsyncSession, machine_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, tuple[datetime, datetime]]:
    """Return from when until when each machine is derived; one that is not is left out."""
    rows = await read(session, _DERIVED, {"machines": list(machine_ids)})
    return {row.machine_id: (row.since_at, row.until_at) for row in rows}


async def revisions(
    session: AsyncSession, machine_ids: Collection[uuid.UUID], window: tuple[datetime, datetime]
) -> dict[uuid.UUID, int]:
    """Return of each machine what rises whenever an hour that a window touches came out otherwise."""
    asked = {"machines": list(machine_ids), "start": window[0], "end": window[1]}
    return {row.machine_id: row.revision for row in await read(session, _REVISIONS, asked)}


async def _by_hours(asked: Cut, sums: Tally) -> None:
    start, end = asked.window
    first = start if clock.begin(start, asked.zone) == start else clock.end(start, asked.zone)
    last = clock.begin(end, asked.zone)
    whole = {"machines": list(asked.extents), "start": first, "end": last}
    for row in map(dict, (await asked.session.execute(_BY_HOUR, whole)).mappings()):
        facts, revision = storing.facts(row), int(row["revision"])
        if row["is_period"]:
            _put_hour(asked, sums, row["starts_at"], facts, revision)
        else:
            sums.of(row["machine_id"], facts, revision)
    # the hours that the window begins and ends in: one, if they are the same
    cut = {clock.begin(each, asked.zone) for each in asked.window if clock.begin(each, asked.zone) != each}
    near = [Span(moments.us(each), moments.us(clock.end(each, asked.zone))) for each in cut]
    asked_of = [(machine_id, span) for machine_id in asked.extents for span in near]
    found = [
        (machine_id, hour)
        for machine_id, hours in (await edges.hours(asked.session, asked.extents, asked_of)).items()
        for hour in hours
        if any(span.holds(hour.span.start) for span in near) and hour.span.clip(asked.span).length
    ]
    parts = await asked.parts([asked.cut(*each) for each in found])
    for (machine_id, hour), facts in zip(found, parts, strict=True):
        sums.of(machine_id, facts, hour.revision)
        begun = clock.begin(moments.utc(hour.span.start), asked.zone)
        _put_hour(asked, sums, begun, facts, hour.revision)


def _put_hour(asked: Cut, sums: Tally, begun: datetime, facts: Facts, revision: int) -> None:
    if asked.by is Grain.HOUR:
        ends = clock.end(begun, asked.zone)
        sums.put((begun, None, None), asked.clipped(begun, ends), facts, revision)
        return
    day = tally.first(begun.astimezone(asked.zone).date(), asked.by)
    start, end = tally.midnight(day, asked.zone), tally.midnight(tally.following(day, asked.by), asked.zone)
    sums.put((start, day, None), asked.clipped(start, end), facts, revision)


async def _by_shifts(asked: Cut, sums: Tally) -> None:
    whole = {
        "machines": list(asked.extents),
        "start": asked.window[0],
        "end": asked.window[1],
        "shift": asked.shift,
    }
    statement = _BY_SHIFT if asked.by is Grain.SHIFT else _BY_DATE
    places = await Places.of(asked)
    for row in map(dict, (await asked.session.execute(statement, whole)).mappings()):
        facts, revision = storing.facts(row), int(row["revision"])
        if row["is_period"]:
            places.put(sums, row, facts, revision)
        else:
            sums.of(row["machine_id"], facts, revision)
    await _cut_shifts(asked, sums, places, whole)
    if asked.shift is None:
        await between.add(asked, sums, places)


async def _cut_shifts(asked: Cut, sums: Tally, places: Places, whole: Mapping[str, Any]) -> None:
    """Add what lies in the window of the shifts that it begins and ends in."""
    told = {**whole, "edges": list(asked.window), "longest": _LONGEST}
    found = {}
    for row in map(dict, (await asked.session.execute(_CUT_SHIFTS, told)).mappings()):
        # one shift that holds all of the window is cut twice, and is one
        found[row["machine_id"], row["starts_at"]] = row, edges.known(row, asked.extents[row["machine_id"]])
    cut = {
        (machine_id, part)
        for (machine_id, _), (_, shift) in found.items()
        if (part := shift.span.clip(asked.span)) != shift.span and part.length
    }
    near = await edges.hours(asked.session, asked.extents, cut)
    seen = [
        (machine_id, row, shift)
        for (machine_id, _), (row, shift) in found.items()
        if shift.span.clip(asked.span).length
    ]
    parts = await asked.parts([asked.cut(machine_id, shift, near.get(machine_id, ())) for machine_id, _, shift in seen])
    for (machine_id, row, shift), facts in zip(seen, parts, strict=True):
        sums.of(machine_id, facts, shift.revision)
        places.put(sums, row, facts, shift.revision)

"""Owns how much a machine was used: seconds running, cycles and energy, by day of its site or since a moment.

All of it is computed when it is asked for, so readings that come late are simply counted. Counters are added up from
the hourly rollups, whose facts are exact; only an hour in which a counter fell, or said nothing usable at its edge, is
looked at reading by reading. Running time comes from the readings that mean `state` themselves, without their gaps.

A difference between two readings of a counter counts for the day of the later one.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.gateways import service as gateways
from cloud.telemetry.models import Tag
from shared.reading import ReadingType

# what is counted as a cycle: the first kind of counter that a machine has
CYCLES = (
    (ReadingType.SHOT_COUNT,),
    (ReadingType.PART_COUNT,),
    (ReadingType.GOOD_COUNT, ReadingType.REJECT_COUNT),
)
KILOWATT_HOURS: Mapping[str, float] = {
    "kW.h": 1.0,
    "kWh": 1.0,
    "W.h": 1e-3,
    "Wh": 1e-3,
    "MW.h": 1e3,
    "MWh": 1e3,
    "J": 1 / 3.6e6,
    "kJ": 1 / 3600,
    "MJ": 1 / 3.6,
}
"""How much a unit of energy is; a tag in another one is left out."""

# one answer's worth: a year and a month
MOST_DAYS = timedelta(days=400)

_OFFSETS = text("""
    SELECT extract(epoch FROM (at AT TIME ZONE CAST(:zone AS text)) - (at AT TIME ZONE 'UTC'))::int % 3600 = 0
    FROM unnest(CAST(:times AS timestamptz[])) AS at
""")
_DAY = text("SELECT CAST(CAST(:at AS timestamptz) AT TIME ZONE CAST(:zone AS text) AS date)")
_MIDNIGHTS = text("""
    SELECT CAST(:first AS timestamp) AT TIME ZONE CAST(:zone AS text) AS start,
           CAST(:after AS timestamp) AT TIME ZONE CAST(:zone AS text) AS end
""")
# A counter that is smaller than before went round if it was near its end, and began anew otherwise.
_STEP = """
    CASE WHEN {now} >= {before} THEN {now} - {before}
         WHEN {before} BETWEEN 0.9 * wanted.rollover AND wanted.rollover THEN wanted.rollover - {before} + {now}
         ELSE {now} END
"""
# No meter shows less than nothing, or more than this: a power station's lifetime, in joules. What is read with a wrong
# type or word order mostly does.
_MOST_SHOWN = 1e18
# In an hour whose first number is its least and whose last is its greatest the counter only rose; unless it began at
# zero, where it may have begun anew without showing it. Where the readings are kept no more (`retention`), the rollup's
# own numbers say what was counted at least: up to its greatest, and from there to its last.
_COUNTED = """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:tags AS int[]), CAST(:rollovers AS float8[])) AS wanted (tag_id, rollover)
    ), bucket AS (
        SELECT wanted.tag_id, wanted.rollover, found.* FROM wanted CROSS JOIN LATERAL (
            (SELECT bucket, first, last, low, high, 'before' AS place FROM rollup_{level}
             WHERE tag_id = wanted.tag_id AND bucket < :start AND numbers > 0 ORDER BY bucket DESC LIMIT 1)
            UNION ALL
            SELECT bucket, first, last, low, high, 'in' FROM rollup_{level}
            WHERE tag_id = wanted.tag_id AND bucket >= :start AND bucket < :end AND numbers > 0
        ) AS found
    ), counted AS (
        SELECT wanted.tag_id, wanted.rollover, wanted.bucket, wanted.place,
               CASE WHEN is_plain THEN first ELSE coalesce(exact.first_number, kept_first) END AS first,
               CASE WHEN is_plain THEN last ELSE coalesce(exact.last_number, kept_last) END AS last,
               CASE WHEN is_plain THEN last - first WHEN exact.first_number IS NOT NULL THEN exact.inside
                    ELSE coalesce(high - kept_first + {kept_step}, 0) END AS inside
        FROM (SELECT *, has_edges AND is_usable AND first = low AND last = high AND first <> 0 AS is_plain,
                     CASE WHEN is_usable THEN first END AS kept_first, CASE WHEN is_usable THEN last END AS kept_last
              FROM (SELECT tag_id, rollover, bucket, place, low, high, coalesce(first, low) AS first,
                           coalesce(last, high) AS last, first IS NOT NULL AND last IS NOT NULL AS has_edges,
                           low >= 0 AND high <= {most} AS is_usable FROM bucket) AS shown
             ) AS wanted
        LEFT JOIN LATERAL (
            SELECT coalesce(sum({inner_step}) FILTER (WHERE before IS NOT NULL), 0) AS inside,
                   (array_agg(value ORDER BY ts, n))[1] AS first_number,
                   (array_agg(value ORDER BY ts DESC, n DESC))[1] AS last_number
            FROM (SELECT ts, n, value, lag(value) OVER (ORDER BY ts, n) AS before FROM reading
                  WHERE tag_id = wanted.tag_id AND ts >= wanted.bucket AND ts < wanted.bucket + interval '1 {level}'
                        AND quality < 2 AND value BETWEEN 0 AND {most}) AS said
        ) AS exact ON NOT is_plain
    ), stepped AS (
        SELECT *, lag(last) OVER (PARTITION BY tag_id ORDER BY bucket) AS before FROM counted
    )
    SELECT tag_id, CAST(bucket AT TIME ZONE CAST(:zone AS text) AS date) AS day,
           sum(inside + CASE WHEN before IS NULL THEN 0 ELSE {outer_step} END) AS counted
    FROM stepped AS wanted WHERE place = 'in' GROUP BY 1, 2
"""
_SPOKE_BEFORE = text("""
    SELECT min(last_at) FROM unnest(CAST(:tags AS int[])) AS wanted (tag_id) CROSS JOIN LATERAL (
        SELECT last_at FROM rollup_hour WHERE rollup_hour.tag_id = wanted.tag_id AND bucket <= :hour_before
        ORDER BY bucket DESC LIMIT 1
    ) AS found
""")
# A state holds until the next reading of whichever tag tells it; the last one until its gateway was last heard. One
# sweep over all that happens - readings, edges of holes, midnights - so that no piece crosses any of them: a union of
# ranges says the same, and takes four times as long. A state is the newest one where the newest reading is one of it.
_RUN = text("""
    WITH told AS MATERIALIZED (
        SELECT DISTINCT ON (ts) ts, quality < 2 AS is_known,
               quality < 2 AND text IN ('producing', 'producing_slow') AS is_running
        FROM reading WHERE tag_id = ANY(CAST(:tags AS int[])) AND ts >= :from AND ts < :end
        ORDER BY ts, tag_id DESC, n DESC
    ), hole AS (
        SELECT from_at, coalesce(to_at, 'infinity') AS to_at FROM gap
        WHERE gateway_id = ANY(CAST(:gateways AS uuid[])) AND closed_at IS NULL
              AND from_at < :end AND coalesce(to_at, 'infinity') > greatest(from_at, CAST(:start AS timestamptz))
              AND (device IS NULL OR device = ANY(CAST(:devices AS text[])))
              AND (tag IS NULL OR tag = ANY(CAST(:names AS text[])))
    ), midnight AS (
        SELECT day AT TIME ZONE CAST(:zone AS text) AS at, CAST(day AS date) AS day,
               row_number() OVER (ORDER BY day) AS n
        FROM generate_series(date_trunc('day', CAST(:start AS timestamptz) AT TIME ZONE CAST(:zone AS text)),
                             CAST(:end AS timestamptz) AT TIME ZONE CAST(:zone AS text), interval '1 day') AS day
    ), event AS (
        SELECT ts AS at, true AS is_told, is_known, is_running, 0 AS holes, 0 AS days FROM told
        UNION ALL SELECT from_at, false, false, false, 1, 0 FROM hole
        UNION ALL SELECT to_at, false, false, false, -1, 0 FROM hole
        UNION ALL SELECT at, false, false, false, 0, 1 FROM midnight
    ), swept AS (
        SELECT at AS since, lead(at, 1, 'infinity') OVER in_time AS until,
               max(at) FILTER (WHERE is_told) OVER in_time AS told_at,
               max(at) FILTER (WHERE is_known) OVER in_time AS known_at,
               max(at) FILTER (WHERE is_running) OVER in_time AS running_at,
               sum(holes) OVER in_time AS holes, sum(days) OVER in_time AS n
        FROM event WINDOW in_time AS (ORDER BY at)
    ), piece AS (
        SELECT n, running_at = told_at AS is_running, greatest(since, CAST(:start AS timestamptz)) AS since,
               least(until, CAST(:end AS timestamptz),
                     (SELECT greatest(max(ts), CAST(:heard AS timestamptz)) FROM told)) AS until
        FROM swept WHERE holes = 0 AND known_at = told_at
    ), daily AS (
        SELECT n, sum(until - since) AS known, sum(until - since) FILTER (WHERE is_running) AS running
        FROM piece WHERE since < until GROUP BY n
    )
    SELECT day, extract(epoch FROM known)::float8 AS known_s,
           coalesce(extract(epoch FROM running), 0)::float8 AS running_s
    FROM daily JOIN midnight USING (n)
""")


@dataclass(frozen=True, slots=True)
class Used:
    """How much a machine was used; None where it has nothing that tells.

    Attributes:
        running_s: Seconds in which it produced.
        known_s: Seconds in which its state was known, running or not.
        cycles: What its counters counted.
        energy_kwh: What its energy meters counted.
    """

    running_s: float | None = None
    known_s: float | None = None
    cycles: float | None = None
    energy_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Meters:
    """A machine's tags that tell how much it is used."""

    states: Sequence[Tag]
    cycles: Sequence[Tag]
    energy: Sequence[Tag]


async def by_day(
    session: AsyncSession, machine_id: uuid.UUID, first: date, last: date, zone: str, now: datetime
) -> dict[date, Used]:
    """Return a machine's use of each day, in a time zone, from the first to the last.

    Args:
        session: The request's.
        machine_id: Which machine.
        first: The first day.
        last: The last day, included.
        zone: IANA name.
        now: UTC; nothing is known of what is later.
    """
    asked = {"first": datetime.combine(first, datetime.min.time()), "zone": zone}
    asked["after"] = datetime.combine(last + timedelta(days=1), datetime.min.time())
    edges = (await session.execute(_MIDNIGHTS, asked)).one()
    told = await _told(session, machine_id, edges.start, min(edges.end, now), zone)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return {day: Used(**{name: None if by is None else by.get(day, 0.0) for name, by in told.items()}) for day in days}


async def day_of(session: AsyncSession, at: datetime, zone: str) -> date:
    """Return the day that a moment belongs to in a time zone."""
    day: date = await session.scalar(_DAY, {"at": at, "zone": zone})
    return day


async def since(session: AsyncSession, machine_id: uuid.UUID, start: datetime, now: datetime) -> Used:
    """Return a machine's use from a moment until now; of counters, from the hour in which it lies."""
    told = await _told(session, machine_id, start, now, "UTC")
    return Used(**{name: None if by is None else sum(by.values()) for name, by in told.items()})


async def _told(
    session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime, zone: str
) -> dict[str, dict[date, float] | None]:
    meters = await _meters(session, machine_id)
    running = known = None
    if meters.states:
        running, known = await _run(session, meters.states, start, end, zone)
    return {
        "running_s": running,
        "known_s": known,
        "cycles": await _counted(session, meters.cycles, start, end, zone),
        "energy_kwh": await _counted(session, meters.energy, start, end, zone, KILOWATT_HOURS),
    }


async def _meters(session: AsyncSession, machine_id: uuid.UUID) -> Meters:
    tags = list(await session.scalars(select(Tag).where(col(Tag.machine_id) == machine_id)))
    of = {kind: [tag for tag in tags if tag.reading_type == kind] for kind in ReadingType}
    cycles = next((found for kinds in CYCLES if (found := [tag for kind in kinds for tag in of[kind]])), [])
    energy = [tag for tag in of[ReadingType.ENERGY] if tag.unit in KILOWATT_HOURS]
    return Meters(of[ReadingType.STATE], cycles, energy)


async def _counted(
    session: AsyncSession,
    tags: Sequence[Tag],
    start: datetime,
    end: datetime,
    zone: str,
    scale: Mapping[str, float] | None = None,
) -> dict[date, float] | None:
    if not tags:
        return None
    # a zone that is half an hour off has its midnight inside an hour
    is_whole = all(await session.scalars(_OFFSETS, {"zone": zone, "times": [start, end]}))
    statement = _COUNTED.format(
        level="hour" if is_whole else "minute",
        inner_step=_STEP.format(now="value", before="before"),
        outer_step=_STEP.format(now="first", before="before"),
        kept_step=_STEP.format(now="kept_last", before="high"),
        most=_MOST_SHOWN,
    )
    begin = start.replace(minute=0, second=0, microsecond=0) if is_whole else start.replace(second=0, microsecond=0)
    rows = await session.execute(
        text(statement),
        {
            "tags": [tag.id for tag in tags],
            "rollovers": [tag.rollover for tag in tags],
            "start": begin,
            "end": end,
            "zone": zone,
        },
    )
    factors = {tag.id: 1.0 if scale is None else scale[tag.unit] for tag in tags}
    counted: dict[date, float] = {}
    for row in rows:
        counted[row.day] = counted.get(row.day, 0.0) + row.counted * factors[row.tag_id]
    return counted


async def _run(
    session: AsyncSession, tags: Sequence[Tag], start: datetime, end: datetime, zone: str
) -> tuple[dict[date, float], dict[date, float]]:
    of: dict[str, Any] = {"tags": [tag.id for tag in tags], "gateways": list({tag.gateway_id for tag in tags})}
    hour_before = start - timedelta(hours=1)
    spoke = await session.scalar(_SPOKE_BEFORE, {"tags": of["tags"], "hour_before": hour_before - timedelta(hours=1)})
    seen = [known.last_seen for known in (await gateways.by_ids(session, of["gateways"])).values()]
    heard = max((at for at in seen if at is not None), default=None)
    asked = of | {
        "devices": [tag.device for tag in tags],
        "names": [tag.name for tag in tags],
        "from": min(spoke, hour_before) if spoke is not None else hour_before,
        "start": start,
        "end": end,
        "heard": min(heard, end) if heard is not None else start,
        "zone": zone,
    }
    rows = (await session.execute(_RUN, asked)).all()
    return {row.day: row.running_s for row in rows}, {row.day: row.known_s for row in rows}

"""Owns facts as they lie: a machine's hours one by one, and a line's days; what comes of them others say."""

import uuid
from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.service import storing
from cloud.identity import service as identity
from cloud.kpi.facts import Facts

_HOURS = text(f"""
    SELECT bucket, {", ".join(storing.COLUMNS)} FROM fact_hour
    WHERE machine_id = :machine AND bucket >= :start AND bucket < :end ORDER BY bucket
""")  # noqa: S608 - column names of ours
_DAYS = text(f"""
    SELECT machine_id, (bucket AT TIME ZONE :zone)::date AS day, {storing.SUMS} FROM fact_hour
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) AND bucket >= :start AND bucket < :end
    GROUP BY 1, 2 ORDER BY 1, 2
""")  # noqa: S608 - column names of ours


async def hours(
    session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime
) -> list[tuple[datetime, Facts]]:
    """Return a machine's hours, in their order."""
    rows = (await session.execute(_HOURS, {"machine": machine_id, "start": start, "end": end})).mappings()
    return [(row["bucket"], storing.facts(dict(row))) for row in rows]


async def days(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine_ids: Collection[uuid.UUID],
    start: datetime,
    end: datetime,
) -> dict[uuid.UUID, list[tuple[date, Facts]]]:
    """Return machines' days in the plant's time zone, in their order; a machine without facts has none."""
    zone = await identity.time_zone(session, organization_id)
    asked = {"machines": list(machine_ids), "start": start, "end": end, "zone": zone}
    found: dict[uuid.UUID, list[tuple[date, Facts]]] = {machine_id: [] for machine_id in machine_ids}
    for row in (await session.execute(_DAYS, asked)).mappings():
        found[row["machine_id"]].append((row["day"], storing.facts(dict(row))))
    return found

"""Owns how things stand with machines: what an answer is remembered by. One statement, for it is asked each time."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import db
from cloud.analytics.service import told as hours
from cloud.joblogs.service import told as joblog
from cloud.maintenance import service as maintenance
from cloud.predictions.imported import reading
from cloud.predictions.learning import serving
from cloud.production.service import alarms, failures
from cloud.shifts.service import told as shifts
from cloud.telemetry import service as telemetry

# whatever a computation looks at: one part each
_OF_A_MACHINE = (
    failures.STANDING,
    alarms.STANDING,
    maintenance.STANDING,
    hours.STANDING,
    telemetry.MEASURED_STANDING,
    joblog.STANDING,
)
_OF_ALL = (reading.STANDING, shifts.STANDING)


def _told(parts: Sequence[str]) -> str:
    return ", ".join(f"coalesce(CAST(({each}) AS text), '-')" for each in parts)


_STANDING = text(f"""
    SELECT wanted.id AS machine_id,
           concat_ws(' ', {_told(_OF_A_MACHINE)}) AS known,
           concat_ws(' ', {_told(_OF_ALL)}) AS brought, ({serving.CHAMPION}) AS champion, statement_timestamp() AS at
    FROM unnest(CAST(:machine_ids AS uuid[])) AS wanted(id)
""")  # noqa: S608  # made of statements that stand in the code


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand.

    Attributes:
        known: By machine, what stays the same as long as nothing new is known of it.
        brought: What stays the same until more is imported, or other shifts are told.
        champion: The model that serves; None where none is promoted.
        at: When it was so, by the clock that says when things are recorded.
    """

    known: Mapping[uuid.UUID, str]
    brought: str
    champion: uuid.UUID | None
    at: datetime


async def standing(
    session: AsyncSession, organization_id: uuid.UUID, machine_ids: Sequence[uuid.UUID], horizon_h: int
) -> Standing:
    """Return how things stand with machines of an organization; at least one."""
    asked = {"organization_id": organization_id, "machine_ids": list(machine_ids), "horizon_h": horizon_h}
    rows = await db.rows(session, _STANDING, asked)
    return Standing({row.machine_id: row.known for row in rows}, rows[0].brought, rows[0].champion, rows[0].at)

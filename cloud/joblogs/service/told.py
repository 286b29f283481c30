"""Owns a job log as it was known at an instant: each closed row as it stood, with what was known of job and operator.

A row that is written anew, or whose job is rated later, is told anew; what was told before stays, with when it was
withdrawn. Rows that ended before the organization's first one came are a past: known when they ended. Later ones are
known from when they came.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import columns, newest
from cloud.joblogs.schemas import SECONDS

TRAITS = ("product", "complexity", "setup_complexity", "experience", "skill")
"""Beside the twelve times: the part's number, made of its name; 1 to 10 twice; years since hired; 1 to 4."""
NAMES = (*SECONDS, *TRAITS)

# 24 bits, which a feature holds exactly; the same part has the same number for good
_PRODUCT = "('x' || substr(md5(part_number), 1, 6))::bit(24)::int"
_SKILL = "array_position(ARRAY['BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT'], operator.skill_level::text)"
# not by greatest(), to which an unknown day is the least
_DAYS = "(end_time AT TIME ZONE 'UTC')::date - operator.hire_date"
_YEARS = f"CASE WHEN {_DAYS} < 0 THEN 0 ELSE {_DAYS} END / 365.25"
_TRAITS = (_PRODUCT, "job.complexity_rating", "job.setup_complexity", _YEARS, _SKILL)
_STANDS = """
    SELECT joblog.id, joblog.organization_id, machine_id, end_time AS at, ARRAY[{numbers}]::float8[] AS numbers
    FROM joblog LEFT JOIN job USING (organization_id, job_number) LEFT JOIN operator USING (organization_id, emp_id)
    WHERE joblog.organization_id = :whose {which}
"""
_NUMBERS = ", ".join(
    [*(f"{name}_s" for name in SECONDS), *(f"coalesce(CAST({each} AS float8), 'NaN')" for each in _TRAITS)]
)
_ALL = _STANDS.format(numbers=_NUMBERS, which="")
_SOME = _STANDS.format(numbers=_NUMBERS, which="AND joblog.source = :source AND source_id = ANY(CAST(:ids AS text[]))")
_WITHDRAW = """
    UPDATE joblog_told AS told SET withdrawn_at = now() FROM ({stands}) AS stands
    WHERE told.joblog_id = stands.id AND told.withdrawn_at IS NULL
          AND (told.machine_id, told.at, told.numbers) IS DISTINCT FROM (stands.machine_id, stands.at, stands.numbers)
"""
_TELL = """
    INSERT INTO joblog_told (organization_id, machine_id, joblog_id, at, known_at, numbers)
    SELECT organization_id, machine_id, id, at, coalesce(
        (SELECT min(known_at) FROM joblog_told AS before WHERE before.joblog_id = stands.id AND before.at = stands.at),
        CASE WHEN at < coalesce(
            (SELECT min(recorded_at) FROM joblog_told AS first WHERE first.organization_id = :whose), now()
        ) THEN at ELSE greatest(at, now()) END
    ), numbers
    FROM ({stands}) AS stands
    WHERE at IS NOT NULL
          AND NOT EXISTS (SELECT FROM joblog_told WHERE joblog_id = stands.id AND withdrawn_at IS NULL)
    ORDER BY at, id
"""
_ANEW = {stands: [text(each.format(stands=stands)) for each in (_WITHDRAW, _TELL)] for stands in (_ALL, _SOME)}
_SENT = ", ".join(
    f"string_agg(float8send(numbers[{place}]), ''::bytea) AS {name}" for place, name in enumerate(NAMES, 1)
)
_ROWS = text(f"""
    SELECT string_agg(int4send(place), ''::bytea) AS place, string_agg(timestamptz_send(at), ''::bytea) AS at,
           string_agg(timestamptz_send(known_at), ''::bytea) AS known, {_SENT}
    FROM (
        SELECT ids.number::int - 1 AS place, at, known_at, numbers FROM joblog_told
        JOIN unnest(CAST(:machine_ids AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.id = machine_id
        WHERE at <= :as_of AND recorded_at <= :as_of AND (withdrawn_at IS NULL OR withdrawn_at > :as_of)
        ORDER BY ids.number, at, joblog_id
    ) AS rows
""")  # noqa: S608 - column names of ours
_UNTIL = text("""
    SELECT at FROM joblog_told
    WHERE organization_id = :whose AND at <= :as_of AND recorded_at <= :as_of
          AND (withdrawn_at IS NULL OR withdrawn_at > :as_of)
    ORDER BY at DESC LIMIT 1
""")
# How far the log goes says whether machines are heard that have no new row in it; to the hour is enough for that.
STANDING = f"""
    concat(
        {newest.added("joblog_told")}, '/', {newest.taken_back("joblog_told", "withdrawn_at")}, '/',
        (SELECT date_trunc('hour', at) FROM joblog_told
         WHERE organization_id = :organization_id AND withdrawn_at IS NULL
         ORDER BY at DESC LIMIT 1)
    )
"""  # noqa: S608 - column names of ours
"""Of the machine `wanted.id` of an organization, what stays the same while its log tells nothing new; in SQL."""


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of a job log that are over, as columns.

    Attributes:
        place: Of the machine among those that were asked for.
        at: When each ended, microseconds since 1970 UTC.
        known: When that was known, never before it ended.
        columns: By the names of `NAMES`: seconds and traits; NaN where nothing is known.
    """

    place: NDArray[np.int32]
    at: NDArray[np.int64]
    known: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]


async def tell(session: AsyncSession, organization_id: uuid.UUID, source: str, source_ids: Collection[str]) -> None:
    """Tell how some rows of a source stand now, of those that stand otherwise than was told."""
    for statement in _ANEW[_SOME]:
        await session.execute(statement, {"whose": organization_id, "source": source, "ids": list(source_ids)})


async def tell_all(session: AsyncSession, organization_id: uuid.UUID) -> None:
    """Tell the same of all of an organization's rows: jobs were rated meanwhile, and operators' first days entered."""
    for statement in _ANEW[_ALL]:
        await session.execute(statement, {"whose": organization_id})


async def rows(session: AsyncSession, machine_ids: Sequence[uuid.UUID], as_of: datetime) -> Told:
    """Return the rows of machines that were known at an instant; a machine is its place in `machine_ids`."""
    row = (await session.execute(_ROWS, {"machine_ids": list(machine_ids), "as_of": as_of})).one()
    sent = {name: columns.numbers(getattr(row, name)) for name in NAMES}
    return Told(columns.places(row.place), columns.moments(row.at), columns.moments(row.known), sent)


async def told_until(session: AsyncSession, organization_id: uuid.UUID, as_of: datetime) -> datetime | None:
    """Return when the last row ended that was known at an instant; None where there was none."""
    found: datetime | None = await session.scalar(_UNTIL, {"whose": organization_id, "as_of": as_of})
    return found

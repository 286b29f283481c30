"""Owns predictions as they are kept: written when they are made, settled when what came of them can no longer change.

An outcome of which some time is unknown is told as unknown, whether or not a stop was seen in the rest: to count the
seen ones only would make the plant look worse than it is, and to count the others as none, better.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.predictions import past, unseen
from cloud.predictions.answering import Answer
from cloud.predictions.features import Instants
from cloud.predictions.grounds import plain
from cloud.predictions.history import HOUR
from cloud.predictions.outcomes import outcomes
from cloud.predictions.reliability import LATENESS
from cloud.predictions.stored import PredictionRow
from cloud.production.service.moments import us

# of a long absence a part is settled at a time
_AT_ONCE = 5_000
# a year of what was said, and the longest horizon
KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Made:
    """A prediction that is to be kept.

    Attributes:
        model_id: None where a simple rule served; `served_by` names it.
        is_challenger: It was not served, only noted beside what was.
    """

    machine_id: uuid.UUID
    at: datetime
    answer: Answer
    served_by: str
    model_id: uuid.UUID | None = None
    is_challenger: bool = False


async def keep(
    session: AsyncSession, organization_id: uuid.UUID, horizon_h: int, source: str, made: Sequence[Made]
) -> None:
    """Write predictions; a periodic one that is written already stays as it is."""
    if not made:
        return
    rows = [
        {
            "organization_id": organization_id,
            "machine_id": each.machine_id,
            "model_id": each.model_id,
            "served_by": each.served_by,
            "is_challenger": each.is_challenger,
            "source": source,
            "horizon_h": horizon_h,
            "at": each.at,
            "due_at": each.at + timedelta(hours=horizon_h) + LATENESS,
            "probability": each.answer.probability,
            "baseline": each.answer.rule,
            "minutes": each.answer.minutes,
            "minutes_lower": each.answer.minutes_lower,
            "minutes_upper": each.answer.minutes_upper,
        }
        for each in made
    ]
    await session.execute(insert(PredictionRow).on_conflict_do_nothing(), rows)


async def settle(session: AsyncSession, organization_id: uuid.UUID, now: datetime) -> int:
    """Tell of an organization's mature predictions what came; return of how many."""
    due = (
        select(PredictionRow.id, PredictionRow.machine_id, PredictionRow.at, PredictionRow.horizon_h)  # type: ignore[call-overload]
        .where(
            col(PredictionRow.organization_id) == organization_id,
            col(PredictionRow.outcome).is_(None),
            col(PredictionRow.due_at) <= now,
        )
        .order_by(col(PredictionRow.due_at))
        .limit(_AT_ONCE)
    )
    rows = (await session.execute(due)).all()
    if not rows:
        return 0
    known = await past.read(session, organization_id, now)
    blind = await unseen.read(session, known, now, min(row.at for row in rows))
    settled: list[dict[str, object]] = []
    for hours in sorted({row.horizon_h for row in rows}):
        same = [row for row in rows if row.horizon_h == hours]
        places = np.array([known.place(row.machine_id) for row in same], np.int32)
        instants = Instants(places, np.array([us(row.at) for row in same], np.int64))
        # stops alone are looked at, an open one as long as it was
        came = outcomes(plain(known.history, us(now)).stops, instants, hours * HOUR, us(now))
        unknown = blind.reaches_into(instants, hours * HOUR)
        for place, row in enumerate(same):
            if unknown[place]:
                outcome = "unknown"
            elif not came.counts[place]:
                outcome = "down"
            else:
                outcome = "stop" if came.stopped[place] else "none"
            minutes = float(came.minutes[place]) if outcome in {"stop", "none"} else None
            settled.append({"id": row.id, "outcome": outcome, "came_minutes": minutes})
    await session.execute(update(PredictionRow), settled)
    return len(settled)


async def forget_old(session: AsyncSession, organization_id: uuid.UUID, now: datetime) -> None:
    """Delete what is older than `KEPT`."""
    await session.execute(
        delete(PredictionRow).where(
            col(PredictionRow.organization_id) == organization_id, col(PredictionRow.at) < now - KEPT
        )
    )

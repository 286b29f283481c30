"""Owns the watch over predictions: said every few hours of every machine, matched with what came, and looked at.

Only periodic predictions are judged: people ask when they worry, so what they ask about is no sample of the plant.
It runs in the background, one organization a transaction; of several processes one works.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, TextClause, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import languages
from cloud.db import Database
from cloud.machines import service as machines
from cloud.predictions import hearing, judged, keeping, messages, past, unseen
from cloud.predictions.drifting import Input
from cloud.predictions.judged import Gathered, Settled
from cloud.predictions.learning.schemas import ModelKind
from cloud.predictions.learning.serving import Speaker, Speakers
from cloud.predictions.stored import PredictionRow, WatchRow
from cloud.predictions.unasked import turn
from cloud.predictions.watched import InputOut, ModelWatchOut, WatchOut
from cloud.production.service.moments import us, utc
from shared import logs

# of what is said unasked of every plant; horizons of which it has models are watched beside it
HORIZON_H = 24
EVERY = timedelta(hours=4)
# what is judged: older predictions tell of another plant
_JUDGED = timedelta(days=180)
# "predicts" in ASCII
_LOCK = text("SELECT pg_try_advisory_xact_lock(8102089966461613171)")
_WATCHED = """
    SELECT organization_id, CAST(:horizon_h AS int) AS horizon_h FROM machine
    UNION SELECT organization_id, horizon_h FROM ml_model WHERE kind = :kind AND state IN ('champion', 'candidate')
          AND file_deleted_at IS NULL
"""
_DUE = """
    SELECT organization_id, horizon_h FROM ({watched}) AS watched
    LEFT JOIN prediction_watch USING (organization_id, horizon_h)
    WHERE made_at IS NULL OR made_at < :slot
    ORDER BY random() LIMIT 1  -- one that fails holds up nobody else for good
"""
_ALARMS = """
    WITH watch AS (
        SELECT * FROM prediction_watch JOIN ({watched}) AS watched USING (organization_id, horizon_h)
    )
    SELECT 'prediction_input_drift', count(*) FILTER (WHERE is_input_drift) FROM watch
    UNION ALL SELECT 'prediction_concept_drift', count(*) FILTER (WHERE is_concept_drift) FROM watch
    UNION ALL SELECT 'prediction_worse_than_rule', count(*) FILTER (WHERE is_worse_than_rule) FROM watch
"""


def _of_watched(statement: str) -> TextClause:
    given = {"horizon_h": HORIZON_H, "kind": ModelKind.DOWNTIME_PREDICTOR.value}
    return text(statement.format(watched=_WATCHED)).bindparams(**given)


log = logs.get(__name__)

ALARMS = _of_watched(_ALARMS)
"""How many organizations' predictions, of a horizon, have each trouble, by kind."""


async def watch_next(database: Database, now: datetime, speakers: Speakers | None = None) -> bool:
    """Predict, settle and look at one organization and horizon whose time it is; False if none, or others are at it."""
    slot = utc(us(now) // us(utc(0) + EVERY) * us(utc(0) + EVERY))
    async with database.transaction() as session:
        if not await session.scalar(_LOCK):
            return False
        due = (await session.execute(_of_watched(_DUE), {"slot": slot})).one_or_none()
        if due is None:
            return False
        organization_id, horizon_h = due
        models = await _models(
            session, organization_id, horizon_h, speakers if speakers is not None else Speakers(None)
        )
        known = await past.read(session, organization_id, now, None if models else ())
        over = await machines.decommissioned(session, organization_id)
        blind = await unseen.read(session, known, now)
        said = await asyncio.to_thread(turn, known, blind, now, horizon_h, models, over)
        await keeping.keep(session, organization_id, horizon_h, "periodic", said.made)
        while await keeping.settle(session, organization_id, now):
            pass
        await keeping.forget_old(session, organization_id, now)
        await _write(session, organization_id, horizon_h, now, said.drifting)
    return True


async def report(session: AsyncSession, organization_id: uuid.UUID, horizon_h: int) -> WatchOut:
    """Return how good an organization's predictions turned out to be, as last looked at."""
    row = (
        await session.execute(
            select(WatchRow.report).where(  # type: ignore[call-overload]
                col(WatchRow.organization_id) == organization_id, col(WatchRow.horizon_h) == horizon_h
            )
        )
    ).one_or_none()
    nothing = judged.look_at(Gathered().columns(), horizon_h, None, 0, 0)
    told = nothing if row is None else _of_any_version(row[0], nothing)
    return told.model_copy(update={"detail": _lacking(told)})


def _lacking(told: WatchOut) -> str | None:
    """Return why nothing is judged yet."""
    if told.servers:
        return None
    if told.pending or told.left_out:
        facts = {"pending": told.pending, "left_out": told.left_out}
        return messages.NOT_MATURE.said(languages.current(), facts)
    nothing = messages.NEVER_WATCHED if told.made_at is None else messages.NOTHING_WATCHED
    return nothing.said(languages.current(), {"hours": hearing.HOURS})


def _of_any_version(stored: Mapping[str, Any], nothing: WatchOut) -> WatchOut:
    """Return a report that perhaps an older version wrote: what that did not tell of is told as nothing."""
    try:
        return WatchOut.model_validate({**nothing.model_dump(), **stored})
    except ValidationError as error:
        # the next turn, within hours, writes it anew
        log.warning("watch_of_another_version", horizon_h=nothing.horizon_h, mistakes=error.error_count())
        return nothing


async def of_model(
    session: AsyncSession, organization_id: uuid.UUID, model_id: uuid.UUID, horizon_h: int
) -> ModelWatchOut:
    """Return how good one model's predictions turned out to be, as last looked at."""
    told = await report(session, organization_id, horizon_h)
    own = {each.is_challenger: each for each in told.servers if each.model_id == model_id}
    return ModelWatchOut(
        model_id=model_id,
        horizon_h=horizon_h,
        made_at=told.made_at,
        served=own.get(False),
        challenged=own.get(True),
        challenges=[each for each in told.challenges if each.challenger_model_id == model_id],
    )


async def _models(
    session: AsyncSession, organization_id: uuid.UUID, horizon_h: int, speakers: Speakers
) -> list[tuple[Speaker, bool]]:
    """Return the models that speak, and of each whether it only challenges."""
    champion = await speakers.champion(session, organization_id, horizon_h)
    candidates = await speakers.candidates(session, organization_id, horizon_h)
    serving = [(champion, False)] if isinstance(champion, Speaker) else []
    return serving + [(each, True) for each in candidates]


def _is_left_out(row: type[PredictionRow]) -> ColumnElement[bool]:
    return col(row.outcome).in_(["unknown", "down"])


async def _write(
    session: AsyncSession, organization_id: uuid.UUID, horizon_h: int, now: datetime, drifting: Sequence[Input]
) -> None:
    row = PredictionRow
    mine = (
        col(row.organization_id) == organization_id,
        col(row.horizon_h) == horizon_h,
        col(row.source) == "periodic",
        col(row.at) >= now - _JUDGED,
    )
    pending, left_out = func.count().filter(col(row.outcome).is_(None)), func.count().filter(_is_left_out(row))
    counts = select(col(row.machine_id), pending, left_out).where(*mine).group_by(col(row.machine_id))
    counted = (await session.execute(counts.order_by(col(row.machine_id)))).all()
    columns = [getattr(row, name) for name in Settled.COLUMNS]
    gathered = Gathered()
    for machine_id, *_ in counted:
        own = (*mine, col(row.machine_id) == machine_id, col(row.outcome).in_(["stop", "none"]))
        settled = (await session.execute(select(*columns).where(*own).order_by(col(row.at), col(row.id)))).all()
        gathered.add([Settled(*each) for each in settled])
    numbers = sum(each[1] for each in counted), sum(each[2] for each in counted)
    shown = await asyncio.to_thread(judged.look_at, gathered.columns(), horizon_h, now, *numbers)
    shown = shown.model_copy(
        update={
            "inputs": [InputOut(name=each.name, indices=list(each.indices), limit=each.limit) for each in drifting],
            "is_input_drift": bool(drifting),
        }
    )
    values = {
        "made_at": now,
        "report": shown.model_dump(mode="json"),
        "is_input_drift": shown.is_input_drift,
        "is_concept_drift": shown.is_concept_drift,
        "is_worse_than_rule": shown.is_worse_than_rule,
    }
    keys = {"organization_id": organization_id, "horizon_h": horizon_h}
    await session.execute(
        insert(WatchRow).values(keys | values).on_conflict_do_update(index_elements=list(keys), set_=values)
    )

"""Owns the watch over predictions: said every few hours of every machine, matched with what came, and looked at.

Only periodic predictions are judged: people ask when they worry, so what they ask about is no sample of the plant.
It runs in the background, one organization a transaction; of several processes one works.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy import ColumnElement, TextClause, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import languages
from cloud.db import Database
from cloud.machines import service as machines
from cloud.predictions import hearing, judged, keeping, messages, past
from cloud.predictions.answering import Asked, answer
from cloud.predictions.drifting import Input, inputs
from cloud.predictions.features import Instants, Matrix, features
from cloud.predictions.grounds import Ground, Lacking, cut, lay, look, plain
from cloud.predictions.history import DAY, HOUR
from cloud.predictions.judged import Gathered, Settled
from cloud.predictions.keeping import Made
from cloud.predictions.learning.schemas import ModelKind
from cloud.predictions.learning.serving import Speaker, Speakers
from cloud.predictions.outcomes import grid, step_of
from cloud.predictions.past import Past
from cloud.predictions.schemas import InputOut, ModelWatchOut, WatchOut
from cloud.predictions.stored import PredictionRow, WatchRow
from cloud.predictions.unseen import unseen
from cloud.production.service.moments import us, utc
from shared import logs

# of what is said unasked of every plant; horizons of which it has models are watched beside it
HORIZON_H = 24
EVERY = timedelta(hours=4)
# what is judged: older predictions tell of another plant
_JUDGED = timedelta(days=180)
# what inputs are compared with
_LEARNED = timedelta(days=182)
# at all machines together; of each feature some thirty distributions are made of them
_MOST_LOOKS = 20_000
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


@dataclass(frozen=True, slots=True)
class _Turn:
    made: Sequence[Made]
    drifting: Sequence[Input]


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
        turn = await asyncio.to_thread(_turn, known, now, horizon_h, models, over)
        await keeping.keep(session, organization_id, horizon_h, "periodic", turn.made)
        while await keeping.settle(session, organization_id, now):
            pass
        await keeping.forget_old(session, organization_id, now)
        await _write(session, organization_id, horizon_h, now, turn.drifting)
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


def _turn(
    known: Past,
    now: datetime,
    horizon_h: int,
    models: Sequence[tuple[Speaker, bool]],
    over: Set[uuid.UUID],
) -> _Turn:
    """Return what is said of every machine that runs, by who serves and by those that might beside it.

    Args:
        known: The plant's past.
        now: The instant.
        horizon_h: How far ahead.
        models: Who speaks, and whether each only challenges.
        over: Machines whose life is over: that they stop no more says nothing of who predicts.
    """
    ground = lay(known.history, horizon_h * HOUR, us(now), unseen(known, ()).reaches_into)
    if isinstance(ground, Lacking):
        return _Turn([], [])
    told, whole = plain(known.history, us(now)), cut(known.history, us(now))
    # of one whose past ended long ago nobody will know what came; an import of every night goes on telling
    silent = over | {each for each in known.machines if hearing.is_silent(known.heard, each, us(now))}
    places = [place for place, each in enumerate(known.machines) if each in known.since and each not in silent]
    instants = Instants(np.array(places, np.int32), np.full(len(places), us(now), np.int64))
    matrix = features(told, instants)
    fulls = [model.fitted(features(whole, instants, wanted=model.names)) for model, _ in models]
    is_model_serving = any(not is_challenger for _, is_challenger in models)
    made: list[Made] = []
    for row, place in enumerate(places):
        machine_id, one = known.machines[place], Asked(look(place, us(now)), matrix.take(np.array([row])))
        for name, is_challenger in _rules(ground):
            said = answer(ground.served_by(name), one, known.history)
            if said.is_down:
                continue
            made.append(Made(machine_id, now, said, name, is_challenger=is_challenger or is_model_serving))
        for (model, is_challenger), full in zip(models, fulls, strict=True):
            whole_look = replace(one, predict=model.predict, full=full.take(np.array([row])), usual=model.usual)
            said = answer(ground, whole_look, known.history)
            if not said.is_down:
                made.append(Made(machine_id, now, said, model.name, model.id, is_challenger))
    return _Turn(made, _drifting(known, now))


def _rules(ground: Ground) -> list[tuple[str, bool]]:
    ranked = sorted(ground.scores, key=lambda name: ground.scores[name])
    return [(name, place > 0) for place, name in enumerate(ranked[:2])]


def _drifting(known: Past, now: datetime) -> list[Input]:
    """Return the inputs of which two weeks in a row are unlike the half year before."""
    begin = max(us(now - _LEARNED), min(known.since.values(), default=us(now)) + 7 * DAY)
    # of a large hall fewer looks at each machine are enough
    step = step_of(len(known.machines), begin, us(now), _MOST_LOOKS)
    instants = grid(len(known.machines), begin, us(now), step)
    if not len(instants):
        return []
    matrix: Matrix = features(plain(known.history, us(now)), instants)
    return [each for each in inputs(matrix, instants.at, us(now)) if each.is_drift]


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

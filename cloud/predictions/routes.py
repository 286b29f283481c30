"""Owns the HTTP side of predictions."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.predictions import asking, due, outlook, watching
from cloud.predictions.asking import Memory
from cloud.predictions.said import Question
from cloud.predictions.schemas import (
    DowntimeBatchIn,
    DowntimeBatchOut,
    DowntimeIn,
    DowntimePredictionOut,
    Hours,
    MaintenanceBatchIn,
    MaintenanceBatchOut,
    MaintenanceIn,
    MaintenancePredictionOut,
    OeeBatchIn,
    OeeBatchOut,
    OeeIn,
    OeePredictionOut,
)
from cloud.predictions.watched import WatchOut

router = APIRouter(prefix="/predictions", tags=["predictions"])


async def _memory(request: Request) -> Memory:
    known: Memory = request.app.state.predictions
    return known


Known = Annotated[Memory, Depends(_memory)]


@router.post("/downtime")
async def predict_downtime(
    session: Session, caller: CurrentCaller, known: Known, asked: DowntimeIn
) -> DowntimePredictionOut:
    """Return how likely a machine stops unplanned within the horizon, for how long, why, and what came of its like."""
    found = await asking.downtime(
        session, caller.organization_id, known, [asked.machine_id], _question(asked), datetime.now(UTC)
    )
    return found[0]


@router.post("/downtime/batch")
async def predict_downtimes(
    session: Session, caller: CurrentCaller, known: Known, asked: DowntimeBatchIn
) -> DowntimeBatchOut:
    """Return the same of many machines."""
    found = await asking.downtime(
        session, caller.organization_id, known, asked.machine_ids, _question(asked), datetime.now(UTC)
    )
    return DowntimeBatchOut(predictions=found)


@router.post("/maintenance")
async def predict_maintenance(
    session: Session, caller: CurrentCaller, asked: MaintenanceIn
) -> MaintenancePredictionOut:
    """Return when maintenance falls due, and whether a machine's stops tell of wear."""
    return (await due.maintenance_of(session, caller, [asked.machine_id], asked, datetime.now(UTC)))[0]


@router.post("/maintenance/batch")
async def predict_maintenances(
    session: Session, caller: CurrentCaller, asked: MaintenanceBatchIn
) -> MaintenanceBatchOut:
    """Return the same of many machines."""
    found = await due.maintenance_of(session, caller, asked.machine_ids, asked, datetime.now(UTC))
    return MaintenanceBatchOut(predictions=found)


@router.post("/oee")
async def predict_oee(session: Session, caller: CurrentCaller, asked: OeeIn) -> OeePredictionOut:
    """Return the OEE that a machine's next shift or day is expected to have."""
    return await outlook.oee(session, caller.organization_id, asked.machine_id, asked, datetime.now(UTC))


@router.post("/oee/batch")
async def predict_oees(session: Session, caller: CurrentCaller, asked: OeeBatchIn) -> OeeBatchOut:
    """Return the same of many machines."""
    now = datetime.now(UTC)
    found = [await outlook.oee(session, caller.organization_id, each, asked, now) for each in asked.machine_ids]
    return OeeBatchOut(predictions=found)


@router.get("/watch")
async def watch_predictions(
    session: Session, caller: CurrentCaller, horizon: Annotated[Hours, Query()] = watching.HORIZON_H
) -> WatchOut:
    """Return how good predictions turned out to be, and whether the plant is still the one that was learned."""
    return await watching.report(session, caller.organization_id, horizon)


def _question(asked: DowntimeIn | DowntimeBatchIn) -> Question:
    return Question(asked.prediction_horizon, asked.confidence_threshold, asked.as_of, asked.features)

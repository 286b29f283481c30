"""Owns the HTTP side of models and their trainings."""

import uuid

from fastapi import APIRouter

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery
from cloud.predictions import watching
from cloud.predictions.learning import registry, trainings
from cloud.predictions.learning.schemas import (
    ModelKind,
    ModelOut,
    ModelStatusOut,
    OptimizerTrainingIn,
    TrainingIn,
    TrainingOut,
)
from cloud.predictions.watched import ModelWatchOut

router = APIRouter(prefix="/ml", tags=["ml"])


@router.post("/train/downtime-predictor", status_code=202)
async def train_downtime_predictor(session: Session, caller: CurrentCaller, asked: TrainingIn) -> TrainingOut:
    """Learn in the background when machines stop unplanned; what serves goes on serving meanwhile."""
    return await trainings.ask(session, caller, ModelKind.DOWNTIME_PREDICTOR, asked)


@router.post("/train/oee-optimizer", status_code=202)
async def train_oee_optimizer(session: Session, caller: CurrentCaller, asked: OptimizerTrainingIn) -> TrainingOut:
    """Learn in the background what each machine has reached at its best; the training's `result` has it."""
    return await trainings.ask(session, caller, ModelKind.OEE_OPTIMIZER, asked)


@router.get("/jobs")
async def list_trainings(session: Session, caller: CurrentCaller, paging: PageQuery) -> Page[TrainingOut]:
    """List trainings, newest first."""
    return await trainings.trainings(session, caller, paging)


@router.get("/jobs/{job_id}")
async def get_training(session: Session, caller: CurrentCaller, job_id: uuid.UUID) -> TrainingOut:
    """Return how far a training is."""
    return await trainings.training(session, caller, job_id)


@router.post("/jobs/{job_id}/cancel")
async def cancel_training(session: Session, caller: CurrentCaller, job_id: uuid.UUID) -> TrainingOut:
    """End a training that is not over."""
    return await trainings.cancel(session, caller, job_id)


@router.get("/models")
async def list_models(session: Session, caller: CurrentCaller, paging: PageQuery) -> Page[ModelOut]:
    """List models, newest first."""
    return await registry.models(session, caller, paging)


@router.get("/models/{model_id}/status")
async def get_model(session: Session, caller: CurrentCaller, model_id: uuid.UUID) -> ModelStatusOut:
    """Return all that is known of a model: how it was judged, and beside which rules."""
    return await registry.model(session, caller, model_id)


@router.get("/models/{model_id}/watch")
async def watch_model(session: Session, caller: CurrentCaller, model_id: uuid.UUID) -> ModelWatchOut:
    """Return how good a model's predictions turned out to be, while it served and while it challenged."""
    horizon_h = await registry.horizon_of(session, caller, model_id)
    return await watching.of_model(session, caller.organization_id, model_id, horizon_h)


@router.post("/models/{model_id}/promote")
async def promote_model(session: Session, caller: CurrentCaller, model_id: uuid.UUID) -> ModelStatusOut:
    """Let a model serve that is surely better than the best simple rule."""
    return await registry.promote(session, caller, model_id)


@router.post("/models/{model_id}/retire")
async def retire_model(session: Session, caller: CurrentCaller, model_id: uuid.UUID) -> ModelStatusOut:
    """Take a model out of service; the best simple rule answers then."""
    return await registry.retire(session, caller, model_id)


@router.post("/models/{model_id}/rollback")
async def roll_back_model(session: Session, caller: CurrentCaller, model_id: uuid.UUID) -> ModelStatusOut:
    """Put the model that served before this one in its place again, and return that one."""
    return await registry.roll_back(session, caller, model_id)

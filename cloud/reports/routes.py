"""Owns the HTTP side of dashboards and trends."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.joblogs.schemas import PolicyName
from cloud.kpi.policy import PRESETS
from cloud.kpi.worked import Bucket
from cloud.reports.cache import Cache
from cloud.reports.schemas import DashboardOut, Metric, TrendOut
from cloud.reports.service import dashboard, facts, trends
from cloud.reports.service.facts import Question
from cloud.values import Moment

router = APIRouter(prefix="/analytics", tags=["analytics"])

Number = Annotated[str | None, Query(min_length=1, max_length=64)]


async def _question(
    begin: Annotated[Moment | None, Query(alias="from", description="30 days before `to`, without it")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="The end of the last row, without it")] = None,
    policy: PolicyName = PolicyName.ISO22400,
    machine: Annotated[str | None, Query(min_length=1, max_length=64, description="UUID or code")] = None,
    part_number: Number = None,
    job_number: Number = None,
) -> Question:
    return Question(PRESETS[policy], begin, end, machine, part_number, None, job_number)


Asked = Annotated[Question, Depends(_question)]


async def _cache(request: Request) -> Cache[BaseModel]:
    known: Cache[BaseModel] = request.app.state.figures
    return known


Known = Annotated[Cache[BaseModel], Depends(_cache)]


@router.get("/dashboard")
async def show_dashboard(session: Session, caller: CurrentCaller, asked: Asked, known: Known) -> DashboardOut:
    """Return a plant at a glance: figures, days, machines, losses, and what is unusual.

    Its `ETag` is the same as long as the data are; `If-None-Match` is then answered 304.
    """
    organization_id = caller.organization_id
    key = ("dashboard", organization_id, asked, await facts.state(session, organization_id))
    return await known.get(key, lambda: dashboard.dashboard(session, organization_id, asked))  # type: ignore[return-value]


@router.get("/trends")
async def show_trend(
    session: Session,
    caller: CurrentCaller,
    asked: Asked,
    known: Known,
    metric: Annotated[Metric, Query(description="Which figure")] = Metric.AVAILABILITY,
    bucket: Annotated[Bucket, Query(description="Into which periods time is cut")] = Bucket.DAY,
) -> TrendOut:
    """Return how a figure went: its level, its slope with the uncertainty of that, and where it changed."""
    organization_id = caller.organization_id
    key = ("trend", organization_id, asked, metric, bucket, await facts.state(session, organization_id))
    return await known.get(key, lambda: trends.follow(session, organization_id, asked, metric, bucket))  # type: ignore[return-value]

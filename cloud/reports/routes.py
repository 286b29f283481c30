"""Owns the HTTP side of dashboards, trends and reports."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from cloud.analytics.schemas import PolicyName
from cloud.analytics.service import policies
from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.joblogs.schemas import DataSource
from cloud.kpi.worked import Bucket
from cloud.paging import Page, PageQuery
from cloud.reports.cache import Cache
from cloud.reports.schemas import DashboardOut, Format, Metric, ReportIn, ReportOut, TrendOut
from cloud.reports.service import asking, dashboard, facts, trends
from cloud.reports.service.facts import Question
from cloud.values import Moment

_TYPES: Mapping[Format, str] = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PDF: "application/pdf",
}
_BYTES = {"type": "string", "format": "binary"}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {kind.partition(";")[0]: {"schema": _BYTES} for kind in _TYPES.values()}
        | {_TYPES[Format.JSON]: {"schema": {"type": "object"}}},
    }
}

router = APIRouter(prefix="/analytics", tags=["analytics"])

Number = Annotated[str | None, Query(min_length=1, max_length=64)]


async def _question(
    session: Session,
    caller: CurrentCaller,
    begin: Annotated[
        Moment | None, Query(alias="from", description="The full hour 30 days before `to`, without it")
    ] = None,
    end: Annotated[Moment | None, Query(alias="to", description="The end of the last row, without it")] = None,
    policy: PolicyName = None,
    machine: Annotated[str | None, Query(min_length=1, max_length=64, description="UUID or code")] = None,
    part_number: Number = None,
    job_number: Number = None,
) -> Question:
    counted_by = await policies.named(session, caller.organization_id, policy)
    return Question(counted_by, begin, end, machine, part_number, None, job_number)


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
    key = ("dashboard", organization_id, asked, await facts.state(session, organization_id, asked))
    return await known.get(key, lambda: dashboard.dashboard(session, organization_id, asked))  # type: ignore[return-value]


@router.get("/trends")
async def show_trend(
    session: Session,
    caller: CurrentCaller,
    asked: Asked,
    known: Known,
    metric: Annotated[Metric, Query(description="Which figure")] = Metric.AVAILABILITY,
    bucket: Annotated[Bucket, Query(description="Into which periods time is cut")] = Bucket.DAY,
    by: Annotated[DataSource | None, Query(description="The job log where there is one, without it")] = None,
) -> TrendOut:
    """Return how a figure went: its level, its slope with the uncertainty of that, and where it changed."""
    organization_id = caller.organization_id
    key = ("trend", organization_id, asked, metric, bucket, by, await facts.state(session, organization_id, asked))
    return await known.get(key, lambda: trends.follow(session, organization_id, asked, metric, bucket, by))  # type: ignore[return-value]


@router.post("/reports", status_code=202)
async def ask_for_report(session: Session, caller: CurrentCaller, report: ReportIn) -> ReportOut:
    """Ask for a report: figures by machine, line, part, operator, job, shift and day; made in the background."""
    return await asking.ask(session, caller, report)


@router.get("/reports")
async def list_reports(session: Session, caller: CurrentCaller, paging: PageQuery) -> Page[ReportOut]:
    """List the organization's reports, newest first; each is kept for a week."""
    return await asking.reports(session, caller, paging)


@router.get("/reports/{report_id}")
async def get_report(session: Session, caller: CurrentCaller, report_id: uuid.UUID) -> ReportOut:
    """Return how far a report is."""
    return await asking.report(session, caller, report_id)


@router.get("/reports/{report_id}/content", response_model=None, responses=_FILES)
async def fetch_report(session: Session, caller: CurrentCaller, report_id: uuid.UUID) -> Response:
    """Return a report's file."""
    file = await asking.file(session, caller, report_id)
    name = f"report-{report_id}.{file.format.value}"
    # it is shown by no browser: whoever named a part must not run a script here
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(file.content, headers=headers, media_type=_TYPES[file.format])

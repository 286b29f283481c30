"""Owns what operators ask of the service: does it live, may it have traffic, is its schema right, its figures."""

from enum import StrEnum

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cloud import schema
from cloud.backlog import Backlog
from cloud.db import Database, Table, translated, unavailable
from cloud.errors import CloudError
from cloud.metrics import Metrics

# no /api/v1 twins: these are an orchestrator's paths, not an API's
router = APIRouter(tags=["health"])


class State(StrEnum):
    """How something is."""

    OK = "ok"


class LiveOut(BaseModel):
    """The process answers."""

    status: State


class ReadyOut(BaseModel):
    """The service can do its work."""

    status: State
    database: State
    schema_revision: str


class SchemaOut(BaseModel):
    """The database's schema, and the one this version needs."""

    status: State
    revision: str
    head: str


@router.get("/health/live")
async def live() -> LiveOut:
    """Say that the process answers; restart it only when this does not."""
    return LiveOut(status=State.OK)


@router.get("/health/ready")
async def ready(request: Request) -> ReadyOut:
    """Say whether requests can be served; while not, send none."""
    return ReadyOut(status=State.OK, database=State.OK, schema_revision=await _revision(request))


@router.get("/health/schema")
async def schema_version(request: Request) -> SchemaOut:
    """Say whether the database is as this version needs it: revision, tables, columns, types, enums, constraints.

    Where it is not, the answer to an admin names every difference, and so does the log.
    """
    return SchemaOut(status=State.OK, revision=await whole(request.app.state.database), head=schema.head())


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return the figures in Prometheus' text format."""
    backlog: Backlog = request.app.state.backlog
    await backlog.look()
    figures: Metrics = request.app.state.metrics
    return Response(figures.exposition(), media_type=CONTENT_TYPE_LATEST)


async def _revision(request: Request) -> str:
    database: Database = request.app.state.database
    return await revision(database)


async def whole(database: Database) -> str:
    """Return the database's schema revision when its tables are as this version needs them.

    Raises:
        DatabaseUnavailable: It does not answer.
        SchemaMismatch: It is another revision, or something was altered by hand.
    """
    try:
        return await schema.require_whole(database.engine, Table.metadata)
    except (DBAPIError, PoolTimeout) as error:
        raise (translated(error) or unavailable()) from error


async def revision(database: Database) -> str:
    """Return the database's schema revision.

    Raises:
        DatabaseUnavailable: It does not answer.
        SchemaMismatch: It is not the one this version needs.
    """
    try:
        return await schema.require_head(database.engine)
    except (DBAPIError, PoolTimeout) as error:
        meaning: CloudError | None = translated(error)
        raise (meaning or unavailable()) from error

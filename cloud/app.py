"""Owns the composition of the service: which routers, behind which guards, over which resources.

A request walks: `Surroundings` (id, log, figures) > `BodyLimit` > the route's guard (`access`,
`identity.caller`) > the slice's `routes` > `service` > rows; the commit in `db` is before the answer.
"""

import functools
import gc
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from cloud import api, docs_page, health, openapi, orphan, problem, request_id, signpost
from cloud.access import ACCESS, Open
from cloud.analytics import performance_routes as performance
from cloud.analytics import routes as analytics
from cloud.analytics.service import deriving
from cloud.audit import routes as audit
from cloud.backlog import Backlog
from cloud.compression import Compression
from cloud.db import Database
from cloud.errors import CloudError, DatabaseUnavailable, SettingsInvalid
from cloud.gateways import routes as gateways
from cloud.idempotency import Fingerprints
from cloud.identity import caller
from cloud.identity import routes as identity
from cloud.identity.passwords import Passwords
from cloud.identity.refresh_tokens import RefreshTokens
from cloud.identity.tokens import Tokens
from cloud.issues import routes as issues
from cloud.issues.disk import DiskStore
from cloud.issues.s3 import S3Store
from cloud.issues.sigv4 import Identity
from cloud.issues.store import PhotoStore
from cloud.joblogs import routes as joblogs
from cloud.jobs import routes as jobs
from cloud.machines import routes as machines
from cloud.maintenance import routes as maintenance
from cloud.metrics import Metrics
from cloud.middleware import BATCH_BODY_LIMIT, BODY_LIMIT, PHOTO_BODY_LIMIT, BodyLimit, Slashes, Surroundings
from cloud.operators import routes as operators
from cloud.parts import routes as parts
from cloud.predictions import routes as predictions
from cloud.predictions import watching
from cloud.predictions.asking import Memory
from cloud.predictions.learning import routes as learning
from cloud.predictions.learning import trainings
from cloud.predictions.optimizer import routes as optimizer
from cloud.production import present_routes
from cloud.production import routes as production
from cloud.reports import routes as reports
from cloud.reports.cache import Cache
from cloud.reports.service import asking
from cloud.settings import DATABASE_URL_VARIABLE, Settings
from cloud.shifts import routes as shifts
from cloud.shifts.service import patterns as shift_service
from cloud.sync import routes as sync
from cloud.sync.hub import Hub
from cloud.telemetry import routes as telemetry
from cloud.telemetry import settling
from cloud.telemetry.intake import Intake, Limits
from cloud.workorders import routes as workorders
from cloud.workorders import stage_routes as stages
from shared import logs

WORKORDERS = (workorders.router, workorders.routes, stages.router)
ISSUES = (issues.of_stages, issues.router)
_FLOOR = (
    *WORKORDERS,
    machines.router,
    present_routes.router,
    telemetry.router,
    *ISSUES,
    sync.router,
    maintenance.router,
)
# whose paths end in a word come before those that take slashes
_REGISTERS = (performance.router, operators.router, jobs.router, parts.router, joblogs.router)
_PREDICTIONS = (predictions.router, learning.router, optimizer.router)
_FIGURES = (shifts.router, production.router, analytics.router, reports.router, *_PREDICTIONS)
ROUTERS = (*_FLOOR, *_REGISTERS, *_FIGURES, identity.router, gateways.router, audit.router)

# what waits for the background, by name
QUEUES = {
    "rollups": settling.WAITING,
    "figures": deriving.WAITING,
    "reports": asking.WAITING,
    "trainings": trainings.WAITING,
    "shifts": shift_service.STUCK,
}
# long answers that are asked for over slow lines; what phones ask every few seconds is small
PACKED = ("/analytics/", "/joblogs")
BATCHES = "/ingest/batches"
PHOTOS = "/issues/{id}/attachments"
_LIMITS = {BATCHES: BATCH_BODY_LIMIT, PHOTOS: PHOTO_BODY_LIMIT}
BODY_LIMITS = {prefix + path: limit for prefix in ("", api.PREFIX) for path, limit in _LIMITS.items()}

log = logs.get(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Build the application; nothing connects before its lifespan begins.

    Args:
        settings: With a database_url: an embedded server is the caller's to hold.

    Raises:
        SettingsInvalid: There is no database_url.
    """
    if settings.database_url is None:
        raise SettingsInvalid(f"{DATABASE_URL_VARIABLE} is not set; `tezgah-cloud serve` brings its own PostgreSQL.")
    metrics = Metrics()
    app = FastAPI(
        title="Tezgah",
        version=version("tezgah"),
        description="Machines, their readings and the work on them. Every path is also under `/api/v1`, "
        "where bodies are `{data, meta}`.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        # the service has figures and log lines of its own; spans would be a quarter of a small request's price
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=_middleware(settings, metrics),
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.fingerprints = Fingerprints(settings.secret_key.get_secret_value())
    app.state.passwords = Passwords()
    app.state.tokens = Tokens(settings.secret_key.get_secret_value(), timedelta(minutes=settings.access_token_minutes))
    app.state.refresh_tokens = RefreshTokens(settings.secret_key.get_secret_value())
    app.state.database = Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        overflow=settings.database_pool_overflow,
        timeout_s=settings.database_timeout_s,
    )
    app.state.photos = _photos(settings)
    app.state.hub = Hub(app.state.database)
    app.state.intake = Intake(app.state.database, metrics.registry, _limits(settings))
    app.state.backlog = Backlog(app.state.database, metrics.registry, QUEUES, watching.ALARMS)
    app.state.predictions = Memory(metrics.registry)
    app.state.figures = Cache(metrics.registry)
    app.state.may_see_details = caller.is_admin
    problem.install(app)
    app.include_router(health.router)
    # on the application itself: through an included router each request would be matched twice
    app.router.routes.extend(_faces().routes)
    docs_page.mount(app)
    signpost.put_before(app.router)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    return app


@functools.cache
def _faces() -> APIRouter:
    """Return every slice's routes: of one process they are made once, for they hold nothing of an application's."""
    faces = APIRouter()
    for router in ROUTERS:
        api.mount(faces, router, guard, key_scope)
    return faces


def from_environment() -> FastAPI:
    """Build the application from the environment: what a worker process imports."""
    settings = Settings.from_environment()
    settings.configure_logs()
    orphan.end_with_parent()
    app = create_app(settings)
    # What is loaded now stays for good. A full collection that walks it all stops a worker for 150 ms in the midst of
    # its requests; without it, for microseconds.
    gc.collect()
    gc.freeze()
    return app


def specification() -> dict[str, Any]:
    """Return the OpenAPI document, which needs neither settings nor a database."""
    nowhere = Settings(_env_file=None, secret_key=uuid.uuid4().hex, database_url="postgresql://nowhere/none")
    return openapi.document(create_app(nowhere))


def guard(method: str, path: str) -> Sequence[Depends]:
    """Return what must hold before a route's handler runs, from the table in `access`.

    Raises:
        LookupError: The table has no line for the route.
    """
    who = ACCESS.get(f"{method} {path}")
    match who:
        case None:
            raise LookupError(f"{method} {path} has no line in cloud/access.py; say there who may call it")
        case Open():
            return ()
        case roles:
            return (caller.allow(roles),)


def key_scope(method: str, path: str) -> Callable[..., Any] | None:
    """Return the dependency that says whose idempotency keys a route takes, or None when it takes none.

    A gateway's requests may be repeated anyway. Of those that anybody may call, signing in has no effect to protect,
    a refresh repeats its answer by itself, and a second registration finds the name taken.
    """
    return caller.key_scope if isinstance(ACCESS.get(f"{method} {path}"), frozenset) else None


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.ingest_at_once,
        settings.ingest_at_once_in_database,
        settings.ingest_places,
        settings.ingest_memory_mb * 2**20,
    )


def _photos(settings: Settings) -> PhotoStore:
    access, secret = settings.s3_access_key, settings.s3_secret_key
    if settings.s3_endpoint is None or settings.s3_bucket is None or access is None or secret is None:
        return DiskStore(settings.photos_dir or settings.data_dir / "photos")
    identity = Identity(access, secret.get_secret_value(), settings.s3_region)
    return S3Store(settings.s3_endpoint, settings.s3_bucket, identity)


def _middleware(settings: Settings, metrics: Metrics) -> list[Middleware]:
    layers = [Middleware(Surroundings, metrics=metrics, language=settings.language)]
    if settings.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(settings.cors_origins),
                allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
                allow_headers=[
                    "Authorization",
                    "Content-Type",
                    request_id.HEADER,
                    "Idempotency-Key",
                    "If-Match",
                    "If-None-Match",
                    "Last-Event-ID",
                ],
                expose_headers=[request_id.HEADER, "Link", "ETag", "Retry-After", "Idempotency-Replayed"],
            )
        )
    layers.append(Middleware(Compression, below=tuple(prefix + path for prefix in ("", api.PREFIX) for path in PACKED)))
    layers.append(Middleware(Slashes, with_slash=_with_slash()))
    layers.append(Middleware(BodyLimit, default=BODY_LIMIT, limits=BODY_LIMITS))
    return layers


def _with_slash() -> set[str]:
    paths = {route.path for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)}
    return {prefix + path for prefix in ("", api.PREFIX) for path in paths if path.endswith("/")}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    photos: PhotoStore = app.state.photos
    try:
        await _check(database)
        yield
    finally:
        await photos.close()
        await database.close()


async def _check(database: Database) -> None:
    try:
        revision = await health.whole(database)
        log.info("started", schema_revision=revision)
    except DatabaseUnavailable as error:
        # it may come later than we do; until then /health/ready is red and every request gets 503
        log.warning("started_without_database", reason=error.message)
    except CloudError as error:
        log.error("refused_to_start", code=error.code, reason=error.message)  # noqa: TRY400 - a trace says no more
        raise

"""Owns what surrounds every request: its id, its log line, its figures, its size, and an answer in any case.

Plain ASGI, not Starlette's BaseHTTPMiddleware, which copies the context and streams through a queue.
"""

import asyncio
import re
import time
from collections.abc import Collection, Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud import languages, messages, problem, request_id
from cloud.errors import CloudError, TooLarge
from cloud.languages import Language
from cloud.metrics import Metrics
from shared import logs
from shared.wire.batch import MAX_BODY

# a work order with a hundred stages is 20 KB: what is larger is a mistake or an attack
BODY_LIMIT = 1024 * 1024
# a batch as it travels, compressed; what it may grow to is the wire's business
BATCH_BODY_LIMIT = MAX_BODY
# a photo as `issues.photo` takes it, and what a form puts around it
PHOTO_BODY_LIMIT = 10 * 1024 * 1024 + 16 * 1024
# the id of a row in a path, which `limits` writes as {id}
_ROW_ID = re.compile(r"/\d+(?=/|$)")
# 1 MiB over a line of 90 kbit/s; a body that only drips must not hold its place for ever. Longer than a batch has,
# which is answered in another way (`telemetry.routes`)
BODY_TIMEOUT_S = 90.0
# of a batch: a gateway behind a thin line (edge.sync.client) may need as much longer as this rate does, bytes a second
_SLOWEST = 1_000
_LONGEST_S = 600.0
# asked every few seconds by machines: their lines would hide the others
QUIET_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})

# what a line says of who is asking, bound where that is found out
WHO = ("user", "organization", "gateway")

log = logs.get(__name__)


class TooSlow(CloudError):
    """A body that only drips."""

    status = 408


class Surroundings:
    """The outermost layer: gives the request its id, and makes sure that it is answered and accounted for."""

    def __init__(self, app: ASGIApp, metrics: Metrics, language: Language = Language.ENGLISH) -> None:
        self._app = app
        self._metrics = metrics
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        identifier = request_id.begin(headers.get(request_id.HEADER))
        languages.begin(headers.get("accept-language"), self._language)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message)[request_id.HEADER] = identifier
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=identifier):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception:
                log.exception("unexpected_error", method=scope["method"], path=scope["path"])
                if status:
                    raise  # half an answer is on its way: only closing the connection tells the caller
                await problem.unexpected(scope["path"])(scope, receive, send_with_id)
            finally:
                self._account(scope, status, time.perf_counter() - started)
                # the next request of this connection is somebody else's, for all we know
                structlog.contextvars.unbind_contextvars(*WHO)

    def _account(self, scope: Scope, status: int, duration_s: float) -> None:
        method, route = scope["method"], _template(scope)
        # 499: the caller went away before there was an answer (nginx's number)
        self._metrics.requests.labels(method, route, str(status or 499)).inc()
        self._metrics.duration.labels(method, route).observe(duration_s)
        level = log.debug if scope["path"] in QUIET_PATHS else log.info
        level(
            "request",
            method=method,
            route=route,
            path=scope["path"],
            status=status or 499,
            ms=round(duration_s * 1000, 1),
        )


def longer_s(announced: str) -> float:
    """Return how much longer than others a batch may take that announces this many bytes; 0 if it says none."""
    return min(int(announced) / _SLOWEST, _LONGEST_S) if announced.isdecimal() else 0.0


class BodyLimit:
    """Refuses a body that lingers, or is larger than its path takes: unread where its length is announced."""

    def __init__(self, app: ASGIApp, default: int, limits: Mapping[str, int], within_s: float = BODY_TIMEOUT_S) -> None:
        self._app = app
        self._default = default
        self._limits = limits
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(_ROW_ID.sub("/{id}", scope["path"]), self._default)
        too_large = TooLarge(messages.BODY_TOO_LARGE, limit=limit, path=scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            await problem.answer(too_large, scope["path"])(scope, receive, send)
            return
        within_s = self._within_s + (longer_s(announced) if limit == BATCH_BODY_LIMIT else 0.0)
        taken = 0
        deadline: float | None = None
        is_whole = False

        async def receive_counted() -> Message:
            nonlocal taken, deadline, is_whole
            if is_whole:
                return await receive()  # what comes now is the caller's going away, whenever that is
            loop = asyncio.get_running_loop()
            deadline = deadline or loop.time() + within_s
            # not errors of ours: FastAPI lets only this kind through while it reads a body
            try:
                async with asyncio.timeout_at(deadline):
                    part = await receive()
            except TimeoutError as error:
                late = TooSlow(messages.BODY_TOO_SLOW, limit_s=within_s)
                raise problem.Refused(late, {"Connection": "close"}) from error
            taken += len(part.get("body", b""))
            if taken > limit:
                raise problem.Refused(too_large)
            is_whole = not part.get("more_body", False)
            return part

        await self._app(scope, receive_counted, send)


class Slashes:
    """Takes a path with a slash at its end for the one without, and the other way round where that is the route.

    The framework's redirect would cost a phone a second request, and some clients send it without its body.
    """

    def __init__(self, app: ASGIApp, with_slash: Collection[str]) -> None:
        self._app = app
        self._with_slash = frozenset(with_slash)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] not in self._with_slash:
            path = scope["path"]
            if f"{path}/" in self._with_slash:
                scope = {**scope, "path": f"{path}/"}
            elif len(path) > 1 and path.endswith("/"):
                scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


def _template(scope: Scope) -> str:
    # the route's pattern, for a label per machine would never end
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"

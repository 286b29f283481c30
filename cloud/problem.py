"""Owns the one error body: `application/problem+json` (RFC 9457), with `detail` always a string.

Never a stack trace, SQL or path of this machine: those are in the log, under the same request id.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from cloud import request_id
from cloud.errors import CloudError, Invalid
from shared import logs
from shared.errors import AppError

MEDIA_TYPE = "application/problem+json"
_QUOTED = re.compile(r"'([^']*)'")

log = logs.get(__name__)


class FieldError(BaseModel):
    """One field of the request that is not right."""

    loc: list[str | int] = Field(description="Where: body, query, path or header, then the field's path")
    msg: str
    type: str
    valid_values: list[str] | None = Field(default=None, description="What is accepted, where it is a closed set")


class Problem(BaseModel):
    """The body of every error answer."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/errors/not-found"])
    title: str
    status: int
    detail: str
    instance: str
    error_code: str = Field(description="For programs; never changes", examples=["NOT_FOUND"])
    request_id: str
    timestamp: datetime
    errors: list[FieldError] | None = Field(default=None, description="With VALIDATION_ERROR: each field's mistake")


def install(app: FastAPI) -> None:
    """Make every error of the application answer with a problem."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


def answer(error: CloudError, instance: str) -> Response:
    """Return the answer for an error.

    Args:
        error: What happened.
        instance: The path of the request.
    """
    return _response(
        error.status, error.code, error.title, error.message, instance, extra=error.extra, headers=error.headers
    )


def unexpected(instance: str) -> Response:
    """Return the answer for a mistake of ours, which tells nothing but the id to ask about."""
    detail = f"Something went wrong on our side; it is in the log as {request_id.current()}."
    return _response(500, CloudError.code, CloudError.title, detail, instance)


def _response(
    status: int,
    code: str,
    title: str,
    detail: str,
    instance: str,
    *,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = {
        **(extra or {}),
        "type": f"/errors/{code.lower().replace('_', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "error_code": code,
        "request_id": request_id.current(),
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    # the standard library's, which also writes what UTF-8 cannot say: a name may repeat a lone surrogate
    return Response(
        json.dumps(body, default=str), status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


async def _app_error(request: Request, error: Exception) -> Response:
    path = request.url.path
    if isinstance(error, CloudError):
        if error.status >= 500:
            log.warning("request_failed", code=error.code, reason=error.message, cause=repr(error.__cause__))
        return answer(error, path)
    log.error("unexpected_error", exc_info=error)
    return unexpected(path)


async def _validation_error(request: Request, error: Exception) -> Response:
    mistakes = (
        [_field_error(mistake) for mistake in error.errors()] if isinstance(error, RequestValidationError) else []
    )
    detail = "; ".join(f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in mistakes[:5])
    return answer(Invalid(f"{detail}.", errors=mistakes), request.url.path)


def _field_error(mistake: Mapping[str, Any]) -> dict[str, Any]:
    # the input itself is left out: it may be a password
    field: dict[str, Any] = {
        "loc": list(mistake["loc"]),
        "msg": str(mistake["msg"]).removeprefix("Value error, "),
        "type": mistake["type"],
    }
    if mistake["type"] in {"enum", "literal_error"}:
        # pydantic gives the set as a sentence only: "'a', 'b' or 'c'"
        field["valid_values"] = _QUOTED.findall(str(mistake.get("ctx", {}).get("expected", "")))
    return field


async def _http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return unexpected(request.url.path)
    status = HTTPStatus(error.status_code)
    code = {413: "BODY_TOO_LARGE"}.get(status, status.name)
    known = _DETAILS.get(status)
    detail = known.format(method=request.method, path=request.url.path) if known else str(error.detail)
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return _response(status, code, status.phrase.capitalize(), detail, request.url.path, headers=headers)


def _methods(request: Request) -> list[str]:
    # the framework names the methods of the first route that matches the path only (RFC 9110, 10.2.1 wants all)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    routes = iter_route_contexts(request.app.routes)
    return sorted(
        {method for route in routes if route.methods and route.path_regex.match(path) for method in route.methods}
    )


_DETAILS: Mapping[int, str] = {
    404: "There is nothing at {path}.",
    405: "{path} does not answer {method}; the Allow header lists what it answers.",
}


def documented(statuses: Sequence[int]) -> dict[str, Any]:
    """Return OpenAPI's description of problem answers with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}

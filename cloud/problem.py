"""Owns the one error body: `application/problem+json` (RFC 9457), with `detail` always a string.

Never a stack trace, SQL or path of this machine: those are in the log, under the same request id.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from cloud import languages, messages, request_id, validation
from cloud.errors import CloudError, Invalid, SchemaMismatch
from shared import logs
from shared.errors import AppError

MEDIA_TYPE = "application/problem+json"

log = logs.get(__name__)


class Refused(HTTPException):
    """An error raised where the framework lets only its own kind through: while it reads a body."""

    def __init__(self, error: CloudError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.status, error.message, dict(headers or {}))
        error.headers |= headers or {}
        self.error = error


class ValidRange(BaseModel):
    """Between what a value must lie, both included."""

    minimum: float
    maximum: float
    unit: str = Field(description="UCUM code")


class FieldError(BaseModel):
    """One field of the request that is not right."""

    loc: list[str | int] = Field(description="Where: body, query, path or header, then the field's path")
    msg: str
    type: str
    valid_values: list[str] | None = Field(default=None, description="What is accepted, where it is a closed set")
    valid_range: ValidRange | None = Field(
        default=None, description="What is possible, where nature or counting says it"
    )


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
    """Return the answer for an error, in the caller's language.

    Args:
        error: What happened.
        instance: The path of the request.
    """
    language = languages.current()
    body = {
        "type": f"/errors/{error.code.lower().replace('_', '-')}",
        "title": error.kind(language),
        "status": error.status,
        "detail": error.detail(language),
        "instance": instance,
        "error_code": error.code,
        "request_id": request_id.current(),
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"} | error.headers
    # a fact never takes the place of one of these
    return Response(_json(body | error.members | body), error.status, headers, MEDIA_TYPE)


def _json(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, default=_plain, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # a name may repeat a lone surrogate, which UTF-8 cannot say and an escape can
        return json.dumps(body, default=_plain).encode()


def _plain(fact: object) -> str:
    return fact.isoformat().replace("+00:00", "Z") if isinstance(fact, datetime) else str(fact)


def unexpected(instance: str) -> Response:
    """Return the answer for a mistake of ours, which tells nothing but the id to ask about."""
    return answer(CloudError(messages.INTERNAL, request=request_id.current()), instance)


async def _app_error(request: Request, error: Exception) -> Response:
    path = request.url.path
    if isinstance(error, CloudError):
        if error.status >= 500:
            log.warning("request_failed", code=error.code, reason=error.message, cause=repr(error.__cause__))
        if isinstance(error, SchemaMismatch) and error.mismatches:
            log.error("schema_mismatch", mismatches=error.mismatches)
            may_see_details = getattr(request.app.state, "may_see_details", None)
            if may_see_details is not None and await may_see_details(request):
                error.facts["mismatches"] = error.mismatches
        return answer(error, path)
    log.error("unexpected_error", exc_info=error)
    return unexpected(path)


async def _validation_error(request: Request, error: Exception) -> Response:
    mistakes = error.errors() if isinstance(error, RequestValidationError) else []
    language = languages.current()
    fields = [validation.field_error(mistake, language) for mistake in mistakes]
    return answer(FieldsInvalid(validation.sentence(fields), fields), request.url.path)


async def _http_exception(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        return answer(error.error, request.url.path)
    if not isinstance(error, HTTPException):
        return unexpected(request.url.path)
    meaning = _FrameworkRefused(HTTPStatus(error.status_code), request)
    meaning.headers |= error.headers or {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        meaning.headers["Allow"] = ", ".join(_methods(request))
    return answer(meaning, request.url.path)


class FieldsInvalid(Invalid):
    """Fields of the request are not right; its sentence is in the caller's language already."""

    def __init__(self, mistakes: str, fields: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(f"{mistakes}.", errors=list(fields))


class _FrameworkRefused(CloudError):
    def __init__(self, status: HTTPStatus, request: Request) -> None:
        code = {413: "BODY_TOO_LARGE"}.get(status, status.name)
        path, phrase = request.url.path, status.phrase
        super().__init__(messages.of_status(status), code=code, path=path, method=request.method, phrase=phrase)
        self.status = status


def _methods(request: Request) -> list[str]:
    # the framework names the methods of the first route that matches the path only (RFC 9110, 10.2.1 wants all)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    routes = iter_route_contexts(request.app.routes)
    return sorted(
        {method for route in routes if route.methods and route.path_regex.match(path) for method in route.methods}
    )


def documented(statuses: Sequence[int]) -> dict[str, Any]:
    """Return OpenAPI's description of problem answers with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}

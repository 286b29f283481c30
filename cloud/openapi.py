"""Owns the OpenAPI document: FastAPI's, with the error answers this service really gives."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cloud import problem
from cloud.identity.schemas import Credentials, LoginForm

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        _add_problems(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _add_problems(schema: dict[str, Any]) -> None:
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    reference = "#/components/schemas/{model}"
    for model in (problem.Problem, Credentials, LoginForm):
        described = model.model_json_schema(ref_template=reference)
        components |= described.pop("$defs", {})
        components[model.__name__] = described
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method in _METHODS:
                operation["responses"] |= problem.documented(_statuses(path, operation))


def _statuses(path: str, operation: dict[str, Any]) -> list[int]:
    statuses = {500, 503}
    if operation.get("security"):
        statuses |= {401, 403}
    if any(each["name"] != "Accept-Language" for each in operation.get("parameters", ())):
        statuses |= {404, 422}
    if "requestBody" in operation:
        statuses |= {400, 408, 409, 413, 415, 422}
    if path.endswith("/gateways/enrol"):
        statuses |= {401}
    if path.endswith("/ingest/batches"):
        statuses |= {426}
    if path.endswith(("/auth/login", "/auth/refresh", "/auth/register", "/auth/password")):
        statuses |= {401, 403, 429}
    if any(each["name"].lower() == "if-match" for each in operation.get("parameters", ())):
        statuses |= {412}
    if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", ())):
        statuses |= {400, 409}
    return sorted(statuses)

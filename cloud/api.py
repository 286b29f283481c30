"""Owns the two faces of the API, made from one set of handlers.

A slice's router answers schemas, or a `Page` of them. Here each of its routes is put on the mobile
app's unversioned paths with bare bodies, and again under `/api/v1` as `{"data", "meta"}`. What every
handler of a kind should do, and none should have to, is done here too: `ETag` on single resources
(`preconditions`), `Idempotency-Key` on POST and PATCH (`idempotency`).
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, Header, Request, Response, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import idempotency, preconditions, request_id
from cloud.db import Session
from cloud.paging import Page
from cloud.solving import PlannedRoute

PREFIX = "/api/v1"
KEYED_METHODS = frozenset({"PATCH", "POST"})

T = TypeVar("T")

Guard = Callable[[str, str], Sequence[params.Depends]]
"""Given a method and an unversioned path, what must hold before the handler runs."""

Scope = Callable[[str, str], Callable[..., Any] | None]
"""Given the same, the dependency that says whose idempotency keys the route takes; None when it takes none."""


class Meta(BaseModel):
    """What is said about an answer beside the answer."""

    request_id: str
    timestamp: datetime


class PageMeta(Meta):
    """The same, of a list."""

    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last")
    total: int | None = Field(description="How many there are in all, when it was asked for")


class Envelope(BaseModel, Generic[T]):
    """The versioned face of one thing."""

    data: T
    meta: Meta


class PageEnvelope(BaseModel, Generic[T]):
    """The versioned face of a list."""

    data: list[T]
    meta: PageMeta


async def _exchange(request: Request, response: Response) -> tuple[Request, Response]:
    return request, response


_Exchange = Annotated[tuple[Request, Response], Depends(_exchange)]


def _nobodys(_: str, __: str) -> None:
    return None


def mount(faces: APIRouter, router: APIRouter, guard: Guard, scope: Scope = _nobodys) -> None:
    """Put a slice's routes on both faces, each behind its guard and with its idempotency keys."""
    _put(faces, router, guard, scope, _bare, "")
    _put(faces, router, guard, scope, _enveloped, PREFIX)


def _put(
    faces: APIRouter, router: APIRouter, guard: Guard, scope: Scope, face: Callable[[APIRoute], Any], prefix: str
) -> None:
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route!r} is not an API route; a slice's router holds nothing else")
        for method in sorted(route.methods or ()):
            endpoint, model = face(route)
            whose = scope(method, route.path) if method in KEYED_METHODS else None
            if whose is not None:
                endpoint = _keyed(endpoint, model, route.status_code or 200, whose)
            faces.add_api_route(
                prefix + route.path,
                endpoint,
                methods=[method],
                response_model=model,
                dependencies=[*guard(method, route.path), *route.dependencies],
                status_code=route.status_code,
                tags=route.tags,
                summary=route.summary,
                description=route.description,
                response_description=route.response_description,
                responses=route.responses,
                deprecated=route.deprecated,
                name=route.name,
                operation_id=_operation_id(route, prefix),
                include_in_schema=route.include_in_schema,
                openapi_extra=route.openapi_extra,
                route_class_override=PlannedRoute,
            )


def _operation_id(route: APIRoute, prefix: str) -> str:
    slice_name = route.tags[0] if route.tags else "cloud"
    return f"{slice_name}_{route.name}{'_v1' if prefix else ''}"


def _bare(route: APIRoute) -> tuple[Callable[..., Any], Any]:
    item = _page_item(route.response_model)
    if item is None:
        return _wrapped(route.endpoint, lambda result, _, __: result), route.response_model

    def unpacked(page: Page[Any], request: Request, response: Response) -> list[Any]:
        if page.next_cursor is not None:
            following = request.url.remove_query_params(["skip", "page"]).include_query_params(cursor=page.next_cursor)
            # a reference, not a whole address: behind a proxy only the caller knows the host (RFC 8288, 3.2)
            response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
        return page.items

    return _wrapped(route.endpoint, unpacked), list[item]  # type: ignore[valid-type]


def _enveloped(route: APIRoute) -> tuple[Callable[..., Any], Any]:
    model = route.response_model
    if model is None:
        return _wrapped(route.endpoint, lambda result, _, __: result), None  # 204, or a body that is not JSON
    item = _page_item(model)

    def enveloped(result: Any, _: Request, __: Response) -> dict[str, Any]:
        meta = {"request_id": request_id.current(), "timestamp": datetime.now(UTC)}
        if isinstance(result, Page):
            meta |= {"next_cursor": result.next_cursor, "total": result.total}
            return {"data": result.items, "meta": meta}
        return {"data": result, "meta": meta}

    return _wrapped(route.endpoint, enveloped), Envelope[model] if item is None else PageEnvelope[item]  # type: ignore[valid-type]


def _page_item(model: Any) -> Any | None:
    # pydantic makes a class of `Page[Thing]` and remembers there what it was made of
    made_of = getattr(model, "__pydantic_generic_metadata__", {})
    return made_of["args"][0] if made_of.get("origin") is Page else None


def _wrapped(endpoint: Callable[..., Any], convert: Callable[[Any, Request, Response], Any]) -> Callable[..., Any]:
    """Return the handler with its result tagged and in a face's form."""
    if not inspect.iscoroutinefunction(endpoint):
        raise TypeError(f"{endpoint.__qualname__} is not async; a handler that blocks would stall the process")

    @functools.wraps(endpoint)
    async def wrapper(*, face_of: _Exchange, **given: Any) -> Any:
        request, response = face_of
        result = await endpoint(**given)
        if isinstance(result, Response):
            return result
        if _is_single(result, response):
            tag = preconditions.tag_of(result)
            # weak where it leaves something out (RFC 9110, 8.8.1); and then it says nothing for a 304
            is_whole = not preconditions.volatile(result)
            response.headers["ETag"] = tag if is_whole else f"W/{tag}"
            if (
                is_whole
                and request.method == "GET"
                and preconditions.is_known(request.headers.get("if-none-match"), tag)
            ):
                return Response(status_code=304, headers=dict(response.headers))
        return convert(result, request, response)

    return _showing(wrapper, endpoint, face_of=_Exchange)


def _is_single(result: Any, response: Response) -> bool:
    is_resource = isinstance(result, BaseModel) and not isinstance(result, Page)
    return is_resource and "no-store" not in response.headers.get("Cache-Control", "")


def _keyed(endpoint: Callable[..., Any], model: Any, status: int, whose: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler behind the caller's idempotency keys."""
    adapter = None if model is None else TypeAdapter(model)
    key_header = Header(
        alias=idempotency.HEADER, max_length=300, description="The same key and request again get the same answer"
    )
    scope_of = Depends(whose)

    @functools.wraps(endpoint)
    async def wrapper(
        *, keyed_in: AsyncSession, keyed_for: str, keyed_of: Any, idempotency_key: str | None, **given: Any
    ) -> Any:
        if idempotency_key is None:
            return await endpoint(**given)
        request, response = keyed_of
        fingerprints: idempotency.Fingerprints = request.app.state.fingerprints
        claim = await fingerprints.claim(request, keyed_for, idempotency_key)
        answer = await idempotency.earlier_answer(keyed_in, claim)
        if answer is None:
            result = await endpoint(**given)
            answer = result if isinstance(result, Response) else _answer(result, adapter, status, response)
            await idempotency.keep(keyed_in, claim, answer)
        return answer

    return _showing(
        wrapper,
        endpoint,
        keyed_in=Session,
        keyed_for=Annotated[str, scope_of],
        keyed_of=_Exchange,
        idempotency_key=Annotated[str | None, key_header],
    )


def _answer(result: Any, adapter: TypeAdapter[Any] | None, status: int, response: Response) -> Response:
    # as FastAPI would make it, but before the transaction ends, so that it can be kept there
    if adapter is None:
        return Response(status_code=status, headers=dict(response.headers))
    body = adapter.dump_json(adapter.validate_python(result, from_attributes=True), by_alias=True)
    return Response(body, status, dict(response.headers), "application/json")


def _showing(wrapper: Callable[..., Any], endpoint: Callable[..., Any], **ours: Any) -> Callable[..., Any]:
    """Let FastAPI, which reads the signature to find what to hand in, see both the handler's parameters and ours."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.signature(endpoint)
    named = [each.replace(kind=keyword) for each in signature.parameters.values()]
    added = [
        inspect.Parameter(
            name, keyword, annotation=kind, default=None if name == "idempotency_key" else inspect.Parameter.empty
        )
        for name, kind in ours.items()
    ]
    wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*named, *added], return_annotation=inspect.Signature.empty
    )
    return wrapper

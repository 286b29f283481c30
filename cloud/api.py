"""Owns the two faces of the API, made from one set of handlers.

A slice's router answers schemas, or a `Page` of them. Here each of its routes is put on the mobile
app's unversioned paths with bare bodies, and again under `/api/v1` as `{"data", "meta"}`.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request, Response, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from cloud import request_id
from cloud.paging import Page

PREFIX = "/api/v1"

T = TypeVar("T")

Guard = Callable[[str, str], Sequence[params.Depends]]
"""Given a method and an unversioned path, what must hold before the handler runs."""


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


def mount(app: FastAPI, router: APIRouter, guard: Guard) -> None:
    """Put a slice's routes on both faces, each behind its guard."""
    app.include_router(_faced(router, guard, _bare, ""))
    app.include_router(_faced(router, guard, _enveloped, PREFIX))


def _faced(router: APIRouter, guard: Guard, face: Callable[[APIRoute], Any], prefix: str) -> APIRouter:
    faced = APIRouter(prefix=prefix)
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route!r} is not an API route; a slice's router holds nothing else")
        for method in sorted(route.methods or ()):
            endpoint, model = face(route)
            faced.add_api_route(
                route.path,
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
            )
    return faced


def _operation_id(route: APIRoute, prefix: str) -> str:
    slice_name = route.tags[0] if route.tags else "cloud"
    return f"{slice_name}_{route.name}{'_v1' if prefix else ''}"


def _bare(route: APIRoute) -> tuple[Callable[..., Any], Any]:
    item = _page_item(route.response_model)
    if item is None:
        return route.endpoint, route.response_model

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
        return route.endpoint, None  # 204, or a body that is not JSON
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
    if not inspect.iscoroutinefunction(endpoint):
        raise TypeError(f"{endpoint.__qualname__} is not async; a handler that blocks would stall the process")

    @functools.wraps(endpoint)
    async def wrapper(*, face_of: _Exchange, **given: Any) -> Any:
        request, response = face_of
        return convert(await endpoint(**given), request, response)

    signature = inspect.signature(endpoint)
    # FastAPI reads the signature to find what to hand in, so it must show both the handler's and ours
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]
    ours = inspect.Parameter("face_of", inspect.Parameter.KEYWORD_ONLY, annotation=_Exchange)
    wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*named, ours], return_annotation=inspect.Signature.empty
    )
    return wrapper

"""Owns how a route without a body finds what its handler takes: as FastAPI does, but planned once.

FastAPI looks at the annotation of each parameter anew at each request, which for a list with sixteen of them is a third
of the request's price (decision 0038). Here that is done when the route is made, and a request only reads and calls.
What a plan does not cover (`plan_of` returns None) is left to FastAPI, and so is what can be wrong with a value.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fastapi import Request, Response
from fastapi._compat import ModelField, Undefined, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import (
    _get_param_aliases,
    _get_param_model,
    _is_json_field,
    _solve_generator,
    _validate_value_with_model_field,
)
from fastapi.exceptions import RequestValidationError
from fastapi.params import Param
from fastapi.routing import _effective_route_context_var, serialize_response

from cloud.json_body import JsonRoute

# shared by all requests, for nobody can change one
_CONSTANTS = (type(None), bool, int, float, str, Enum)


class _Unplanned(Exception):
    """A plan does not cover it."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One value of a path, query or head.

    Attributes:
        constant: Whether its absence means `default`, and nothing has to be checked or made for that.
    """

    field: ModelField
    name: str
    alias: str
    loc: tuple[str, str]
    constant: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What one callable takes: a handler, or something that it depends on.

    Attributes:
        key: By what a request knows that it has called it before.
    """

    dependant: Dependant
    call: Callable[..., Any]
    is_generator: bool
    key: tuple[Any, str]
    dependencies: Sequence["Plan"]
    path: Sequence[_Parameter]
    query: Sequence[_Parameter]
    head: Sequence[_Parameter]

    async def values(
        self, request: Request, response: Response, known: dict[tuple[Any, str], Any], errors: list[Any]
    ) -> dict[str, Any]:
        """Return the arguments of the callable.

        Args:
            request: What is asked.
            response: What will be answered, for those who add to its headers.
            known: What was called for this request already; added to.
            errors: The mistakes of the request, as pydantic has them; added to, and then the values are not all there.
        """
        values: dict[str, Any] = {}
        for each in self.dependencies:
            use_cache = each.dependant.use_cache
            # what was called had no mistakes, so to look at its parameters again would find none
            if use_cache and each.key in known:
                found = known[each.key]
            else:
                before = len(errors)
                given = await each.values(request, response, known, errors)
                if len(errors) > before:
                    continue
                found = await each.called(request, given)
                known.setdefault(each.key, found)
            if each.dependant.name is not None:
                values[each.dependant.name] = found
        if self.path:
            _read(self.path, request.path_params, values, errors)
        if self.query:
            _read(self.query, request.query_params, values, errors)
        if self.head:
            _read(self.head, request.headers, values, errors)
        for name in (self.dependant.request_param_name, self.dependant.http_connection_param_name):
            if name is not None:
                values[name] = request
        if self.dependant.response_param_name is not None:
            values[self.dependant.response_param_name] = response
        return values

    async def called(self, request: Request, given: dict[str, Any]) -> Any:
        """Return what the callable gives; what it opens is closed when FastAPI would close it."""
        if not self.is_generator:
            return await self.call(**given)
        stack: AsyncExitStack = request.scope[
            "fastapi_function_astack" if self.dependant.scope == "function" else "fastapi_inner_astack"
        ]
        return await _solve_generator(request=request, dependant=self.dependant, stack=stack, sub_values=given)


class PlannedRoute(JsonRoute):
    """A route that is served by a plan where there can be one."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Return the handler."""
        handle = super().get_route_handler()
        # as FastAPI does it: a router that includes this one may add dependencies
        route = _effective_route_context_var.get() or self
        field = route.response_field
        plan = None if route.body_field is not None or field is None else plan_of(route.dependant)
        if plan is None or plan.is_generator or field is None:
            return handle
        served = plan
        overriding = route.dependency_overrides_provider

        async def handler(request: Request) -> Response:
            if overriding is not None and overriding.dependency_overrides:
                return await handle(request)
            return await _served(served, request, field, route.status_code)

        return handler


async def _served(plan: Plan, request: Request, field: ModelField, status: int | None) -> Response:
    added = Response()
    del added.headers["content-length"]
    errors: list[Any] = []
    values = await plan.values(request, added, {}, errors)
    if errors:
        raise RequestValidationError(errors)
    result = await plan.call(**values)
    if isinstance(result, Response):
        return result
    content = await serialize_response(field=field, response_content=result, dump_json=True)
    answer = Response(content, status or 200, media_type="application/json")
    answer.headers.raw.extend(added.headers.raw)
    return answer


def plan_of(dependant: Dependant) -> Plan | None:
    """Return the plan of a handler, or None when something about it is FastAPI's own business."""
    try:
        return _plan(dependant)
    except _Unplanned:
        return None


def _plan(dependant: Dependant) -> Plan:
    elsewhere = (
        dependant.body_params,
        dependant.cookie_params,
        dependant.own_oauth_scopes,
        dependant.parent_oauth_scopes,
        dependant.concurrency,
        dependant.websocket_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
    )
    if any(elsewhere):
        raise _Unplanned
    call = dependant.call
    if call is None:
        raise _Unplanned
    is_generator = _is_generator(call)
    scope = dependant.scope or ("request" if is_generator else "")
    path, query, head = (
        [_parameter(field) for field in fields]
        for fields in (dependant.path_params, dependant.query_params, dependant.header_params)
    )
    return Plan(
        dependant,
        call,
        is_generator,
        (call, scope),
        [_plan(each) for each in dependant.dependencies],
        path,
        query,
        head,
    )


def _is_generator(call: Any) -> bool:
    # a security scheme is an object that is called
    function = call if inspect.isroutine(call) else type(call).__call__
    if not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
        raise _Unplanned
    return inspect.isasyncgenfunction(function)


def _parameter(field: ModelField) -> _Parameter:
    info = field.field_info
    aliases = _get_param_aliases(field)
    is_plain = not (_is_json_field(field) or field_annotation_is_sequence(info.annotation) or _get_param_model(field))
    if not isinstance(info, Param) or len(aliases) != 1 or not is_plain:
        raise _Unplanned
    is_constant = not (info.is_required() or info.validate_default or info.default_factory)
    is_constant = is_constant and isinstance(info.default, _CONSTANTS)
    alias = aliases[0][1]
    return _Parameter(field, field.name, alias, (info.in_.value, alias), is_constant, info.default)


def _read(
    parameters: Sequence[_Parameter], given: Mapping[str, Any], values: dict[str, Any], errors: list[Any]
) -> None:
    for each in parameters:
        value = given.get(each.alias)
        if value is None and each.constant:
            values[each.name] = each.default
            continue
        value, mistakes = _validate_value_with_model_field(
            field=each.field, value=Undefined if value is None else value, values=values, loc=each.loc
        )
        if mistakes:
            errors.extend(mistakes)
        else:
            values[each.name] = value

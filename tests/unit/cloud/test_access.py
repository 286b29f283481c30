"""Who may call what."""

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from cloud import api
from cloud.access import ACCESS, Open
from cloud.app import create_app, guard
from cloud.gateways import caller as gateway_caller
from cloud.identity import caller
from cloud.settings import Settings

PLAIN_PATHS = {"/openapi.json", "/api-docs", "/api-docs/assets"}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings(_env_file=None, secret_key="k" * 32, database_url="postgresql://nowhere/none"))


def routes(app: FastAPI) -> list[tuple[str, str, APIRoute]]:
    found = []
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            assert context.path in PLAIN_PATHS, f"{context.path} is served beside the API; say here why it may be"
            continue
        found += [(method, context.path, context) for method in sorted(context.methods)]
    return found


def test_every_route_has_a_line_in_the_table_and_every_line_a_route(app):
    lines = {f"{method} {path.removeprefix(api.PREFIX)}" for method, path, _ in routes(app)}
    assert lines == set(ACCESS)


def test_a_route_asks_who_is_calling_as_its_line_says_on_both_faces(app):
    for method, path, route in routes(app):
        line = ACCESS[f"{method} {path.removeprefix(api.PREFIX)}"]
        asked = {call for call in calls(route.dependant) if call in {caller.caller, gateway_caller.gateway}}
        match line:
            case Open.PUBLIC:
                assert asked == set(), f"{method} {path}"
            case Open.GATEWAY:
                assert asked == {gateway_caller.gateway}, f"{method} {path}"
            case _:
                assert asked == {caller.caller}, f"{method} {path}"


def calls(dependant) -> set:
    inner = (calls(each) for each in dependant.dependencies)
    return {each.call for each in dependant.dependencies}.union(*inner)


def test_a_route_without_a_line_keeps_the_application_from_starting():
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten() -> str:
        return ""

    with pytest.raises(LookupError, match="GET /forgotten has no line"):
        api.mount(APIRouter(), router, guard)

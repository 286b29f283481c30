"""By way of a signpost every request comes where the framework's own search would bring it."""

import re
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse
from starlette.routing import Match

from cloud import signpost
from cloud.app import create_app
from cloud.settings import Settings
from cloud.signpost import Signpost


def searched(router: APIRouter, scope: dict[str, Any]) -> APIRoute | None:
    """Return what the framework finds: the first of all that matches."""
    return next(
        (each for each in router.routes if isinstance(each, APIRoute) and each.matches(scope)[0] is Match.FULL), None
    )


def scopes(app: FastAPI) -> list[dict[str, Any]]:
    """Return a request for each route, with numbers, words and slashes for what its path names."""
    found = []
    for route in app.router.routes:
        if isinstance(route, APIRoute):
            for value in ("7", "by-skill", "a/b/performance"):
                path = re.sub(r"\{(\w+)(:path)?\}", lambda part, value=value: value, route.path)
                found += [{"type": "http", "method": method, "path": path} for method in route.methods]
    return found


def test_every_route_is_found_and_is_the_one_that_a_search_would_find() -> None:
    app = create_app(Settings(_env_file=None, secret_key="k" * 32, database_url="postgresql://nowhere/none"))
    post = Signpost(app.router)
    reached = set()
    for scope in scopes(app):
        way = post.way(scope)
        assert (way and way[0]) is searched(app.router, scope), scope
        reached.add(way and id(way[0]))
    assert reached >= {id(route) for route in app.router.routes if isinstance(route, APIRoute)}


async def special() -> str:
    return "special"


async def thing(name: str) -> str:
    return name


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/things/special", 200, '"special"'),
        ("GET", "/things/a/b%20c", 200, '"a/b c"'),
        ("PUT", "/things/special", 200, '"special"'),
        ("GET", "/api/v1/things/x", 200, '"x"'),
        ("GET", "/page", 200, "page"),
        ("POST", "/things/x", 405, "Method Not Allowed"),
        ("GET", "/api/v1/things/x/y", 404, "Not Found"),
        ("GET", "/thing", 404, "Not Found"),
        ("GET", "/", 404, "Not Found"),
    ],
)
async def test_what_it_knows_no_way_for_is_answered_by_the_router(
    method: str, path: str, status: int, text: str
) -> None:
    app = FastAPI()
    app.router.add_api_route("/things/special", special, methods=["GET"])
    app.router.add_api_route("/things/{name:path}", thing, methods=["GET", "PUT"])
    app.router.add_api_route("/api/v1/things/{name}", thing, methods=["GET"])
    app.add_route("/page", lambda _: PlainTextResponse("page"))
    signpost.put_before(app.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, text in answer.text) == (status, True), answer.text

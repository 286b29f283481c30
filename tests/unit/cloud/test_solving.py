"""A route that is served by a plan answers as FastAPI's own would."""

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, HTTPException, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator

from cloud.solving import PlannedRoute, plan_of

CALLED: list[str] = []


class Thing(BaseModel):
    """What is answered."""

    id: int
    said: dict[str, object]


async def opened(request: Request):
    CALLED.append("opened")
    yield request.method
    CALLED.append("closed")


async def paging(limit: Annotated[int, Query(ge=1, le=9)] = 5, cursor: str | None = None) -> tuple:
    CALLED.append("paging")
    return limit, cursor


async def guard(of: Annotated[str, Depends(opened, scope="function")], page: Annotated[tuple, Depends(paging)]) -> None:
    CALLED.append("guard")
    if page == (9, "none"):
        raise HTTPException(418)


async def thing(
    response: Response,
    number: Annotated[int, Path(ge=1)],
    needed: str,
    page: Annotated[tuple, Depends(paging)],
    method: Annotated[str, Depends(opened, scope="function")],
    kind: Annotated[str, BeforeValidator(str.lower)] = "none",
    if_match: Annotated[str | None, Header(max_length=5)] = None,
) -> Thing:
    response.headers["X-Kind"] = "made"
    return Thing(id=number, said={"needed": needed, "page": page, "method": method, "kind": kind, "tag": if_match})


def _application(route_class: type[APIRoute]) -> FastAPI:
    app = FastAPI()
    app.router.add_api_route(
        "/things/{number}",
        thing,
        methods=["GET"],
        response_model=Thing,
        dependencies=[Depends(guard)],
        route_class_override=route_class,
    )
    return app


async def _asked(app: FastAPI, path: str, headers: dict[str, str]) -> tuple:
    CALLED.clear()

    async def telling(scope, receive, send):
        async def told(message):
            CALLED.append(message["type"])
            await send(message)

        await app(scope, receive, told)

    transport = httpx.ASGITransport(telling)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get(path, headers=headers)
    return answer.status_code, answer.json(), sorted(answer.headers.items()), list(CALLED)


REQUESTS = [
    ("/things/1?needed=x", {}),
    ("/things/1?needed=", {"If-Match": "abc"}),
    ("/things/1?needed=x&needed=y&limit=3&cursor=c&kind=BIG", {}),
    ("/things/1", {}),
    ("/things/0?needed=x&limit=0", {}),
    ("/things/one?limit=many&kind=1", {"If-Match": "too long"}),
    ("/things/1?needed=x&limit=9&cursor=none", {}),
]


@pytest.mark.parametrize(("path", "headers"), REQUESTS, ids=[path for path, _ in REQUESTS])
async def test_a_plan_answers_calls_and_refuses_as_fastapi_does(path, headers):
    planned, own = _application(PlannedRoute), _application(APIRoute)
    assert await _asked(planned, path, headers) == await _asked(own, path, headers)


async def test_a_route_is_planned_unless_it_asks_for_what_a_plan_does_not_know():
    def of(endpoint):
        return plan_of(APIRoute("/", endpoint).dependant)

    async def with_cookie(it: Annotated[str | None, Cookie()] = None) -> None: ...

    async def with_list(it: Annotated[list[str], Query()]) -> None: ...

    async def with_body(it: Thing) -> None: ...

    def blocking() -> None: ...

    async def plain(page: Annotated[tuple, Depends(paging)]) -> None: ...

    assert of(plain) is not None
    assert [of(each) for each in (with_cookie, with_list, with_body, blocking)] == [None] * 4


async def test_what_a_router_adds_where_it_is_included_holds_for_a_planned_route():
    router = APIRouter(route_class=PlannedRoute)
    router.add_api_route("/things/{number}", thing, response_model=Thing)

    async def refuse() -> None:
        raise HTTPException(403)

    app = FastAPI()
    app.include_router(router, dependencies=[Depends(refuse)])
    assert (await _asked(app, "/things/1?needed=x", {}))[0] == 403


async def test_an_override_of_a_test_is_heard():
    async def other() -> tuple:
        return 1, "other"

    app = _application(PlannedRoute)
    app.dependency_overrides[paging] = other
    assert (await _asked(app, "/things/1?needed=x", {}))[1]["said"]["page"] == [1, "other"]

"""The two faces of one set of handlers, without a database."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel

from cloud import api, request_id
from cloud.paging import Page


class Thing(BaseModel):
    id: int
    note: str | None = None


router = APIRouter(prefix="/things", tags=["things"])


@router.get("")
async def list_things(limit: Annotated[int, Query(le=10)] = 2) -> Page[Thing]:
    """List things."""
    return Page(items=[Thing(id=number) for number in range(limit)], next_cursor="next", total=7)


@router.post("", status_code=201)
async def create_thing(request: Request, response: Response, thing: Thing) -> Thing:
    """Make a thing."""
    response.headers["X-Path"] = request.url.path
    return thing


@router.get("/names")
async def names() -> list[str]:
    """Name things."""
    return ["a", "b"]


@router.get("/secret")
async def secret(response: Response) -> Thing:
    """Show a thing that nobody may store."""
    response.headers["Cache-Control"] = "no-store"
    return Thing(id=9)


@router.get("/{thing_id}")
async def get_thing(thing_id: int) -> Thing:
    """Show a thing."""
    return Thing(id=thing_id)


@router.delete("/{thing_id}", status_code=204)
async def delete_thing(thing_id: int) -> None:
    """Forget a thing."""


guarded: list[str] = []


def guard(method: str, path: str) -> list:
    guarded.append(f"{method} {path}")

    def pass_by() -> None: ...

    return [Depends(pass_by)]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    application = FastAPI()
    api.mount(application.router, router, guard)
    return application


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as opened:
        yield opened


async def test_the_unversioned_face_is_bare(client):
    assert (await client.post("/things", json={"id": 1})).json() == {"id": 1, "note": None}
    assert (await client.get("/things/names")).json() == ["a", "b"]


async def test_the_versioned_face_has_data_and_meta(client):
    request_id.begin("r-1")
    body = (await client.get("/api/v1/things/names")).json()
    assert body["data"] == ["a", "b"]
    assert body["meta"].keys() == {"request_id", "timestamp"}
    assert body["meta"]["timestamp"].endswith("Z")


async def test_a_page_is_a_list_with_a_link_to_the_next(client):
    answer = await client.get("/things", params={"limit": 1, "skip": 3})
    assert answer.json() == [{"id": 0, "note": None}]
    assert answer.links["next"]["url"] == "/things?limit=1&cursor=next"


async def test_a_versioned_page_says_the_rest_in_its_meta(client):
    body = (await client.get("/api/v1/things", params={"limit": 1})).json()
    assert body["data"] == [{"id": 0, "note": None}]
    assert body["meta"]["next_cursor"] == "next"
    assert body["meta"]["total"] == 7


async def test_status_and_headers_are_the_same_on_both_faces(client):
    for prefix in ("", "/api/v1"):
        answer = await client.post(f"{prefix}/things", json={"id": 1})
        assert answer.status_code == 201
        assert answer.headers["X-Path"] == f"{prefix}/things"
        assert (await client.delete(f"{prefix}/things/1")).content == b""


async def test_a_single_resource_has_one_tag_on_both_faces_and_is_not_sent_to_who_has_it(client):
    bare, versioned = await client.get("/things/3"), await client.get("/api/v1/things/3")
    assert bare.headers["ETag"] == versioned.headers["ETag"]
    assert bare.headers["ETag"] != (await client.get("/things/4")).headers["ETag"]
    assert (await client.post("/things", json={"id": 3})).headers["ETag"] == bare.headers["ETag"]
    for path in ("/things/3", "/api/v1/things/3"):
        known = await client.get(path, headers={"If-None-Match": bare.headers["ETag"]})
        assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", bare.headers["ETag"])
        assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_a_list_and_what_nobody_may_store_have_no_tag(client):
    for path in ("/things", "/api/v1/things", "/things/names", "/things/secret"):
        assert "ETag" not in (await client.get(path)).headers


def test_every_route_is_guarded_on_both_faces_by_its_unversioned_path(app):
    for line in ("GET /things", "POST /things", "GET /things/names", "DELETE /things/{thing_id}"):
        assert guarded.count(line) == 2


def test_the_description_shows_both_shapes(app):
    paths = app.openapi()["paths"]

    def shape(path: str) -> dict:
        return paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    assert shape("/things")["type"] == "array"
    assert shape("/api/v1/things") == {"$ref": "#/components/schemas/PageEnvelope_Thing_"}
    assert [each["name"] for each in paths["/api/v1/things"]["get"]["parameters"]] == ["limit"]
    assert paths["/things"]["get"]["operationId"] != paths["/api/v1/things"]["get"]["operationId"]


def test_a_handler_that_would_block_is_not_mounted():
    blocking = APIRouter()

    @blocking.get("/x")
    def x() -> list[str]:
        return []

    with pytest.raises(TypeError, match="not async"):
        api.mount(APIRouter(), blocking, lambda method, path: ())

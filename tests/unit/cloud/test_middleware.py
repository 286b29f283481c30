"""What surrounds every request, over applications of a few lines."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from structlog.testing import capture_logs

from cloud import request_id
from cloud.metrics import Metrics
from cloud.middleware import BodyLimit, Slashes, Surroundings


async def counting(scope, receive, send):
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def failing(scope, receive, send):
    raise RuntimeError("SELECT secret FROM table")


async def failing_late(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("half way")


def client(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


async def test_an_answer_carries_the_request_id_it_came_with_or_one_that_was_made(metrics):
    async with client(Surroundings(counting, metrics)) as caller:
        assert (await caller.get("/", headers={"X-Request-ID": "abc"})).headers["X-Request-ID"] == "abc"
        made = (await caller.get("/")).headers["X-Request-ID"]
    assert len(made) == 32


async def test_a_request_is_one_log_line_with_its_id(metrics):
    async with client(Surroundings(counting, metrics)) as caller:
        with capture_logs() as logged:
            await caller.post("/x", content=b"abc")
    (line,) = logged
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "POST", "/x", 200)


async def test_a_mistake_of_ours_is_answered_without_telling_what_it_was(metrics):
    async with client(Surroundings(failing, metrics)) as caller:
        with capture_logs() as logged:
            answer = await caller.get("/x", headers={"X-Request-ID": "abc"})
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "abc"
    assert answer.json()["error_code"] == "INTERNAL"
    assert "SELECT" not in answer.text
    assert any(line["event"] == "unexpected_error" and line["exc_info"] for line in logged)


async def test_an_answer_that_broke_off_is_not_continued_with_another(metrics):
    async with client(Surroundings(failing_late, metrics)) as caller:
        with pytest.raises(RuntimeError, match="half way"):
            await caller.get("/")


async def test_requests_are_counted_by_status(metrics):
    async with client(Surroundings(failing, metrics)) as caller:
        await caller.get("/a")
        await caller.get("/b")
    sample = metrics.registry.get_sample_value
    labels = {"method": "GET", "route": "unmatched", "status": "500"}
    assert sample("tezgah_http_requests_total", labels) == 2


async def test_a_body_up_to_the_limit_passes_and_a_byte_more_does_not():
    async with client(BodyLimit(counting, 10, {"/large": 20})) as caller:
        assert (await caller.post("/", content=b"x" * 10)).text == "10"
        assert (await caller.post("/large", content=b"x" * 20)).text == "20"
        answer = await caller.post("/", content=b"x" * 11)
        assert (await caller.post("/large", content=b"x" * 21)).status_code == 413
    assert answer.status_code == 413
    assert answer.json()["error_code"] == "BODY_TOO_LARGE"
    assert answer.json()["limit"] == 10


async def test_a_limit_may_be_of_a_path_with_a_rows_id_in_it():
    async with client(BodyLimit(counting, 1, {"/issues/{id}/photos": 20})) as caller:
        assert (await caller.post("/issues/7/photos", content=b"x" * 20)).text == "20"
        for path in ("/issues/x/photos", "/issues/7", "/issues/7/photos/8", "/issues/7x/photos"):
            assert (await caller.post(path, content=b"x" * 20)).status_code == 413


async def naming(scope, receive, send):
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{scope['path']} {body.decode()}")(scope, receive, send)


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("/orders", "/orders/"),
        ("/orders/", "/orders/"),
        ("/orders/7", "/orders/7"),
        ("/orders/7/", "/orders/7"),
        ("/other/", "/other"),
        ("/", "/"),
        ("/x//", "/x"),
    ],
)
async def test_a_slash_more_or_less_at_the_end_is_the_same_path_and_no_redirect(asked, served):
    async with client(Slashes(naming, {"/orders/"})) as caller:
        answer = await caller.post(f"{asked}?a=/", content=b"body")
    assert (answer.status_code, answer.text) == (200, f"{served} body")


async def test_an_announced_body_that_is_too_large_is_not_read():
    parts = 0

    async def receive():
        nonlocal parts
        parts += 1
        return {"type": "http.request", "body": b"x", "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/", "method": "POST", "headers": [(b"content-length", b"1000000")]}
    request_id.begin(None)
    await BodyLimit(counting, 10, {})(scope, receive, send)
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["status"] == 413
    assert parts == 0


async def test_a_body_without_length_is_cut_off_at_the_limit(app_of_one_route):
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 10

    async with client(BodyLimit(app_of_one_route, 100, {})) as caller:
        answer = await caller.post("/", content=drip())
    assert answer.status_code == 413
    assert answer.json()["error_code"] == "BODY_TOO_LARGE"


@pytest.fixture
def app_of_one_route():
    from fastapi import FastAPI

    from cloud import problem

    app = FastAPI()
    problem.install(app)

    @app.post("/")
    async def take(body: dict) -> dict:
        return body

    return app


async def test_a_body_that_never_ends_is_given_up(app_of_one_route):
    first = [{"type": "http.request", "body": b'{"na', "more_body": True}]

    async def dripping():
        return first.pop() if first else await asyncio.Event().wait()

    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    await BodyLimit(app_of_one_route, 100, {}, within_s=0.01)(scope, dripping, send)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["error_code"] == "REQUEST_TIMEOUT"


async def test_a_caller_that_stays_after_its_body_may_stay_as_long_as_it_likes():
    came = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"", "more_body": False}]
    late = asyncio.Event()

    async def receive():
        if len(came) == 1:
            # it goes when the time for a body is long over
            asyncio.get_running_loop().call_later(0.1, late.set)
            await late.wait()
        return came.pop()

    async def waiting(scope, receive, send):
        await receive()
        assert (await receive())["type"] == "http.disconnect"

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    await BodyLimit(waiting, 100, {}, within_s=0.05)(scope, receive, receive)

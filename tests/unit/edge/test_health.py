"""The page's server: what it serves to whom, and what it refuses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from edge.health import HealthServer, Page, Query, Stream
from shared.errors import AppError

TOKEN = "a-token-of-24-characters"


def failing(query: Query) -> bytes:
    raise AppError("limit='x': expected a number")


class Ticker:
    """A stream that says what it is given, and notes when its reader has gone."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def stream(self, query: Query) -> AsyncIterator[bytes]:
        if "no" in query:
            raise AppError("no such tag")
        try:
            yield b"first\n"
            while True:
                yield await self.pieces.get()
        finally:
            self.ended.set()


@pytest.fixture
def ticker() -> Ticker:
    return Ticker()


@contextlib.asynccontextmanager
async def serving(ticker: Ticker | None = None, **options: object) -> AsyncIterator[int]:
    pages: dict[str, Page | Stream] = {
        "/": Page("text/html; charset=utf-8", lambda _: b"<h1>", is_open=True),
        "/health": Page("application/json", lambda query: b'{"a":1}'),
        "/metrics": Page("text/plain", lambda _: b"m 1\n"),
        "/echo": Page("text/plain", lambda query: repr(dict(query)).encode()),
        "/failing": Page("text/plain", failing),
        "/stream": Stream("application/x-ndjson", (ticker or Ticker()).stream),
    }
    server = HealthServer(pages, **options)  # type: ignore[arg-type]
    yield await server.open("127.0.0.1", 0)
    await server.close()


@pytest.fixture
async def port(ticker: Ticker) -> AsyncIterator[int]:
    async with serving(ticker) as port:
        yield port


async def exchange(port: int, request: bytes, *, ends: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if ends:
        writer.write_eof()
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()


async def get(port: int, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        return await client.get(path, headers=headers)


async def test_pages_are_served_to_an_ordinary_client(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        health = await client.get("/health?now=1")
        metrics = await client.head("/metrics")
    assert (health.status_code, health.headers["content-type"], health.json()) == (200, "application/json", {"a": 1})
    assert (metrics.status_code, metrics.headers["content-length"], metrics.content) == (200, "4", b"")


async def test_what_is_asked_for_reaches_the_page(port: int) -> None:
    assert (await get(port, "/echo?q=a+b&q=c&x=%C3%BC")).text == "{'q': ['a b', 'c'], 'x': ['ü']}"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /etc/passwd HTTP/1.1", 404),
        (b"POST /health HTTP/1.1", 405),
        (b"GET /health", 400),
        (b"\x16\x03\x01\x02", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1", 431),
        (b"GET /echo?" + b"&".join(b"a=1" for _ in range(200)) + b" HTTP/1.1", 400),
        (b"GET /failing HTTP/1.1", 400),
    ],
)
async def test_anything_else_is_refused(port: int, request_line: bytes, status: int) -> None:
    answer = await exchange(port, request_line + b"\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_request_that_breaks_off_is_answered_and_forgotten(port: int) -> None:
    assert (await exchange(port, b"GET /hea", ends=True)).startswith(b"HTTP/1.1 400 ")


async def test_more_clients_than_a_machine_has_are_turned_away(port: int) -> None:
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(16)]
    try:
        assert (await exchange(port, b"")).startswith(b"HTTP/1.1 503 ")
    finally:
        for _, writer in idle:
            writer.close()


async def test_closing_cuts_what_is_under_way() -> None:
    server = HealthServer({"/": Page("text/plain", lambda _: b"")})
    port = await server.open("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /")
    await writer.drain()
    async with asyncio.timeout(60):
        await server.close()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_taken_port_is_an_os_error(port: int) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await HealthServer({}).open("127.0.0.1", port)


# --- strangers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9108", "[::1]:9108", "LOCALHOST:1"])
async def test_this_machine_is_asked_for_by_its_own_names(port: int, host: str) -> None:
    assert (await get(port, "/health", Host=host)).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9108", "127.0.0.1.evil.example", "localhost.evil", ""])
async def test_a_strangers_name_that_points_here_gets_nothing(port: int, host: str) -> None:
    answer = await get(port, "/health", Host=host)
    assert answer.status_code == 421
    assert '{"a":1}' not in answer.text


async def test_every_answer_forbids_what_a_page_of_ours_never_does(port: int) -> None:
    for path in ("/", "/health", "/nothing"):
        headers = (await get(port, path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("path", "shown", "status"),
    [
        ("/health", None, 401),
        ("/health", "wrong", 401),
        ("/health", TOKEN + "x", 401),
        ("/health", "ü", 401),
        ("/stream", None, 401),
        ("/health", TOKEN, 200),
        ("/", None, 200),
        ("/nothing", None, 404),
    ],
)
async def test_with_a_token_only_who_shows_it_reads(path: str, shown: str | None, status: int) -> None:
    async with serving(token=TOKEN, any_host=True) as port:
        headers = [(b"Host", b"gateway.plant")]
        if shown is not None:
            headers.append((b"Authorization", f"Bearer {shown}".encode("latin-1")))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            answer = await client.get(path, headers=headers)
        assert answer.status_code == status
        assert TOKEN not in answer.text


async def test_another_name_is_only_believed_beside_a_token() -> None:
    async with serving(any_host=True) as port:
        assert (await get(port, "/health", Host="evil.example")).status_code == 421


# --- streams ------------------------------------------------------------------------------------------------------


async def test_a_stream_is_sent_as_it_comes_and_ends_with_its_reader(port: int, ticker: Ticker) -> None:
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        client.stream("GET", "/stream") as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == "first"
        ticker.pieces.put_nowait(b"second\n")
        assert await anext(lines) == "second"
    async with asyncio.timeout(60):
        while not ticker.ended.is_set():
            # it notices when it writes
            ticker.pieces.put_nowait(b"\n")
            await asyncio.sleep(0)


async def test_a_stream_that_cannot_begin_is_a_bad_request(port: int) -> None:
    answer = await get(port, "/stream?no=1")
    assert (answer.status_code, answer.text) == (400, "no such tag\n")


async def test_a_fifth_reader_of_streams_is_turned_away(port: int, ticker: Ticker) -> None:
    readers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
    try:
        for reader, writer in readers:
            writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"first\n")
        assert (await get(port, "/stream")).status_code == 503
        assert (await get(port, "/health")).status_code == 200
    finally:
        for _, writer in readers:
            writer.close()

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from edge.health import HealthServer


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = HealthServer(
        {"/health": ("application/json", lambda: b'{"a":1}'), "/metrics": ("text/plain", lambda: b"m 1\n")}
    )
    yield await server.open("127.0.0.1", 0)
    await server.close()


async def exchange(port: int, request: bytes, *, ends: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if ends:
        writer.write_eof()
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


async def test_pages_are_served_to_an_ordinary_client(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        health = await client.get("/health?now=1")
        metrics = await client.head("/metrics")
    assert (health.status_code, health.headers["content-type"], health.json()) == (200, "application/json", {"a": 1})
    assert (metrics.status_code, metrics.headers["content-length"], metrics.content) == (200, "4", b"")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /etc/passwd HTTP/1.1", 404),
        (b"POST /health HTTP/1.1", 405),
        (b"GET /health", 400),
        (b"\x16\x03\x01\x02", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1", 431),
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
    server = HealthServer({"/": ("text/plain", bytes)})
    port = await server.open("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /")
    await writer.drain()
    async with asyncio.timeout(2):
        await server.close()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_taken_port_is_an_os_error(port: int) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await HealthServer({}).open("127.0.0.1", port)

"""Asking a gateway from the command line, and what is said when none answers or another program does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from edge.health import HealthServer, Page, Query, Stream
from edge.inquiry import Daemon, NotAnswering, Refused

TOKEN = "a-token-of-24-characters"
HEALTH = b'{"status":"ok","connections":[],"buffer":{},"sync":{}}'


async def stream(query: Query) -> AsyncIterator[bytes]:
    for word in query["q"]:
        yield f'{{"q":"{word}"}}\n\n'.encode()


@contextlib.asynccontextmanager
async def gateway(health: bytes = HEALTH, **options: object) -> AsyncIterator[str]:
    pages: dict[str, Page | Stream] = {
        "/health": Page("application/json", lambda _: health),
        "/api/tap": Stream("application/x-ndjson", stream),
    }
    server = HealthServer(pages, **options)  # type: ignore[arg-type]
    yield f"http://127.0.0.1:{await server.open('127.0.0.1', 0)}"
    await server.close()


async def test_a_gateway_tells_how_it_is() -> None:
    async with gateway() as url:
        document = await asyncio.to_thread(Daemon(url + "/").health)
    assert document["status"] == "ok"


async def test_a_stream_is_read_line_by_line() -> None:
    def read(url: str) -> list[object]:
        with Daemon(url).lines("/api/tap", {"q": ["a", "b"]}) as lines:
            return [line["q"] for line in lines]

    async with gateway() as url:
        assert await asyncio.to_thread(read, url) == ["a", "b"]


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"status":"ok"}'])
async def test_another_program_is_said_to_be_one(body: bytes) -> None:
    async with gateway(body) as url:
        with pytest.raises(NotAnswering, match="is not a gateway"):
            await asyncio.to_thread(Daemon(url).health)


async def test_a_token_is_shown_and_asked_for() -> None:
    async with gateway(token=TOKEN) as url:
        assert (await asyncio.to_thread(Daemon(url, TOKEN).health))["status"] == "ok"
        with pytest.raises(Refused, match="--config"):
            await asyncio.to_thread(Daemon(url).health)


async def test_a_page_that_is_not_there_is_another_versions() -> None:
    async with gateway() as url:
        with pytest.raises(NotAnswering, match="another version"):
            await asyncio.to_thread(Daemon(url).json, "/api/status")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense"])
def test_nobody_there_is_told(url: str) -> None:
    with pytest.raises(NotAnswering, match="no gateway answers"):
        Daemon(url).health()

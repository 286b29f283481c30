"""The client of the cloud: deadlines, pieces, a token that is renewed under way, and what cannot be used at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.errors import ConfigError, Unreachable
from edge.sync.client import CloudClient, Way
from tests.fakes.http_cloud import HttpCloud, Request, answer, problem


@pytest.fixture
async def server() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as server:
        server.says(answer("200 OK", b"{}"))
        yield server


class Door:
    """Takes one token, and says when it is asked with another."""

    def __init__(self, server: HttpCloud, token: str) -> None:
        self.token = token
        server.behave = self

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        is_known = request.headers["authorization"] == f"Bearer {self.token}"
        refusal = problem("401 Unauthorized", "UNAUTHORIZED", "who?")
        writer.write(answer("200 OK", b"{}") if is_known else refusal)


async def test_a_token_that_was_written_down_meanwhile_is_tried_at_once(server: HttpCloud) -> None:
    Door(server, "new")

    async def another() -> str | None:
        return "new"

    client = CloudClient(server.url, "old", another_token=another)
    assert (await client.exchange("/x"))[0].status_code == 200
    assert (await client.exchange("/x"))[0].status_code == 200
    said = [request.headers["authorization"] for request in server.requests]
    assert said == ["Bearer old", "Bearer new", "Bearer new"]
    await client.close()


@pytest.mark.parametrize("other", [None, "old", "no token\n"])
async def test_without_another_token_a_refusal_is_the_answer_and_nothing_is_sent_twice(
    server: HttpCloud, other: str | None
) -> None:
    Door(server, "new")

    async def another() -> str | None:
        return other

    client = CloudClient(server.url, "old", another_token=another)
    assert (await client.exchange("/x"))[0].status_code == 401
    assert len(server.requests) == (2 if other == "no token\n" else 1)
    await client.close()


async def test_a_request_that_was_under_way_while_the_token_was_renewed_is_sent_again(server: HttpCloud) -> None:
    door = Door(server, "old")
    client = CloudClient(server.url, "old")

    async def renewed_under_way(request: Request, writer: asyncio.StreamWriter) -> None:
        door.token = "new"
        client.use("new")
        server.behave = door
        await door(request, writer)

    server.behave = renewed_under_way
    assert (await client.exchange("/x", b"body"))[0].status_code == 200
    assert [request.body for request in server.requests] == [b"body", b"body"]
    await client.close()


async def test_on_a_thin_line_a_large_body_has_more_time(server: HttpCloud) -> None:
    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        writer.write(answer("200 OK", b"{}"))

    server.behave = slow
    client = CloudClient(server.url, "t", timeout_s=0.3)
    with pytest.raises(Unreachable, match=r"within 0\.3 s"):
        await client.exchange("/x", bytes(1_000))
    with pytest.raises(Unreachable, match=r"within 0\.31 s"):
        await client.exchange("/x", bytes(10), is_thin=True)
    # at 1,000 bytes a second it has a minute more
    await client.exchange("/x", bytes(60_000), is_thin=True)
    await client.close()


async def test_an_upload_that_stalls_is_given_up_long_before_the_deadline() -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(60)

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = CloudClient(url, "t", timeout_s=0.5)
    async with asyncio.timeout(60):
        with pytest.raises(Unreachable, match="took nothing more"):
            # more than the system's buffers on both sides hold; the deadline alone would be ten minutes
            await client.exchange("/x", bytes(30_000_000), is_thin=True)
    server.close()
    await client.close()


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (Way(proxy="not a proxy"), "cloud.proxy"),
        (Way(ca=Path("/nowhere/ca.pem")), "cloud.tls.ca"),
        (Way(certificate=Path("/nowhere/a.pem"), key=Path("/nowhere/b.pem")), "cloud.tls"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_sent(way: Way, words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        CloudClient("https://cloud.example.com", "t", way=way)
    assert words in refusal.value.message

"""Renewing the token: on disk before it is used, and the present one goes on if it cannot be."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.errors import Unreachable
from edge.remote.renewal import Renewal
from edge.sync.client import CloudClient
from edge.sync.office import Office
from edge.sync.token import TokenStore
from tests.fakes.http_cloud import HttpCloud, Request, answer, problem

ISSUED = json.dumps({"data": {"gateway": "hall-2", "token": "tzg_next"}}).encode()


@pytest.fixture
async def server() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as server:
        yield server


@pytest.fixture
async def client(server: HttpCloud) -> AsyncIterator[CloudClient]:
    client = CloudClient(server.url, "tzg_present")
    yield client
    await client.close()


async def test_the_next_token_is_on_disk_before_it_is_used(
    server: HttpCloud, client: CloudClient, tmp_path: Path
) -> None:
    file = tmp_path / "edge-token"
    on_disk: list[str] = []

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.headers["authorization"] == "Bearer tzg_next":
            on_disk.append(file.read_text(encoding="ascii").strip())
        writer.write(answer("201 Created", ISSUED))

    server.behave = behave
    renewal = Renewal(Office(client), TokenStore("tzg_present", file, tmp_path), client)
    await renewal.renew()
    await client.exchange("/anything")
    assert on_disk == ["tzg_next"]
    assert renewal.trouble is None


async def test_a_token_that_cannot_be_written_is_not_used(
    server: HttpCloud, client: CloudClient, tmp_path: Path
) -> None:
    server.says(answer("201 Created", ISSUED))
    renewal = Renewal(Office(client), TokenStore("tzg_present", None, tmp_path / "nowhere"), client)
    await renewal.renew()
    assert renewal.trouble is not None
    assert "cannot be written down" in renewal.trouble
    await client.exchange("/anything")
    assert server.requests[-1].headers["authorization"] == "Bearer tzg_present"


@pytest.mark.parametrize(
    "data",
    [
        problem("503 Service Unavailable", "UNAVAILABLE", "later"),
        problem("404 Not Found", "NOT_FOUND", "an older cloud"),
        answer("201 Created", b"{}"),
        answer("201 Created", b'{"data": {"gateway": "hall-2", "token": "two words"}}'),
        answer("201 Created", b'{"data": {"gateway": "hall-2", "token": ""}}'),
    ],
)
async def test_what_is_no_token_changes_nothing(
    server: HttpCloud, client: CloudClient, tmp_path: Path, data: bytes
) -> None:
    server.says(data)
    store = TokenStore("tzg_present", tmp_path / "edge-token", tmp_path)
    with pytest.raises(Unreachable):
        await Renewal(Office(client), store, client).renew()
    assert store.current() == "tzg_present"

"""The look at the cloud, against servers that are it, are not, or are not there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from edge.clock import SystemClock
from edge.config.options import CloudOptions, CloudTls
from edge.doctor.cloud import examine
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Severity
from edge.ports import FIRST
from edge.settings import Destination
from edge.sync.token import TokenStore
from tests.fakes import tls
from tests.fakes.http_cloud import HttpCloud, Request, answer, problem

TOKEN = "tzg_a-secret-that-nobody-may-read"


async def look(url: str, state: Path = Path("nowhere"), name: str = FIRST, **options: Any) -> Section:
    there = CloudOptions(url=url, token=SecretStr(TOKEN), **options)
    section = await examine(Destination(name, there), state, state, SystemClock())
    assert TOKEN not in repr(section)
    return section


@pytest.fixture
async def server() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as server:
        yield server


def paths(**answers: bytes):
    """Answer by the last word of the path."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        word = request.line.split(" ")[1].rpartition("/")[2].partition(".")[0]
        writer.write(answers.get(word, answer("204 No Content")))

    return behave


async def test_a_cloud_that_takes_the_token_is_described(server: HttpCloud) -> None:
    server.behave = paths(
        openapi=answer("200 OK", b'{"info": {"version": "0.1.9"}}'),
        ready=answer("200 OK", b"{}"),
        alive=answer("204 No Content", Date=format_datetime(datetime.now(UTC), usegmt=True)),
    )
    section = await look(server.url)
    facts = dict(section.facts)
    assert section.worst is None
    assert facts["token"] == "accepted"
    assert facts["version"].startswith("0.1.9; ")
    assert "within a second" in facts["clock"]
    greeting = server.requests[0]
    assert greeting.line == "POST /api/v1/gateways/alive HTTP/1.1"
    assert greeting.headers["authorization"] == f"Bearer {TOKEN}"
    assert greeting.body == b"", "it says nothing that the cloud would keep"
    assert all("authorization" not in request.headers for request in server.requests[1:])


@pytest.mark.parametrize(
    ("said", "about", "words"),
    [
        (problem("401 Unauthorized", "TOKEN_REVOKED", "It was revoked."), "cloud.token", "TOKEN_REVOKED"),
        (answer("404 Not Found", b"<html>"), "cloud.url", "not a Tezgah cloud"),
        (answer("200 OK", b"<html>hello"), "cloud.url", "not a Tezgah cloud"),
        (answer("301 Moved", Location="https://other"), "cloud.url", "'https://other'"),
        (problem("503 Unavailable", "DB", "No database."), "cloud", "No database."),
        (answer("502 Bad Gateway"), "cloud", "502"),
    ],
)
async def test_an_answer_that_is_no_welcome_is_an_error_with_its_fix(
    server: HttpCloud, said: bytes, about: str, words: str
) -> None:
    server.says(said)
    (found,) = (await look(server.url)).findings
    assert (found.severity, found.about) == (Severity.ERROR, about)
    assert words in found.message
    assert found.fix


async def test_an_older_cloud_is_no_mistake(server: HttpCloud) -> None:
    server.says(problem("404 Not Found", "NOT_FOUND", "No such path."))
    section = await look(server.url)
    assert section.worst is None
    assert "older" in dict(section.facts)["token"]


async def test_a_cloud_that_is_not_ready_is_told(server: HttpCloud) -> None:
    server.behave = paths(ready=problem("503 Unavailable", "DATABASE", "The database does not answer."))
    (found,) = (await look(server.url)).findings
    assert found.severity is Severity.WARNING
    assert "The database does not answer." in found.message


@pytest.mark.parametrize(("off_s", "side"), [(-90, "ahead of"), (90, "behind")])
async def test_a_clock_that_is_off_is_an_error(server: HttpCloud, off_s: int, side: str) -> None:
    there = datetime.now(UTC) + timedelta(seconds=off_s)
    server.says(answer("204 No Content", Date=format_datetime(there, usegmt=True)))
    found = [item for item in (await look(server.url)).findings if item.about == "clock"]
    assert found[0].severity is Severity.ERROR
    assert side in found[0].message


async def test_nobody_there_is_told_in_the_systems_own_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (found,) = (await look(f"http://127.0.0.1:{port}")).findings
    assert found.message == "127.0.0.1 cannot be reached: Connection refused"


async def test_a_name_that_does_not_exist_is_told() -> None:
    (found,) = (await look("https://no-such-host.invalid")).findings
    assert "no-such-host.invalid" in found.message
    assert found.about == "cloud.url"


async def test_a_certificate_that_nobody_vouches_for_leads_to_the_authoritys(tmp_path: Path) -> None:
    certificate = tls.self_signed(tmp_path / "cloud.pem")
    async with HttpCloud(tls.serving(certificate)).serving() as server:
        (found,) = (await look(server.url)).findings
    assert "self-signed certificate" in found.message
    assert "tls.ca" in found.fix
    assert server.requests == [], "the token must not have been sent"


async def test_a_certificate_that_ended_leads_to_its_renewal(tmp_path: Path) -> None:
    certificate = tls.self_signed(tmp_path / "cloud.pem", days=-2)
    async with HttpCloud(tls.serving(certificate)).serving() as server:
        (found,) = (await look(server.url)).findings
    assert "certificate" in found.message


async def test_plain_http_behind_an_https_address_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer("400 Bad Request"))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as plain:
        (found,) = (await look(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}")).findings
    assert "http://" in found.fix


def shown(server: HttpCloud) -> list[str]:
    """Return the tokens that were shown, in their order."""
    return [request.headers["authorization"] for request in server.requests if "authorization" in request.headers]


@pytest.mark.parametrize("name", [FIRST, "office"])
async def test_a_renewed_token_is_the_one_that_is_shown(server: HttpCloud, tmp_path: Path, name: str) -> None:
    server.behave = paths()
    TokenStore(TOKEN, None, tmp_path, name).keep("tzg_renewed")
    section = await look(server.url, tmp_path, name)
    assert shown(server) == ["Bearer tzg_renewed"]
    assert ("token", f"the renewed one in {tmp_path}") in section.facts
    other = await look(server.url, tmp_path, "another")
    assert shown(server) == ["Bearer tzg_renewed", f"Bearer {TOKEN}"], "each destination has its own"
    assert (section.name, other.name) == ("cloud" if name == FIRST else "destination office", "destination another")


async def test_a_proxy_of_the_configurations_is_gone_through_and_named(server: HttpCloud) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{held.getsockname()[1]}"
        section = await look(server.url, proxy=f"http://{dead}")
    assert server.requests == []
    assert ("proxy", dead) in section.facts
    assert f"the proxy {dead} is in between" in section.findings[-1].fix


async def test_an_authority_of_the_configurations_is_trusted_and_no_other(tmp_path: Path) -> None:
    certificate = tls.self_signed(tmp_path / "cloud.pem")
    async with HttpCloud(tls.serving(certificate)).serving() as server:
        server.behave = paths()
        trusted = await look(server.url, tmp_path, tls=CloudTls(ca="cloud.pem"))
        stranger = await look(server.url, tmp_path)
    assert dict(trusted.facts)["token"] == "accepted"
    assert stranger.findings[0].about == "TLS"
    assert "tls.ca" in stranger.findings[0].fix


async def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    section = await look("https://cloud.example.com", tmp_path, tls=CloudTls(ca="nowhere.pem"))
    assert "nowhere.pem" in section.findings[-1].message

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.errors import ConfigError
from edge.live.client import NotListening, ask
from edge.live.control import ControlServer


async def answering(do: str, file: Path) -> AsyncIterator[dict[str, Any]]:
    yield {"did": do, "within_s": 5}
    if file.name == "wrong.yaml":
        raise ConfigError("wrong.yaml:1: nonsense")
    yield {"file": str(file)}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(tmp_path, answering)
    await server.open()
    yield server
    await server.close()


async def asked(directory: Path, do: str, file: str) -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: list(ask(directory, do, Path(file))))


@pytest.mark.usefixtures("server")
async def test_who_may_read_the_token_gets_the_answer_line_by_line(tmp_path: Path) -> None:
    assert await asked(tmp_path, "plan", "/etc/edge.yaml") == [
        {"did": "plan", "within_s": 5},
        {"file": "/etc/edge.yaml"},
    ]
    assert (await asked(tmp_path, "apply", "wrong.yaml"))[1] == {
        "error": "wrong.yaml:1: nonsense",
        "code": "CONFIG_INVALID",
    }


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"token":"","do":"plan","file":"x"}', "UNAUTHORIZED"),
        ('{"token":"\u00fc","do":"plan","file":"x"}'.encode(), "UNAUTHORIZED"),
        (b"GET / HTTP/1.1", "BAD_REQUEST"),
        (b'{"token":1}', "BAD_REQUEST"),
        (b"\xff", "BAD_REQUEST"),
    ],
)
async def test_nobody_else_gets_any(tmp_path: Path, line: bytes, code: str) -> None:
    port = json.loads((tmp_path / "control.json").read_text())["port"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(line + b"\n")
    assert json.loads(await reader.readline())["code"] == code
    writer.close()


@pytest.mark.usefixtures("server")
async def test_a_request_without_an_end_is_cut_off(tmp_path: Path) -> None:
    port = json.loads((tmp_path / "control.json").read_text())["port"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x" * 20_000)
    with pytest.raises((ConnectionError, AssertionError)):
        assert await asyncio.wait_for(reader.read(), 60) is None
    writer.close()


async def test_a_gateway_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(NotListening, match="no gateway works in"):
        await asked(tmp_path, "plan", "x")
    server = ControlServer(tmp_path, answering)
    await server.open()
    left = (tmp_path / "control.json").read_bytes()
    await server.close()
    assert not (tmp_path / "control.json").exists()
    (tmp_path / "control.json").write_bytes(left)
    with pytest.raises(NotListening, match="does not answer"):
        await asked(tmp_path, "plan", "x")
    (tmp_path / "control.json").write_bytes(b"{")
    with pytest.raises(NotListening, match="cannot be read"):
        await asked(tmp_path, "plan", "x")


async def test_without_a_disk_the_gateway_runs_and_cannot_be_asked(tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "not-there", answering)
    await server.open()
    await server.close()

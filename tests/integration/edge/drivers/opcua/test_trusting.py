"""The command `trust`, as an engineer uses it against a server that nobody knows yet."""

import asyncio
import datetime as dt
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.drivers.opcua import identity
from edge.drivers.opcua.identity import Identity
from edge.drivers.opcua.trust import fingerprint
from edge.drivers.spec import Surroundings
from tests.integration.edge.drivers.opcua.plc import Plc, booted, driver, points, taking


@pytest.fixture
def server(tmp_path: Path) -> Identity:
    return identity.own(tmp_path / "server", dt.datetime.now(dt.UTC))


@pytest.fixture
async def plc(server: Identity) -> AsyncIterator[Plc]:
    plc = await booted()
    await plc.secure(server.certificate, server.key, "Basic256Sha256_SignAndEncrypt")
    await plc.start()
    await plc.put("force", 1.0)
    yield plc
    await plc.stop()
    await plc.clear()
    await plc.secure(server.certificate, server.key)


@pytest.fixture
def config(plc: Plc, tmp_path: Path) -> Path:
    file = tmp_path / "edge.yaml"
    (tmp_path / "token").write_text("tzg_x")
    file.write_text(
        f"""version: 1
gateway: {{id: hall}}
cloud: {{url: "http://127.0.0.1:1", token: "${{file:token}}"}}
buffer: {{path: state/buffer.db}}
connections:
  plc: {{opcua: "opc.tcp://127.0.0.1:{plc.port}", timeout: 2s, security: {{policy: Basic256Sha256}}}}
  open: {{opcua: "opc.tcp://127.0.0.1:{plc.port}"}}
devices:
  - {{name: press, on: plc, tags: {{force: {{node: "ns=2;s=force"}}}}}}
  - {{name: oven, on: open, tags: {{force: {{node: "ns=2;s=force"}}}}}}
"""
    )
    return file


@dataclass
class Result:
    exit_code: int
    stdout: str
    stderr: str


async def trust(*words: str) -> Result:
    """Run the command in a process of its own, for it decides how the whole process logs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge", "trust", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return Result(process.returncode or 0, out.decode(), err.decode())


async def test_a_server_is_shown_then_accepted_and_then_read(config: Path, plc: Plc, server: Identity) -> None:
    shown = await trust(str(config), "plc", "--json")
    assert shown.exit_code == 1, "somebody has to look"
    (document,) = json.loads(shown.stdout)
    assert document["fingerprint"] == fingerprint(server.der)
    assert (document["trusted"], document["offers"]) == (False, ["Basic256Sha256 with SignAndEncrypt"])
    accepted = await trust(str(config), "plc", "--accept", document["fingerprint"].upper())
    assert accepted.exit_code == 0, accepted.stderr
    assert (await trust(str(config), "--json")).exit_code == 0
    state = config.parent / "state"
    assert document["own_fingerprint"] == fingerprint((state / "opcua" / "own" / "gateway.der").read_bytes())
    built = driver(plc.port, points(["force"]), around=Surroundings(state), security={"policy": "Basic256Sha256"})
    async with taking(built) as taker:
        await taker.until(lambda: taker.values() == [1.0])


async def test_another_fingerprint_accepts_nothing(config: Path) -> None:
    refused = await trust(str(config), "plc", "--accept", "sha256:" + "ab" * 32)
    assert "nothing was accepted" in refused.stderr
    assert not (config.parent / "state" / "opcua" / "trusted").exists()


async def test_yes_accepts_what_is_shown(config: Path, server: Identity) -> None:
    accepted = await trust(str(config), "--yes")
    assert accepted.exit_code == 0
    assert fingerprint(server.der) in accepted.stdout
    assert "NOT trusted" not in accepted.stdout


async def test_a_connection_without_security_has_nothing_to_trust(config: Path) -> None:
    assert "secured are: plc" in (await trust(str(config), "open")).stderr


async def test_a_server_that_is_away_is_named(config: Path, plc: Plc) -> None:
    await plc.stop()
    assert f"plc: opc.tcp://127.0.0.1:{plc.port}" in (await trust(str(config), "plc")).stderr

"""The driver against a server of another stack (node-opcua): what asyncua and its own server might agree on wrongly.

It needs node and what `npm ci` installs beside its script; without them these tests are left out, unless
TEZGAH_TEST_NOTHING_SKIPPED=1 says that everything must be there.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.drivers.opcua.access import Access
from edge.drivers.opcua.config import Browse, OpcUaConnection, OpcUaDevice
from edge.drivers.opcua.showing import shown
from edge.drivers.spec import Point, Surroundings
from edge.errors import DriverRefused
from edge.ports import Tense
from shared.reading import Quality
from tests.integration.edge.drivers.opcua.plc import Cable, Taker, driver, points, taking

HERE = Path(__file__).parent / "node"
NODE = shutil.which("node")
IS_THERE = NODE is not None and (HERE / "node_modules" / "node-opcua-server").is_dir()
SERVERS = ["node-opcua"] if IS_THERE or os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1" else []
POLICIES = ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"]
PATHS = [(policy, mode) for policy in POLICIES for mode in ("Sign", "SignAndEncrypt")]


@dataclass
class NodeServer:
    """A running server; `order` tells it something and waits until it is done."""

    port: int
    process: asyncio.subprocess.Process

    async def order(self, **what: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        async with asyncio.timeout(60):
            while not (await self.process.stdout.readline()).startswith(b"{"):
                pass

    async def put(self, name: str, value: object) -> None:
        await self.order(set=name, value=value)


async def started(state: Path, port: int = 0) -> NodeServer:
    assert IS_THERE, f"node, or what `npm ci` installs in {HERE}, is missing"
    process = await asyncio.create_subprocess_exec(
        str(NODE),
        str(HERE / "server.js"),
        str(state),
        str(port),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while not (line := await process.stdout.readline()).startswith(b'{"port"'):
            assert line, "the server ended at its start"
    return NodeServer(json.loads(line)["port"], process)


async def ended(server: NodeServer) -> None:
    with contextlib.suppress(ProcessLookupError):
        server.process.kill()
    await server.process.wait()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its key, which takes seconds to make."""
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest, pki: Path) -> AsyncIterator[NodeServer]:
    server = await started(pki)
    yield server
    await ended(server)


def nodes(*names: str, **options: object) -> list[Point]:
    return points([f"ns=1;s=Press.{name}" for name in names], **options)  # type: ignore[arg-type]


def good(taker: Taker, point: int = 0) -> list[object]:
    return [
        value
        for sample in taker.samples
        if sample.tense is not Tense.AGAIN
        for tag, value, quality in zip(
            sample.readings.tag.tolist(), sample.readings.value.tolist(), sample.readings.quality.tolist(), strict=True
        )
        if tag == point and quality == Quality.GOOD
    ]


async def test_values_come_over_every_policy_and_mode_once_the_server_is_trusted(
    server: NodeServer, state: Path
) -> None:
    for policy, mode in PATHS:
        security = {"policy": policy, "mode": mode}
        connection = {"opcua": f"opc.tcp://127.0.0.1:{server.port}", "security": security}
        options = OpcUaConnection.model_validate(connection)
        built = driver(server.port, nodes("force"), around=Surroundings(state), security=security, timeout="5s")
        if not Access("plc", options, state, SystemClock()).trust.pins and (policy, mode) == PATHS[0]:
            with pytest.raises(DriverRefused, match="--accept sha256:"):
                await built.open()
            (await shown("plc", options, state, SystemClock())).accept()
        async with taking(built) as taker:
            await taker.until(lambda taker=taker: good(taker) == [0.0])  # type: ignore[misc]


async def test_a_user_is_let_in_with_the_right_password_only(server: NodeServer, state: Path) -> None:
    for mode in ("Sign", "SignAndEncrypt"):
        security = {"policy": "Basic256Sha256", "mode": mode}
        connection = {"opcua": f"opc.tcp://127.0.0.1:{server.port}", "security": security}
        (await shown("plc", OpcUaConnection.model_validate(connection), state, SystemClock())).accept()
        for password in ("s3cret", "guess"):
            user = {"name": "mes", "password": password}
            around = Surroundings(state)
            built = driver(server.port, nodes("force"), around=around, security=security, user=user, timeout="5s")
            if password == "guess":
                with pytest.raises(DriverRefused):
                    await built.open()
            else:
                async with taking(built) as taker:
                    await taker.until(taker.rows)


async def test_elements_words_and_wildcards(server: NodeServer) -> None:
    device = OpcUaDevice(name="press", on="plc")
    browse = Browse.model_validate({"path": "Objects/Press/*", "prefix": "p_"})
    around = Surroundings(families=[Point("press", "p_", 0.05, device, browse)])
    plan = [*nodes("zones", index=1), *nodes("mode"), *nodes("name"), *nodes("absent"), *nodes("count", mode="read")]
    async with taking(driver(server.port, plan, around=around, timeout="5s")) as taker:
        await taker.until(lambda: len({row[0] for row in taker.rows()}) >= 10)
    first = {row[0]: row for row in reversed(taker.rows())}
    assert [first[at][2] for at in range(5)] == [2.5, "Setup", "first", "NaN", 0.0]
    found = [point.name for sample in taker.samples for point in sample.points]
    assert sorted(found) == ["p_count", "p_force", "p_kept", "p_mode", "p_name", "p_zones"]


async def test_a_cut_loses_nothing_and_doubles_nothing(server: NodeServer) -> None:
    async with Cable(server.port) as cable:
        built = driver(cable.port, nodes("force"), timeout="2s")
        async with taking(built) as before:
            await before.until(lambda: good(before) == [0.0])
            cable.hang()
            await server.put("force", 1.0)
            # sampled and sent, and received by nobody
            await asyncio.sleep(0.3)
            cable.cut()
            await before.until(lambda: before.error)
        cable.heal()
        for n in range(2, 20):
            await server.put("force", float(n))
            # a server samples; what is written between two samples nobody sees
            await asyncio.sleep(0.06)
        async with taking(built) as after:
            await after.until(lambda: 19.0 in good(after))
            await server.put("force", 20.0)
            await after.until(lambda: 20.0 in good(after))
    assert good(before) + good(after) == [float(n) for n in range(21)]
    assert [gap for sample in after.samples for gap in sample.gaps] == []


async def test_a_restart_with_other_sessions_is_survived_and_told(server: NodeServer, pki: Path) -> None:
    built = driver(server.port, nodes("force"), timeout="2s")
    async with taking(built) as before:
        await before.until(lambda: good(before) == [0.0])
        await ended(server)
        await before.until(lambda: before.error)
    again = await started(pki, server.port)
    try:
        await again.put("force", 7.0)
        async with taking(built) as after:
            await after.until(lambda: 7.0 in good(after))
        assert [gap.device for sample in after.samples for gap in sample.gaps] == ["press"]
    finally:
        await ended(again)


async def test_history_of_another_stack_fills_the_gap(server: NodeServer) -> None:
    async with Cable(server.port) as cable:
        built = driver(cable.port, nodes("kept", every_s=1.0), timeout="2s", backfill="history", survive_outage="1s")
        async with taking(built) as before:
            await before.until(lambda: good(before) == [0.0])
            await server.put("kept", 1.0)
            await before.until(lambda: good(before) == [0.0, 1.0])
            cable.cut()
            await before.until(lambda: before.error)
        for n in range(2, 8):
            await server.put("kept", float(n))
            await asyncio.sleep(0.002)
        await server.order(forget=True)
        async with taking(built) as after:
            await after.until(lambda: 7.0 in good(after))
    assert good(after)[-6:] == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert [gap for sample in after.samples for gap in sample.gaps] == []

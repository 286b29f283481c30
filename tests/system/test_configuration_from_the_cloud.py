"""A configuration that is set in the cloud: a real daemon fetches, judges and tries it, and starts with it offline."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.demo.stack import Stack
from tests.integration.edge.daemon import Daemon, daemon, eventually
from tests.integration.edge.drivers.modbus.counterpart import Counterpart
from tests.system.governed import Governed

GOOD = """\
templates:
  press: {protocol: modbus, tags: {count: {register: holding 0, type: uint32}}}
devices:
  - {name: press-a, use: press, on: line-a}
  - {name: press-b, use: press, on: line-a, machine: PRESS-01}
"""
# an address that the device does not have
WORSE = GOOD.replace("holding 0", "holding 100")
WRONG = GOOD.replace("on: line-a, machine", "on: line-z, machine").replace("type: uint32", "typ: uint32")


@pytest.fixture
async def line() -> AsyncIterator[Counterpart]:
    line = Counterpart(1)
    line.units[1].illegal = {(3, address) for address in range(100, 102)}
    await line.start()
    yield line
    await line.stop()


@pytest.fixture
async def gateway(stack: Stack, tmp_path: Path, line: Counterpart, request: pytest.FixtureRequest) -> Governed:
    gateway = Governed(stack, tmp_path, line, f"configured-{abs(hash(request.node.name)) % 10**9}")
    gateway.write(more=", configures: devices")
    assert (await gateway.enrol(await gateway.code()))[0] == 0
    return gateway


async def devices(running: Daemon) -> dict[str, int]:
    """Return how many tags of each device are good."""
    if not await running.runs():
        return {}
    connections = (await running.get()).json()["connections"]
    return {device["name"]: device["good"] for connection in connections for device in connection["devices"]}


async def outcome(gateway: Governed, version: int) -> str | None:
    """Return what the cloud knows of a version, None if nothing."""
    shown = await gateway.shown()
    return shown["configuration_outcome"] if shown["configuration_version"] == version else None


async def test_it_is_taken_up_by_the_running_daemon_and_every_start_begins_with_it(gateway: Governed) -> None:
    version = await gateway.configure(GOOD)
    async with daemon(gateway.config) as running:

        async def is_applied() -> bool:
            return await outcome(gateway, version) == "applied"

        await eventually(is_applied)
        assert await devices(running) == {"press-a": 1, "press-b": 1}
        assert (await running.get()).json()["configuration"] == version
        running.process.kill()
        await running.process.wait()
    # nobody listens there: the start has what was applied before, and what is read is kept
    text = gateway.config.read_text(encoding="utf-8")
    port = text.partition("127.0.0.1:")[2].partition('"')[0]
    gateway.config.write_text(text.replace(f"127.0.0.1:{port}", "127.0.0.1:9", 1), encoding="utf-8")
    async with daemon(gateway.config) as running:

        async def is_read() -> bool:
            return await devices(running) == {"press-a": 1, "press-b": 1}

        await eventually(is_read)
        health = (await running.get()).json()
        assert health["configuration"] == version
        assert health["sync"]["state"] == "down"
        assert (await running.stop())[0] == 0


async def test_one_that_is_wrong_or_makes_tags_bad_leaves_what_runs_and_the_cloud_knows_why(gateway: Governed) -> None:
    wrong = await gateway.configure(WRONG)
    async with daemon(gateway.config) as running:

        async def is_refused() -> bool:
            return await outcome(gateway, wrong) == "refused"

        await eventually(is_refused)
        assert await devices(running) == {"press-a": 1}
        detail = (await gateway.shown())["configuration_detail"]
        assert "line 2: templates.press.tags.count.typ" in detail
        assert "line 5: devices[1].on" in detail
        assert (await running.stop())[0] == 0
    gateway.write(more=", configures: devices", rollback_after="2s")
    worse = await gateway.configure(WORSE)
    async with daemon(gateway.config) as running:

        async def is_rolled_back() -> bool:
            return await outcome(gateway, worse) == "rolled_back"

        await eventually(is_rolled_back)

        async def is_as_before() -> bool:
            return await devices(running) == {"press-a": 1}

        await eventually(is_as_before)
        assert "press-a.count" in (await gateway.shown())["configuration_detail"]
        (problem,) = (await running.get()).json()["problems"]
        assert problem.startswith(f"configuration {worse} of the cloud's was rolled back, and its own file alone runs")
        assert (await running.stop())[0] == 0

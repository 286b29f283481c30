"""A gateway killed in full flow loses no message; one that acknowledged before the commit would."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.integration.edge.drivers.mqtt import gateway as gateway_module
from tests.integration.edge.drivers.mqtt.counterpart import PATIENCE_S, SETTINGS, Broker, Setting, driver, make, publish

ROOT = Path(__file__).parents[5]
T0_MS = 1_795_176_000_000
KILLS = 3
# the value of the last message
END = 1_000_000


@pytest.fixture(params=SETTINGS, ids=str)
def setting(request: pytest.FixtureRequest) -> Setting:
    return request.param


@pytest.fixture
async def broker(setting: Setting, tmp_path: Path) -> AsyncIterator[Broker]:
    made = make(setting, tmp_path)
    await made.start()
    yield made
    await made.stop()


class Flow:
    """Publishes a message a millisecond until it is stopped, then waits until the broker has them all."""

    def __init__(self, port: int) -> None:
        self.published = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        self._client.loop_start()
        while not self._stopped.is_set():
            n = self.published
            info = self._client.publish("plant/scales", json.dumps({"w": n, "t": T0_MS + n}), 1)
            self.published += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 0.001)
        await asyncio.to_thread(info.wait_for_publish, PATIENCE_S)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def stop(self) -> None:
        self._stopped.set()


def committed(file: Path) -> list[tuple[int, int]]:
    """Return time and value of every whole line that is on disk."""
    lines = file.read_bytes().decode().split("\n")[:-1] if file.exists() else []
    return [(int(ts), int(value)) for ts, value in (line.split() for line in lines)]


@contextlib.asynccontextmanager
async def a_gateway(port: int, version: int, file: Path, acknowledges_at: str) -> AsyncIterator[None]:
    """Run a gateway for as long as the block takes, and then kill it."""
    path = os.pathsep.join((str(ROOT), *filter(None, (os.environ.get("PYTHONPATH"),))))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        gateway_module.__file__,
        *(str(port), str(version), str(file), acknowledges_at),
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def live_and_die(broker: Broker, setting: Setting, file: Path, acknowledges_at: str) -> int:
    """Let gateways be killed in full flow, and a last one take what is left; return how many messages there were."""
    first = driver(broker.port, gateway_module.SCALES, version=setting.version)
    await first.open()
    await first.close()
    flow = Flow(broker.port)
    async with asyncio.TaskGroup() as group:
        flowing = group.create_task(flow.run())
        for _ in range(KILLS):
            async with a_gateway(broker.port, setting.version, file, acknowledges_at):
                enough = len(committed(file)) + 100
                await eventually(lambda enough=enough: len(committed(file)) >= enough)
        async with a_gateway(broker.port, setting.version, file, acknowledges_at):
            flow.stop()
            await flowing
            await publish(broker.port, ("plant/scales", json.dumps({"w": END, "t": T0_MS + END})))
            # it comes behind all others
            await eventually(lambda: any(value == END for _, value in committed(file)))
    return flow.published


async def eventually(condition: Callable[[], bool]) -> None:
    """Look again and again until the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a file signals nothing
            await asyncio.sleep(0.01)


async def test_a_gateway_that_is_killed_again_and_again_loses_nothing(
    broker: Broker, setting: Setting, tmp_path: Path
) -> None:
    published = await live_and_die(broker, setting, tmp_path / "disk", "commit")
    rows = committed(tmp_path / "disk")
    assert {value for _, value in rows} == {*range(published), END}
    assert all(ts == (T0_MS + value) * 1000 for ts, value in rows), "what came twice is known by its time"


@pytest.mark.parametrize("setting", SETTINGS[:1], ids=str)
async def test_negative_control_acknowledging_before_the_commit_loses_messages(
    broker: Broker, setting: Setting, tmp_path: Path
) -> None:
    published = await live_and_die(broker, setting, tmp_path / "disk", "take")
    assert not {value for _, value in committed(tmp_path / "disk")} >= set(range(published))

"""The MQTT driver on other event loops: uvloop, and one that cannot watch sockets, as Windows' proactor."""

import asyncio
import importlib
import importlib.util
import json
from collections.abc import Callable

import pytest

from tests.integration.edge.drivers.mqtt.counterpart import PATIENCE_S, Amqtt, driver, news, points, publish

SCALES = points("scales", "plant/scales", {"w": "$.w"})


class LoopThatCannotWatch(asyncio.SelectorEventLoop):
    """Windows' proactor loop, as far as it matters here."""

    def add_reader(self, *_: object) -> None:
        raise NotImplementedError

    add_writer = add_reader


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"cannot-watch": LoopThatCannotWatch}
if importlib.util.find_spec("uvloop"):  # there is none for Windows
    LOOPS["uvloop"] = importlib.import_module("uvloop").new_event_loop


@pytest.mark.parametrize("loop", LOOPS)
def test_a_session_runs_breaks_and_resumes(loop: str) -> None:
    async def walk() -> None:
        broker = Amqtt()
        await broker.start()
        gateway = driver(broker.port, SCALES)
        seen: list[float] = []
        for first in (0, 50):
            await gateway.open()
            messages = [("plant/scales", json.dumps({"w": n})) for n in range(first, first + 50)]
            await publish(broker.port, *messages)
            async with asyncio.timeout(PATIENCE_S):
                async for sample in news(gateway):
                    seen += sample.readings.value.tolist()
                    gateway.acknowledge([sample.receipt])
                    if len(seen) == first + 50:
                        gateway.finish() if first else None
                        break
            await gateway.close()
        await broker.stop()
        assert seen == list(range(100))

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(walk())

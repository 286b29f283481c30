"""The plant on MQTT: what its ledger says was said is what a subscriber got, with broken lines in between too."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import MqttBroker
from simulators.faults import Fault
from simulators.ledger import Ledger, entries
from simulators.machine import Protocol
from simulators.mqtt import MqttPlant
from simulators.plant import plant, speaking
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.mqtt.counterpart import Line

PATIENCE_S = 60.0
MACHINES = 3


class Subscriber:
    """Takes everything under plant/."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="subscriber", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe("plant/#", 1)
        self._client.on_message = lambda _client, _data, message: self.messages.append((message.topic, message.payload))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    async def until(self, count: int) -> None:
        """Wait for so many different messages."""
        async with asyncio.timeout(PATIENCE_S):
            while len(set(self.messages)) < count:  # noqa: ASYNC110 - paho's thread signals nothing
                await asyncio.sleep(0.01)

    def said(self) -> list[tuple[object, ...]]:
        """Return device, tag, time and value of all that came."""
        rows: list[tuple[object, ...]] = []
        for topic, payload in self.messages:
            document = json.loads(payload)
            ts_us = document.pop("t") * 1000
            rows += [(topic.split("/")[1], tag, ts_us, float(value)) for tag, value in document.items()]
        return rows


def written(ledger: Path) -> list[tuple[object, ...]]:
    return [entry[:4] for entry in entries(ledger)]


@pytest.fixture
async def broker() -> AsyncIterator[MqttBroker]:
    made = MqttBroker()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def subscriber(broker: MqttBroker) -> AsyncIterator[Subscriber]:
    made = await asyncio.to_thread(Subscriber, broker.port)
    await asyncio.wait_for(broker.subscribed("plant/x/data"), PATIENCE_S)
    yield made
    await asyncio.to_thread(made.stop)


async def test_the_ledger_holds_exactly_what_subscribers_get(
    broker: MqttBroker, subscriber: Subscriber, tmp_path: Path
) -> None:
    machines = speaking(plant(MACHINES), Protocol.MQTT)
    with Ledger(tmp_path / "ledger.csv") as ledger:
        served = MqttPlant(machines, ledger, port=broker.port, period_s=0.01)
        await served.start()
        assert not subscriber.messages, "nothing is said before it begins"
        served.begin()
        await subscriber.until(10 * MACHINES)
        await served.quiet()
        said = ledger.count() // len(machines[0].signals)
        await subscriber.until(said)
        await served.stop()
    assert len(subscriber.messages) == said
    assert sorted(written(tmp_path / "ledger.csv")) == sorted(subscriber.said())


async def test_a_broken_line_neither_loses_nor_doubles_what_the_ledger_says(
    broker: MqttBroker, subscriber: Subscriber, tmp_path: Path
) -> None:
    machines = speaking(plant(MACHINES), Protocol.MQTT)
    async with Line(broker.port) as line:
        with Ledger(tmp_path / "ledger.csv") as ledger:
            served = MqttPlant(machines, ledger, port=line.port, period_s=0.005)
            await served.start()
            served.begin()
            await subscriber.until(10 * MACHINES)
            line.cut()
            await subscriber.until(len(subscriber.messages) + 100 * MACHINES)
            await served.quiet()
            await subscriber.until(ledger.count() // len(machines[0].signals))
            await served.stop()
    entered = written(tmp_path / "ledger.csv")
    assert len(entered) == len(set(entered))
    # what the broker had, but could not acknowledge any more, came twice: with the same time, so it is known again
    assert set(entered) == set(subscriber.said())


async def test_no_machine_says_two_things_at_one_time(
    broker: MqttBroker, subscriber: Subscriber, tmp_path: Path
) -> None:
    with Ledger(tmp_path / "ledger.csv") as ledger:
        served = MqttPlant(speaking(plant(1), Protocol.MQTT), ledger, port=broker.port, period_s=0.0001)
        await served.start()
        served.begin()
        await subscriber.until(50)
        await served.quiet()
        await served.stop()
    times = [entry.ts_us for entry in entries(tmp_path / "ledger.csv") if entry.tag == "state"]
    assert times == sorted(set(times))


async def test_without_a_broker_it_does_not_start(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.csv") as ledger:
        served = MqttPlant([], ledger, port=free_port())
        with pytest.raises(OSError, match=r"refused|10061"):
            await served.start()
        await served.stop()


@pytest.mark.parametrize(
    ("fault", "device", "is_so"),
    [
        (Fault.NAN, "packer-01", lambda payload: b"NaN" in payload),
        (Fault.MALFORMED, "packer-01", lambda payload: not payload.endswith(b"}")),
        (Fault.WRONG_TYPE, None, lambda payload: b'{"value"' in payload),
    ],
)
async def test_a_spoiled_message_is_said_and_not_entered(
    broker: MqttBroker,
    subscriber: Subscriber,
    tmp_path: Path,
    fault: Fault,
    device: str | None,
    is_so: Callable[[bytes], bool],
) -> None:
    with Ledger(tmp_path / "ledger.csv") as ledger:
        served = MqttPlant(speaking(plant(2), Protocol.MQTT), ledger, port=broker.port, period_s=0.01)
        await served.start()
        await served.begin_fault(fault, device)
        served.begin()
        await subscriber.until(10)
        await served.end_fault(fault, device)
        await subscriber.until(len(subscriber.messages) + 10)
        await served.quiet()
        await subscriber.until(ledger.count() // 17)
        await served.stop()
    spoilt = {topic for topic, payload in subscriber.messages if is_so(payload)}
    assert spoilt == {f"plant/{name}/data" for name in ([device] if device else ["packer-01", "packer-02"])}
    assert not any(is_so(payload) for _, payload in subscriber.messages[-2:])
    subscriber.messages = [message for message in subscriber.messages if not is_so(message[1])]
    assert sorted(written(tmp_path / "ledger.csv")) == sorted(subscriber.said())


@pytest.mark.parametrize("fault", [Fault.FLAP, Fault.STORM, Fault.DUPLICATE])
async def test_what_comes_more_than_once_is_entered_once(
    broker: MqttBroker, subscriber: Subscriber, tmp_path: Path, fault: Fault
) -> None:
    with Ledger(tmp_path / "ledger.csv") as ledger:
        served = MqttPlant(speaking(plant(1), Protocol.MQTT), ledger, port=broker.port, period_s=0.05)
        await served.start()
        await served.begin_fault(fault, None)
        served.begin()
        await subscriber.until(3)
        await served.end_fault(fault, None)
        await subscriber.until(len(set(subscriber.messages)) + 2)
        await served.quiet()
        await subscriber.until(ledger.count() // 17)
        await served.stop()
    entered = written(tmp_path / "ledger.csv")
    assert len(entered) == len(set(entered))
    assert set(entered) == set(subscriber.said())
    if fault is not Fault.FLAP:
        assert len(subscriber.messages) > len(set(subscriber.messages))


async def test_a_fault_of_nobody_or_of_the_line_for_one_machine_is_refused() -> None:
    served = MqttPlant(speaking(plant(1), Protocol.MQTT), Ledger(Path(os.devnull)))
    with pytest.raises(ValueError, match="there are packer-01"):
        await served.begin_fault(Fault.NAN, "press-01")
    with pytest.raises(ValueError, match="leave `device` out"):
        await served.begin_fault(Fault.FLAP, "packer-01")

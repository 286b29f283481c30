"""The simulators as one service: a ledger, a broker and three plants, begun, quieted and stopped together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simulators.broker import MqttBroker
from simulators.cable import Cable
from simulators.errors import SimulationError
from simulators.faults import FaultDesk
from simulators.ledger import Ledger
from simulators.machine import Protocol
from simulators.modbus import ModbusPlant
from simulators.mqtt import MqttPlant
from simulators.opcua import OpcUaPlant
from simulators.plant import fillers, plant, speaking
from simulators.sparkplug_plant import SparkplugPlant


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the simulators serve; 0 asks for a free port.

    Attributes:
        host, opcua, modbus, mqtt: Address and ports.
        broker: Host and port of one to use instead of our own.
        control: Port on loopback where faults are ordered; None for none.
        has_sparkplug: Whether there is a Sparkplug edge node on the broker too, with devices of its own.
        has_line: Whether the Modbus machines also stand on a serial line, a pair of pseudo-terminals.
    """

    host: str = "127.0.0.1"
    opcua: int = 0
    modbus: int = 0
    mqtt: int = 0
    broker: tuple[str, int] | None = None
    control: int | None = None
    has_line: bool = False
    has_sparkplug: bool = False


class Simulators:
    """Everything that is simulated, serving. Its counts are those of its ledger."""

    def __init__(
        self,
        opcua: OpcUaPlant,
        modbus: ModbusPlant,
        mqtt: MqttPlant,
        sparkplug: SparkplugPlant | None,
        ledger: Ledger,
        desk: FaultDesk,
    ) -> None:
        self._opcua = opcua
        self._modbus = modbus
        self._mqtt = mqtt
        self._sparkplug = sparkplug
        self._ledger = ledger
        self._desk = desk

    @classmethod
    @contextlib.asynccontextmanager
    async def serving(
        cls, ledger: Path, addresses: Addresses, *, machines_of_each: int, period_s: float, seed: int
    ) -> AsyncIterator[Self]:
        """Serve until the block ends; values stand still until `begin`.

        Args:
            ledger: File of all that is said.
            addresses: Host and ports.
            machines_of_each: Machines a protocol.
            period_s: Seconds between two values of a signal on OPC UA and MQTT; Modbus is asked.
            seed: Makes the plant's behaviour repeatable.

        Raises:
            SimulationError: The ledger cannot be written, a port is taken, or the given broker does not answer.
        """
        machines = plant(machines_of_each, seed=seed)
        host = addresses.host
        async with contextlib.AsyncExitStack() as stack:
            with _said(f"the ledger {ledger} cannot be written", "name another with --ledger"):
                book = stack.enter_context(Ledger(ledger))
            broker = addresses.broker or await _serve_broker(stack, host, addresses.mqtt)
            opcua = OpcUaPlant(
                speaking(machines, Protocol.OPCUA), book, host=host, port=addresses.opcua, period_s=period_s
            )
            cable = Cable() if addresses.has_line else None
            if cable is not None:
                stack.callback(cable.close)
            modbus = ModbusPlant(
                speaking(machines, Protocol.MODBUS), book, host=host, port=addresses.modbus, cable=cable
            )
            packers = speaking(machines, Protocol.MQTT)
            mqtt = MqttPlant(packers, book, host=broker[0], port=broker[1], period_s=period_s)
            for served, trouble, mend in (
                (opcua, f"cannot serve OPC UA on {host}:{addresses.opcua}", "name another port with --opcua-port"),
                (modbus, f"cannot serve Modbus on {host}:{addresses.modbus}", "name another port with --modbus-port"),
                (mqtt, f"no broker answers at {broker[0]}:{broker[1]}", "start it, or name another with --broker"),
            ):
                with _said(trouble, mend):
                    await served.start()
                stack.push_async_callback(served.stop)
            sparkplug = None
            if addresses.has_sparkplug:
                devices = fillers(machines_of_each, seed=seed)
                sparkplug = SparkplugPlant(devices, book, host=broker[0], port=broker[1], period_s=period_s)
                with _said(f"no broker answers at {broker[0]}:{broker[1]}", "start it, or name another with --broker"):
                    await sparkplug.start()
                stack.push_async_callback(sparkplug.stop)
            # a simulator that faults can be ordered of stands here under its protocol
            others = {"sparkplug": sparkplug} if sparkplug else {}
            desk = FaultDesk({"opcua": opcua, "modbus": modbus, "mqtt": mqtt, **others})
            if addresses.control is not None:
                with _said(f"no orders can be taken on port {addresses.control}", "name another with --control-port"):
                    await desk.start(addresses.control)
                stack.push_async_callback(desk.stop)
            yield cls(opcua, modbus, mqtt, sparkplug, book, desk)

    @property
    def ports(self) -> dict[str, int]:
        """The ports in use, by protocol; `control` too, if faults can be ordered."""
        ports = {"opcua": self._opcua.port, "modbus": self._modbus.port, "mqtt": self._mqtt.port}
        return ports | ({"control": self._desk.port} if self._desk.port else {})

    @property
    def serial_port(self) -> str | None:
        """Where the serial line of the Modbus machines is opened; None if there is none."""
        return self._modbus.serial_port

    def begin(self) -> None:
        """Let values move and messages go out from now on."""
        for served in (self._opcua, self._modbus, self._mqtt):
            served.begin()
        if self._sparkplug is not None:
            self._sparkplug.begin()

    async def quiet(self) -> None:
        """Let nothing new be said; questions are still answered, and what was said is with the broker."""
        await asyncio.sleep(0)
        self._opcua.quiet()
        self._modbus.quiet()
        if self._sparkplug is not None:
            self._sparkplug.quiet()
        await self._mqtt.quiet()

    def emitted(self) -> int:
        """Return how many readings were said so far, all of them in the ledger's file."""
        self._ledger.flush()
        return self._ledger.count()


async def _serve_broker(stack: contextlib.AsyncExitStack, host: str, port: int) -> tuple[str, int]:
    """Serve a broker until the stack unwinds; return where."""
    own = MqttBroker(host, port)
    with _said(f"cannot serve MQTT on {host}:{port}", "name another port with --mqtt-port"):
        await own.start()
    stack.push_async_callback(own.stop)
    return host, own.port


@contextlib.contextmanager
def _said(trouble: str, mend: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # asyncio says the address first, which stands in the message already
        reason = (error.strerror or str(error)).rpartition(": ")[2]
        raise SimulationError(f"{trouble} ({reason}); {mend}") from error

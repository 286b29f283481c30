"""The simulated plant spoken as MQTT: a message a machine and period, entered in the ledger when the broker has it.

A message counts as said once the broker has acknowledged it (QoS 1); until then paho sends it again, over a
new connection if need be, so nothing is entered that a broker with a subscriber could have missed. A message that a
fault has spoiled is said, but not entered; what comes twice bears the same time, and is entered once.
"""

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import Sequence

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from simulators.faults import Fault
from simulators.ledger import Ledger
from simulators.machine import Kind, Machine
from simulators.mqtt_faults import is_truthful, messages

# unacknowledged messages; while a broker that is away leaves that many, machines say nothing new
_IN_FLIGHT = 10_000
_CONNECT_S = 5.0
_QUIET_S = 30.0


def topic(machine: Machine) -> str:
    """Return the topic on which a machine's messages come."""
    return f"plant/{machine.device}/data"


class MqttPlant:
    """Publishes machines on a broker; `begin` lets messages go out, `quiet` ends that. `port` is the broker's."""

    faults = frozenset(
        {
            Fault.STALL,
            Fault.FLAP,
            Fault.WRONG_TYPE,
            Fault.NAN,
            Fault.MALFORMED,
            Fault.CLOCK_RESET,
            Fault.DUPLICATE,
            Fault.STORM,
        }
    )

    def __init__(
        self,
        machines: Sequence[Machine],
        ledger: Ledger,
        *,
        host: str = "127.0.0.1",
        port: int = 1883,
        period_s: float = 1.0,
    ) -> None:
        """Prepare a publisher.

        Args:
            machines: What to publish.
            ledger: Where every value that the broker took is entered.
            host: The broker's address.
            port: The broker's port.
            period_s: Seconds between two messages of a machine.
        """
        self.port = port
        self._host = host
        self._machines = machines
        self._ledger = ledger
        self._period_s = period_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: paho.Client | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._last_ms = 0
        self._holding: set[tuple[Fault, str | None]] = set()
        # by packet identifier: what will have been said once the broker acknowledges it
        self._flying: dict[int, tuple[Machine, int, list[float]]] = {}
        self._landed = asyncio.Event()
        self._landed.set()

    async def start(self) -> None:
        """Connect to the broker; reconnects by itself from then on.

        Raises:
            OSError: Nobody answers there.
        """
        self._loop = loop = asyncio.get_running_loop()
        greeted = asyncio.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"tezgah-simulators-{uuid.uuid4().hex[:8]}")
        client.connect_timeout = _CONNECT_S
        client.reconnect_delay_set(1, 2)

        # both are called on paho's thread
        def on_connect(*_: object) -> None:
            loop.call_soon_threadsafe(greeted.set)

        def on_publish(_client: paho.Client, _data: object, mid: int, *_: object) -> None:
            loop.call_soon_threadsafe(self._say, mid)

        client.on_connect = on_connect
        client.on_publish = on_publish
        await asyncio.to_thread(client.connect, self._host, self.port)
        client.loop_start()
        self._client = client
        async with asyncio.timeout(_CONNECT_S):
            await greeted.wait()

    def begin(self) -> None:
        """Let messages go out, a period apart, beginning now."""
        assert self._loop is not None, "start it first"  # noqa: S101
        if self._tick is None:
            self._publish(self._loop.time())

    async def quiet(self) -> None:
        """Let nothing more go out, and wait until the broker has, and the ledger shows, all that went out.

        Raises:
            TimeoutError: The broker does not acknowledge.
        """
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        async with asyncio.timeout(_QUIET_S):
            await self._landed.wait()

    async def stop(self) -> None:
        """Disconnect; harmless if not started."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    async def begin_fault(self, fault: Fault, device: str | None) -> None:
        """Let a fault hold, from the next message on.

        Raises:
            ValueError: There is no such device, or the fault cuts the connection, which all share.
        """
        devices = [machine.device for machine in self._machines]
        if device is not None and device not in devices:
            raise ValueError(f"there is no device {device!r}; there are {', '.join(devices)}")
        if device is not None and fault is Fault.FLAP:
            raise ValueError("all machines share a connection; leave `device` out")
        self._holding.add((fault, device))

    async def end_fault(self, fault: Fault, device: str | None) -> None:
        """Be as before, from the next message on."""
        self._holding.discard((fault, device))

    def _held(self, machine: Machine) -> set[Fault]:
        return {fault for fault, device in self._holding if device in (None, machine.device)}

    def _cut(self, client: paho.Client) -> None:
        """Break the connection as a network would; paho connects again by itself."""
        sock = client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _publish(self, due: float) -> None:
        """Send a message of every machine, again a period after `due`; what took too long is not made up for."""
        assert self._loop is not None  # noqa: S101
        assert self._client is not None  # noqa: S101
        # two messages of one machine never bear the same time, even when the clock is set back
        self._last_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
        if (Fault.FLAP, None) in self._holding:
            self._cut(self._client)
        for machine in self._machines:
            if len(self._flying) < _IN_FLIGHT:
                self._send(self._client, machine)
        due = max(due + self._period_s, self._loop.time())
        self._tick = self._loop.call_at(due, self._publish, due)

    def _send(self, client: paho.Client, machine: Machine) -> None:
        machine.advance(self._last_ms * 1000)
        values = machine.values()
        shown = {
            signal.name: value if signal.kind is Kind.FLOAT else int(value)
            for signal, value in zip(machine.signals, values, strict=True)
        }
        faults = self._held(machine)
        entered = values if is_truthful(faults) else []
        for payload, qos in messages(self._last_ms, shown, faults):
            info = client.publish(topic(machine), payload, qos=qos)
            if qos and info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                self._flying[info.mid] = (machine, self._last_ms * 1000, entered)
                self._landed.clear()
                # a second one bears the same time: it is the same reading
                entered = []

    def _say(self, mid: int) -> None:
        said = self._flying.pop(mid, None)
        if said is None:  # of QoS 0, which nobody acknowledges
            return
        machine, ts_us, values = said
        # a spoiled message has no values to be entered
        for signal, value in zip(machine.signals, values, strict=False):
            self._ledger.record(machine.device, signal.name, ts_us, value)
        if not self._flying:
            self._landed.set()

"""The simulated plant spoken as OPC UA: one server, a node a signal, and a value written whenever it changes.

The server is asyncua's. It puts every write into the queue of every item that watches the node, and drops the oldest
of a full queue without saying so (it sets no overflow bit): a client that wants all of them must ask for queues that
hold what is written between two of its publish requests, at least.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.history import HistoryDict
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.faults import Fault
from simulators.ledger import Ledger
from simulators.machine import Machine
from simulators.opcua_nodes import SPOILING, Node, spoilt
from simulators.opcua_server import ANOTHER_NAMESPACE, NAMESPACE, Identity, make, new_identity

_EPOCH = ua.DateTime(1970, 1, 1, tzinfo=UTC)
_OF_THE_LINE = {Fault.STALL, Fault.FLAP, Fault.RESTART}
# what begins and ends with the server starting anew
_OF_THE_SERVER = {Fault.NAMESPACE_CHANGE, Fault.CERTIFICATE_CHANGE}


class OpcUaPlant:
    """Serves machines; `begin` lets their values move, `quiet` lets them stand. `port` is bound after `start`.

    Each node keeps a short history. A value that a fault has spoiled is said, but not entered in the ledger. A server
    that comes back with other indexes or another certificate has kept nothing, and says every value anew.
    """

    faults = frozenset(_OF_THE_LINE | _OF_THE_SERVER | SPOILING)

    def __init__(
        self,
        machines: Sequence[Machine],
        ledger: Ledger,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        period_s: float = 1.0,
    ) -> None:
        """Prepare a server.

        Args:
            machines: What to serve.
            ledger: Where every value written is entered.
            host: Address to listen on.
            port: 0 asks for a free one.
            period_s: Seconds between two values of a signal.
        """
        self.port = port
        self._host = host
        self._machines = machines
        self._ledger = ledger
        self._period_s = period_s
        self._moving = asyncio.Event()
        self._server: Server | None = None
        self._mover: asyncio.Task[None] | None = None
        self._nodes: list[list[Node]] = []
        self._holding: set[tuple[Fault, str | None]] = set()
        self._history = HistoryDict()
        self._identity: Identity | None = None
        self._shown: Identity | None = None
        # nothing is written while the server is exchanged
        self._exchange = asyncio.Lock()

    async def start(self) -> None:
        """Serve, each signal with its first value.

        Raises:
            OSError: The port is taken.
        """
        await self._serve()
        # lives from start to stop, which no block of a TaskGroup spans
        self._mover = asyncio.create_task(self._move(), name="opcua-plant")

    @property
    def certificate(self) -> bytes:
        """The certificate that it shows at present, DER; empty before `start`."""
        return self._shown.certificate.public_bytes(Encoding.DER) if self._shown is not None else b""

    def begin(self) -> None:
        """Let values move."""
        self._moving.set()

    def quiet(self) -> None:
        """Let values stand; the server still answers."""
        self._moving.clear()

    async def stop(self) -> None:
        """Close every session and the port; harmless if not started."""
        mover, self._mover = self._mover, None
        if mover is not None:
            mover.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await mover
        await self._vanish()

    async def begin_fault(self, fault: Fault, device: str | None) -> None:
        """Let a fault hold; those of the line concern every device.

        Raises:
            ValueError: There is no such device, or the fault cannot concern one alone.
        """
        devices = [machine.device for machine in self._machines]
        if device is not None and device not in devices:
            raise ValueError(f"there is no device {device!r}; there are {', '.join(devices)}")
        if device is not None and fault in _OF_THE_LINE | _OF_THE_SERVER:
            raise ValueError(f"{fault.value} concerns the whole server; leave `device` out")
        self._holding.add((fault, device))
        if fault in _OF_THE_SERVER:
            await self._start_anew()
        self._say_all_anew()
        await self._disturb()

    async def end_fault(self, fault: Fault, device: str | None) -> None:
        """Be as before; the next values are sound again."""
        self._holding.discard((fault, device))
        if fault in _OF_THE_SERVER:
            await self._start_anew()
        for client in self._clients():
            client.transport.resume_reading()
        self._say_all_anew()

    async def _serve(self) -> None:
        """Serve as what holds now wants it, each signal with its present value."""
        held = {fault for fault, _ in self._holding}
        if self._identity is None:
            self._identity = new_identity()
        self._shown = new_identity() if Fault.CERTIFICATE_CHANGE in held else self._identity
        namespaces = [*([ANOTHER_NAMESPACE] if Fault.NAMESPACE_CHANGE in held else []), NAMESPACE]
        self._history = HistoryDict()
        url = f"opc.tcp://{self._host}:{self.port}"
        server, self._nodes = await make(url, self._machines, self._shown, namespaces, self._history)
        for machine, nodes in zip(self._machines, self._nodes, strict=True):
            await self._write(server.iserver.aspace, machine, nodes)
        await server.start()
        self._server = server
        if server.bserver is not None:
            self.port = server.bserver.port

    async def _vanish(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def _start_anew(self) -> None:
        """Exchange the server, if there is one, for one that has kept nothing."""
        async with self._exchange:
            if self._server is not None:
                await self._vanish()
                await self._serve()

    def _say_all_anew(self) -> None:
        for nodes in self._nodes:
            for node in nodes:
                node.forget()

    def _clients(self) -> list[Any]:
        binary = self._server.bserver if self._server is not None else None
        return [client for client in binary.clients if client.transport is not None] if binary is not None else []

    async def _disturb(self) -> None:
        """Do to the connections what holds now; a restart is done once, the others as long as they hold."""
        held = {fault for fault, _ in self._holding}
        if Fault.RESTART in held and self._server is not None:
            for session in list(self._server.iserver._external_sessions.values()):  # noqa: SLF001 - it has no other name
                await session.close_session(True)
            self._holding.discard((Fault.RESTART, None))
        for client in self._clients():
            if held & {Fault.RESTART, Fault.FLAP}:
                client.transport.abort()
            elif Fault.STALL in held:
                client.transport.pause_reading()

    async def _move(self) -> None:
        """Write every signal once a period, on time; a period that took too long is not made up for."""
        due = time.monotonic()
        while True:
            await self._moving.wait()
            due = max(due + self._period_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            if self._holding:
                await self._disturb()
            for machine, nodes in zip(self._machines, self._nodes, strict=True):
                async with self._exchange:
                    if self._moving.is_set() and self._server is not None and nodes in self._nodes:
                        await self._write(self._server.iserver.aspace, machine, nodes)
                # let requests in between: a large plant takes long
                await asyncio.sleep(0)

    async def _write(self, space: AddressSpace, machine: Machine, nodes: Sequence[Node]) -> None:
        """Move one machine to now, write what changed, and enter it."""
        now_us = time.time_ns() // 1000
        source_time = _EPOCH + timedelta(microseconds=now_us)
        machine.advance(now_us)
        for node, value in zip(nodes, machine.values(), strict=True):
            written = node.changed(value, source_time)
            if written is None:
                continue
            spoiling = {fault for fault, device in self._holding if device in (None, machine.device)} & SPOILING
            if spoiling:
                written = spoilt(written, spoiling)
            is_odd = Fault.WRONG_TYPE in spoiling
            if is_odd or node.is_odd:
                # asyncua takes no value of another type than stands there, unless nothing does: this takes it away
                space.set_attribute_value_callback(node.id, AttributeIds.Value, lambda *_: ua.DataValue())
            node.is_odd = is_odd
            (await space.write_attribute_value(node.id, AttributeIds.Value, written)).check()
            if not spoiling:
                self._ledger.record(machine.device, node.name, now_us, value)
            await self._history.save_node_value(node.id, written)

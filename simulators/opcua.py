"""The simulated plant spoken as OPC UA: one server, a node a signal, and a value written whenever it changes.

The server is asyncua's. It puts every write into the queue of every item that watches the node, and drops the oldest
of a full queue without saying so (it sets no overflow bit): a client that wants all of them must ask for queues that
hold what is written between two of its publish requests, at least.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Collection, Sequence
from datetime import UTC, timedelta
from typing import Any, Self

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.history import HistoryDict
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from simulators.faults import Fault
from simulators.ledger import Ledger
from simulators.machine import Kind, Machine

NAMESPACE = "urn:tezgah:plant"
_TYPES = {
    Kind.FLOAT: (ua.VariantType.Double, float),
    Kind.INT: (ua.VariantType.Int32, int),
    Kind.BOOL: (ua.VariantType.Boolean, bool),
}
_EPOCH = ua.DateTime(1970, 1, 1, tzinfo=UTC)
# values of each node that can be read from its history
_KEPT = 500
_OF_THE_LINE = {Fault.STALL, Fault.FLAP, Fault.RESTART}
_SPOILING = {Fault.BAD_QUALITY, Fault.NAN, Fault.CLOCK_RESET}


class _Written(ua.DataValue):
    """A value that is never changed once written, so that the server's deep copy of it may be itself.

    The copy that asyncua makes for every watching item was three quarters of a write: 44 us of CPU, 11 with this.
    """

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class _Node:
    """A signal's node, and what was last written to it."""

    def __init__(self, id: ua.NodeId, name: str, kind: Kind) -> None:
        self.id = id
        self.name = name
        self.type, self._convert = _TYPES[kind]
        self._last: float | None = None

    def forget(self) -> None:
        """Say the next value, whatever it is."""
        self._last = None

    def changed(self, value: float, source_time: ua.DateTime) -> _Written | None:
        """Return what to write, None if it is what stands there: a server does not notify of that."""
        if value == self._last:
            return None
        self._last = value
        return _Written(ua.Variant(self._convert(value), self.type), SourceTimestamp=source_time)


class OpcUaPlant:
    """Serves machines; `begin` lets their values move, `quiet` lets them stand. `port` is bound after `start`.

    Each node keeps a short history. A value that a fault has spoiled is said, but not entered in the ledger.
    """

    faults = frozenset(
        {
            Fault.STALL,
            Fault.FLAP,
            Fault.RESTART,
            Fault.BAD_QUALITY,
            Fault.NAN,
            Fault.CLOCK_RESET,
        }
    )

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
        self._nodes: list[list[_Node]] = []
        self._holding: set[tuple[Fault, str | None]] = set()
        self._history = HistoryDict()

    async def start(self) -> None:
        """Serve, each signal with its first value.

        Raises:
            OSError: The port is taken.
        """
        # asyncua logs, with its traceback, what it raises as well
        logging.getLogger("asyncua.server.server").setLevel(logging.CRITICAL)
        server = Server()
        # its clock node would keep `stop` waiting for a second
        server.disable_clock()
        await server.init()
        server.set_server_name("Tezgah simulated plant")
        server.set_endpoint(f"opc.tcp://{self._host}:{self.port}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        namespace = await server.register_namespace(NAMESPACE)
        self._nodes = [await _make_nodes(server, machine, namespace) for machine in self._machines]
        server.iserver.history_manager.set_storage(self._history)
        for nodes in self._nodes:
            for node in nodes:
                await self._history.new_historized_node(node.id, None, _KEPT)
        space = server.iserver.aspace
        for machine, nodes in zip(self._machines, self._nodes, strict=True):
            await self._write(space, machine, nodes)
        await server.start()
        self._server = server
        if server.bserver is not None:
            self.port = server.bserver.port
        # lives from start to stop, which no block of a TaskGroup spans
        self._mover = asyncio.create_task(self._move(space), name="opcua-plant")

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
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def begin_fault(self, fault: Fault, device: str | None) -> None:
        """Let a fault hold; those of the line concern every device.

        Raises:
            ValueError: There is no such device, or the fault cannot concern one alone.
        """
        devices = [machine.device for machine in self._machines]
        if device is not None and device not in devices:
            raise ValueError(f"there is no device {device!r}; there are {', '.join(devices)}")
        if device is not None and fault in _OF_THE_LINE:
            raise ValueError(f"{fault.value} concerns the whole server; leave `device` out")
        self._holding.add((fault, device))
        for nodes in self._nodes:
            for node in nodes:
                node.forget()
        await self._disturb()

    async def end_fault(self, fault: Fault, device: str | None) -> None:
        """Be as before; the next values are sound again."""
        self._holding.discard((fault, device))
        for client in self._clients():
            client.transport.resume_reading()
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

    async def _move(self, space: AddressSpace) -> None:
        """Write every signal once a period, on time; a period that took too long is not made up for."""
        due = time.monotonic()
        while True:
            await self._moving.wait()
            due = max(due + self._period_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            if self._holding:
                await self._disturb()
            for machine, nodes in zip(self._machines, self._nodes, strict=True):
                if self._moving.is_set():
                    await self._write(space, machine, nodes)
                # let requests in between: a large plant takes long
                await asyncio.sleep(0)

    async def _write(self, space: AddressSpace, machine: Machine, nodes: Sequence[_Node]) -> None:
        """Move one machine to now, write what changed, and enter it."""
        now_us = time.time_ns() // 1000
        source_time = _EPOCH + timedelta(microseconds=now_us)
        machine.advance(now_us)
        for node, value in zip(nodes, machine.values(), strict=True):
            written = node.changed(value, source_time)
            if written is None:
                continue
            spoiling = {fault for fault, device in self._holding if device in (None, machine.device)} & _SPOILING
            if spoiling:
                written = _spoilt(written, spoiling)
            (await space.write_attribute_value(node.id, AttributeIds.Value, written)).check()
            if not spoiling:
                self._ledger.record(machine.device, node.name, now_us, value)
            await self._history.save_node_value(node.id, written)


def _spoilt(sound: _Written, faults: Collection[Fault]) -> _Written:
    """Return what is said instead of a sound value."""
    value, status, source_time = sound.Value, ua.StatusCode(), sound.SourceTimestamp
    assert value is not None  # noqa: S101 - it was just made
    if Fault.NAN in faults and value.VariantType is ua.VariantType.Double:
        value = ua.Variant(math.nan, ua.VariantType.Double)
    if Fault.BAD_QUALITY in faults:
        status = ua.StatusCode(ua.UInt32(StatusCodes.BadSensorFailure))
    if Fault.CLOCK_RESET in faults and source_time is not None:
        source_time = source_time.replace(year=2000)
    return _Written(value, StatusCode=status, SourceTimestamp=source_time)


async def _make_nodes(server: Server, machine: Machine, namespace: int) -> list[_Node]:
    folder = await server.nodes.objects.add_folder(
        ua.NodeId(ua.String(machine.device), ua.Int16(namespace)), f"{namespace}:{machine.code}"
    )
    nodes = []
    for signal in machine.signals:
        node_id = ua.NodeId(ua.String(f"{machine.device}.{signal.name}"), ua.Int16(namespace))
        node = _Node(node_id, signal.name, signal.kind)
        first = ua.Variant(_TYPES[signal.kind][1](0), node.type)
        variable = await folder.add_variable(node_id, f"{namespace}:{signal.name}", first)
        for level in (AttributeIds.AccessLevel, AttributeIds.UserAccessLevel):
            await variable.set_attr_bit(level, ua.AccessLevel.HistoryRead)
        nodes.append(node)
    return nodes

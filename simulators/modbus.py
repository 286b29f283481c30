"""The plant's machines as units of one Modbus server: what a machine shows is computed when somebody asks."""

import asyncio
import errno
import struct
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.cable import Cable
from simulators.faults import Fault
from simulators.ledger import Ledger
from simulators.machine import Kind, Machine, Signal
from simulators.modbus_faults import Disturbance

# one line has at most this many units (Modbus over serial line V1.02, 2.2)
_UNITS = 247
_READS = frozenset({3, 4})
# how each kind of signal lies in registers: name for the gateway's configuration, format of its big-endian bytes
_TYPES = {Kind.FLOAT: ("float32", "f"), Kind.INT: ("uint32", "I"), Kind.BOOL: ("uint16", "H")}


class Place(NamedTuple):
    """Where a signal lies among the holding registers, and the gateway's word for its type (big-endian)."""

    signal: Signal
    address: int
    type: str

    @property
    def end(self) -> int:
        """The address behind its last register."""
        return self.address + struct.calcsize(f">{_TYPES[self.signal.kind][1]}") // 2


def layout(machine: Machine) -> list[Place]:
    """Return where a machine's signals lie: one behind the other, from holding register 0."""
    places: list[Place] = []
    for signal in machine.signals:
        places.append(Place(signal, places[-1].end if places else 0, _TYPES[signal.kind][0]))
    return places


def _now_us() -> int:
    return time.time_ns() // 1000


class _Unit:
    """A machine behind a unit identifier. Every answered read says each signal that lies whole in it."""

    def __init__(self, machine: Machine, ledger: Ledger) -> None:
        self._machine = machine
        self._ledger = ledger
        self._places = layout(machine)
        self._words = struct.Struct(">" + "".join(_TYPES[place.signal.kind][1] for place in self._places))

    @property
    def size(self) -> int:
        return self._places[-1].end

    def say(self, address: int, count: int, now_us: int | None) -> list[int]:
        """Return all registers, having moved the machine to `now_us` unless that is None, and enter what is said."""
        if now_us is not None:
            self._machine.advance(now_us)
        kinds = [place.signal.kind for place in self._places]
        values = self._machine.values()
        data = self._words.pack(
            *(value if kind is Kind.FLOAT else int(value) for kind, value in zip(kinds, values, strict=True))
        )
        # what was packed is what is said: a float in single precision
        said = self._words.unpack(data)
        for place, value in zip(self._places, said, strict=True):
            if address <= place.address and place.end <= address + count:
                self._ledger.record(self._machine.device, place.signal.name, 0, float(value))
        return list(struct.unpack(f">{self.size}H", data))


class ModbusPlant:
    """Serves machine n of the list as unit n, counted from 1; over TCP, and on a serial line if it is given a cable.

    Attributes:
        port: The port in use once started; kept for a later start.
        faults: What can be ordered of it (`simulators.faults.Faulty`).
    """

    faults = frozenset(
        {
            Fault.STALL,
            Fault.FLAP,
            Fault.SHORT_ANSWER,
            Fault.EXCEPTION,
            Fault.WRONG_CHECKSUM,
            Fault.ALIEN_ANSWER,
            Fault.RESTART,
        }
    )

    def __init__(
        self,
        machines: Sequence[Machine],
        ledger: Ledger,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        cable: Cable | None = None,
        now_us: Callable[[], int] = _now_us,
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            machines: At most 247.
            ledger: Told each reading when it is answered, with time 0, as Modbus carries none.
            host: Where to listen.
            port: 0 takes a free one.
            cable: Its far end becomes the plant's serial port; a master opens the near one (RTU, any baud).
            now_us: The wall clock, microseconds since 1970.
        """
        if len(machines) > _UNITS:
            raise ValueError(f"{len(machines)} machines on one Modbus server; {_UNITS} units is the most")
        self.port = port
        self._host = host
        self._now_us = now_us
        self._units = [_Unit(machine, ledger) for machine in machines]
        self._disturbance = Disturbance([machine.device for machine in machines])
        self._cable = cable
        self._line: ModbusSerialServer | None = None
        self._server: ModbusTcpServer | None = None
        self._is_moving = False

    async def start(self) -> None:
        """Serve; values stand still until `begin`.

        Raises:
            OSError: The port is taken.
        """
        server = ModbusTcpServer(self._devices(), address=(self._host, self.port), trace_packet=self._on_tcp)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(errno.EADDRINUSE, f"cannot listen on {self._host}:{self.port}; is the port taken?") from error
        self._server = server
        # what pymodbus calls the transport of a listener is asyncio's server
        self.port = cast("asyncio.Server", server.transport).sockets[0].getsockname()[1]
        if self._cable is not None:
            self._cable.plug()
            self._line = ModbusSerialServer(
                self._devices(), port=str(self._cable.far), ignore_missing_devices=True, trace_packet=self._on_the_line
            )
            await self._line.serve_forever(background=True)

    @property
    def serial_port(self) -> str | None:
        """Where a master opens the serial line; None if there is none."""
        return str(self._cable.near) if self._cable is not None else None

    async def begin_fault(self, fault: Fault, device: str | None) -> None:
        """Let a fault hold, for one device or all.

        Raises:
            ValueError: There is no such device, or all share what the fault is about.
        """
        if fault is Fault.RESTART:
            await self.stop()
            return
        self._disturbance.begin(fault, device)

    async def end_fault(self, fault: Fault, device: str | None) -> None:
        """Be as before."""
        if fault is Fault.RESTART:
            await self.start()
        self._disturbance.end(fault, device)

    def begin(self) -> None:
        """Let values move from now on."""
        self._is_moving = True

    def quiet(self) -> None:
        """Let values stand still; reads are still answered, and entered."""
        self._is_moving = False

    async def stop(self) -> None:
        """Close the server and its connections; harmless if it does not serve."""
        server, self._server = self._server, None
        line, self._line = self._line, None
        for each in (server, line):
            if each is not None:
                await each.shutdown()  # type: ignore[no-untyped-call]
        if self._cable is not None:
            self._cable.unplug()

    def _devices(self) -> list[SimDevice]:
        return [
            SimDevice(
                number,
                SimData(0, values=[0] * unit.size, datatype=DataType.REGISTERS),
                action=partial(self._answer, number, unit),
            )
            for number, unit in enumerate(self._units, start=1)
        ]

    def _on_tcp(self, is_sent: bool, data: bytes) -> bytes:
        if not is_sent or not data:
            return data
        if self._disturbance.holds(Fault.FLAP, 1) and self._server is not None:
            for connection in list(self._server.active_connections.values()):
                asyncio.get_running_loop().call_soon(connection.close)
            return b""
        return self._disturbance.on_tcp(data)

    def _on_the_line(self, is_sent: bool, data: bytes) -> bytes:
        return self._disturbance.on_the_line(data) if is_sent and data else data

    async def _answer(
        self,
        number: int,
        unit: _Unit,
        function: int,
        start: int,  # noqa: ARG002 - pymodbus calls with six arguments
        address: int,
        count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,  # noqa: ARG002
    ) -> ExcCodes | None:
        """Put a unit's registers in place before pymodbus answers from them (its hook `SimDevice.action`)."""
        if self._disturbance.holds(Fault.EXCEPTION, number):
            return ExcCodes.DEVICE_FAILURE
        if function in _READS and self._disturbance.is_truthful(number):
            registers[: unit.size] = unit.say(address, count, self._now_us() if self._is_moving else None)
        return None

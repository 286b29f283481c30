"""A real Modbus TCP server (pymodbus) whose units can be told what to hold, to be mute, to refuse and to lie."""

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.clock import Clock, SystemClock
from edge.drivers.modbus import SPEC
from edge.drivers.modbus.driver import ModbusDriver
from edge.drivers.spec import Point, Surroundings
from edge.ports import Sample

SIZE = 256


class Asked(NamedTuple):
    """A request as the server saw it."""

    unit: int
    function: int
    address: int
    count: int


class Unit:
    """What a unit holds, and how it behaves."""

    def __init__(self) -> None:
        self.registers: dict[int, list[int]] = {3: [0] * SIZE, 4: [0] * SIZE}
        self.bits: dict[int, list[bool]] = {1: [False] * SIZE, 2: [False] * SIZE}
        self.illegal: set[tuple[int, int]] = set()
        self.refusal = ExcCodes.ILLEGAL_ADDRESS
        self.largest = 2000
        self.is_mute = False
        self.mute_at: set[tuple[int, int]] = set()
        self.answers = asyncio.Event()
        self.answers.set()

    def put(self, function: int, address: int, form: str, *values: float | bytes) -> None:
        """Store values as `struct` packs them."""
        data = struct.pack(form, *values)
        words = struct.unpack(f">{len(data) // 2}H", data)
        self.registers[function][address : address + len(words)] = words


class Counterpart:
    """The server. `mangle` may change an answer's frame; `asked` lists the reads it saw."""

    def __init__(self, *units: int) -> None:
        self.units = {number: Unit() for number in units}
        self.asked: list[Asked] = []
        self.mangle: Callable[[bytes], bytes] = bytes
        self.connections = 0
        # when each read came, by the loop's clock; how many are under way, and were at most
        self.times: list[float] = []
        self.under_way = 0
        self.most_at_once = 0
        self.port = 0
        self._server: ModbusTcpServer | None = None
        self._last: dict[int, Asked] = {}

    async def start(self) -> None:
        tables = ([SimData(0, values=[False] * SIZE, datatype=DataType.BITS)] for _ in range(2))
        registers = ([SimData(0, values=[0] * SIZE, datatype=DataType.REGISTERS)] for _ in range(2))
        simdata = (*tables, *registers)
        devices = [
            SimDevice(number, simdata, action=partial(self._answer, number, unit))
            for number, unit in self.units.items()
        ]
        address = ("127.0.0.1", self.port)
        server = ModbusTcpServer(devices, address=address, trace_packet=self._packet, trace_connect=self._connected)
        await server.serve_forever(background=True)
        self.port = server.transport.sockets[0].getsockname()[1]
        self._server = server

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()

    def _connected(self, is_up: bool) -> None:
        self.connections += 1 if is_up else -1

    def _packet(self, is_sent: bool, data: bytes) -> bytes:
        if not is_sent or not data:
            return data
        unit = self.units[data[6]]
        asked = self._last[data[6]]
        reads = {(asked.function, asked.address + offset) for offset in range(asked.count)}
        return b"" if unit.is_mute or reads & unit.mute_at else self.mangle(data)

    async def _answer(self, number, unit, function, start, address, count, registers, written):
        # for bits pymodbus counts registers of 16
        asked = Asked(number, function, address, count)
        self.asked.append(asked)
        self.times.append(asyncio.get_running_loop().time())
        self._last[number] = asked
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await unit.answers.wait()
        self.under_way -= 1
        if count > unit.largest:
            return ExcCodes.ILLEGAL_VALUE
        if unit.illegal & {(function, address + offset) for offset in range(count)}:
            return unit.refusal
        if function in unit.registers:
            registers[:SIZE] = unit.registers[function]
        else:
            bits = unit.bits[function]
            registers[: SIZE // 16] = [
                sum(bit << place for place, bit in enumerate(bits[at : at + 16])) for at in range(0, SIZE, 16)
            ]
        return None


def points(
    device: str, tags: Mapping[str, Mapping[str, object]], every_s: float = 0.05, **options: object
) -> list[Point]:
    """Make a device's points from its configuration."""
    parsed = SPEC.device.model_validate({"name": device, "on": "line", "tags": tags, **options})
    return [Point(device, name, every_s, parsed, tag) for name, tag in parsed.tags.items()]


def driver(
    port: int, of: Sequence[Point], clock: Clock | None = None, *, state: Path | None = None, **options: object
) -> ModbusDriver:
    """Build a driver to a local server, impatient unless told otherwise; `state` is where it keeps what it learns."""
    connection = {"modbus": "tcp", "host": "127.0.0.1", "port": port, "timeout": "300ms", "retries": 0, **options}
    built = SPEC.build(
        "line", SPEC.connection.model_validate(connection), of, clock or SystemClock(), Surroundings(state)
    )
    assert isinstance(built, ModbusDriver)
    return built


def rows(sample: Sample) -> dict[int, tuple[float, int, int]]:
    """Return value, quality and status by point."""
    taken = sample.readings
    return {
        point: (value, quality, status)
        for point, value, quality, status in zip(
            taken.tag.tolist(), taken.value.tolist(), taken.quality.tolist(), taken.status.tolist(), strict=True
        )
    }

"""Modbus: what one reading costs the gateway, by this driver and by pymodbus' own client, on the same answers.

Two servers, each in its own process: a raw socket that answers any read of 124 registers with the same bytes, so
that the client is the limit, and pymodbus' server, as people have it. Eight units of 62 float32 are read as fast
as they answer. CPU is the client's process alone; `reads only` leaves the registers undecoded.
"""

import asyncio
import importlib.util
import logging
import multiprocessing
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.clock import SystemClock
from edge.drivers.modbus import SPEC
from edge.drivers.spec import Point
from shared import logs

UNITS, FLOATS = 8, 62
SECONDS = 3.0
VALUES = [n + 0.5 for n in range(FLOATS)]
DATA = struct.pack(f">{FLOATS}f", *VALUES)


def serve_canned(pipe: Connection) -> None:
    """Answer every request with the same data, one connection after the other."""
    tail = struct.pack(">BB", 3, len(DATA)) + DATA
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                while len(request := connection.recv(12)) == 12:
                    connection.sendall(request[:4] + struct.pack(">HB", len(tail) + 1, request[6]) + tail)


def serve_pymodbus(pipe: Connection) -> None:
    """Serve pymodbus' own simulated devices."""

    async def run() -> None:
        registers = SimData(0, values=list(struct.unpack(f">{2 * FLOATS}H", DATA)), datatype=DataType.REGISTERS)
        server = ModbusTcpServer([SimDevice(unit, registers) for unit in range(1, UNITS + 1)], address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        pipe.send(server.transport.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    logging.disable()
    asyncio.run(run())


async def with_driver(port: int) -> int:
    """Count the readings that this project's driver yields."""
    points = []
    for unit in range(1, UNITS + 1):
        tags = {f"v{n}": {"register": f"holding {2 * n}", "type": "float32"} for n in range(FLOATS)}
        device = SPEC.device.model_validate({"name": f"meter-{unit}", "on": "line", "unit": unit, "tags": tags})
        # a period that no line keeps: the next request is always due
        points += [Point(device.name, name, 1e-4, device, tag) for name, tag in device.tags.items()]
    connection = SPEC.connection.model_validate({"modbus": "tcp", "host": "127.0.0.1", "port": port})
    driver = SPEC.build("line", connection, points, SystemClock())
    await driver.open()
    count, end = 0, time.monotonic() + SECONDS
    async for sample in driver.samples():
        count += len(sample.readings)
        if time.monotonic() > end:
            driver.finish()
    await driver.close()
    return count


async def with_pymodbus(port: int) -> int:
    """Count the floats that pymodbus' client reads and converts."""
    count, end = 0, time.monotonic() + SECONDS
    async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
        while time.monotonic() < end:
            for unit in range(1, UNITS + 1):
                answer = await client.read_holding_registers(0, count=2 * FLOATS, device_id=unit)
                values = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
                assert values == VALUES
                count += FLOATS
    return count


async def reads_only(port: int) -> int:
    """Count what pymodbus' client reads, undecoded."""
    count, end = 0, time.monotonic() + SECONDS
    async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
        while time.monotonic() < end:
            for unit in range(1, UNITS + 1):
                await client.read_holding_registers(0, count=2 * FLOATS, device_id=unit)
                count += FLOATS
    return count


def measure(serve: Callable[[Connection], None], read: Callable[[int], Awaitable[int]]) -> tuple[float, float]:
    """Return readings a second and CPU microseconds a reading."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        port = ours.recv()
        cpu, wall = time.process_time(), time.perf_counter()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            count = runner.run(_counted(read, port))
        return count / (time.perf_counter() - wall), (time.process_time() - cpu) / count * 1e6
    finally:
        process.kill()
        process.join()


async def _counted(read: Callable[[int], Awaitable[int]], port: int) -> int:
    return await read(port)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - not there on Windows

    return uvloop.new_event_loop


def main() -> None:
    """Measure and print."""
    logs.configure("console", "ERROR")
    for serve in (serve_canned, serve_pymodbus):
        print(f"{serve.__name__.removeprefix('serve_')} server, {UNITS} units of {FLOATS} float32:")
        baseline = 0.0
        for name, read in (("reads only", reads_only), ("pymodbus", with_pymodbus), ("this driver", with_driver)):
            rate, cpu = measure(serve, read)
            baseline = cpu if name == "pymodbus" else baseline
            ratio = f"  {baseline / cpu:4.1f} x pymodbus" if name == "this driver" else ""
            print(f"  {name:12} {rate:10,.0f} readings/s  {cpu:6.2f} us CPU a reading{ratio}")


if __name__ == "__main__":
    main()

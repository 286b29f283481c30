"""Modbus from register to disk (driver, station, shaping, durable buffer), beside bare pymodbus on the same server.

Blocks of 125 registers' worth of float32 (62 floats) from forty units on four connections; every sample is kept. A
raw socket on a core of its own answers with measured-looking values that change from block to block, so that the
client is the limit. Two figures: CPU seconds per million readings at a paced 240,000 readings a second, and the most
that one core takes, SQLite's thread included. At the end each reading that was taken must be committed. The baseline
is pymodbus' client with its own conversion, and nothing behind it.
"""

import asyncio
import multiprocessing
import os
import random
import selectors
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from edge.acquisition.station import Station
from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from edge.drivers.modbus import SPEC
from edge.drivers.spec import Point, PublishOptions
from edge.loop import new_event_loop
from shared import logs

CONNECTIONS, UNITS, FLOATS = 4, 10, 62
BLOCK = 2 * FLOATS
SECONDS = 8.0
PACED = 240_000
# what is asked
AT_LEAST, AT_MOST_US = 400_000, 2.0


def answers() -> list[bytes]:
    """Return the tails of answers: 32 blocks of values that wander as measured ones do."""
    drift = random.Random(1)
    tails = []
    values = [round(drift.uniform(10, 400), 1) for _ in range(FLOATS)]
    for _ in range(32):
        values = [round(value + drift.gauss(0, 0.2), 1) for value in values]
        tails.append(struct.pack(">BB", 3, 4 * FLOATS) + struct.pack(f">{FLOATS}f", *values))
    return tails


def serve(pipe: Connection, core: int | None) -> None:
    """Answer every read of one block on any number of connections, until killed."""
    _stay_on(core)
    tails, turn = answers(), 0
    header = struct.Struct(">HB")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, selectors.DefaultSelector() as selector:
        pipe.send(listener.getsockname()[1])
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ)
                    continue
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                request = connection.recv(12)
                if len(request) < 12:
                    selector.unregister(connection)
                    connection.close()
                    continue
                turn = (turn + 1) % len(tails)
                tail = tails[turn]
                connection.sendall(request[:4] + header.pack(len(tail) + 1, request[6]) + tail)


def points(every_s: float) -> list[Point]:
    """Return the points of one connection, every sample kept."""
    made = []
    for unit in range(1, UNITS + 1):
        tags = {f"v{n}": {"register": f"holding {2 * n}", "type": "float32"} for n in range(FLOATS)}
        device = SPEC.device.model_validate({"name": f"meter-{unit}", "on": "line", "unit": unit, "tags": tags})
        for name, tag in device.tags.items():
            kept = tag.model_copy(update={"publish": PublishOptions(on="sample")})
            made.append(Point(device.name, name, every_s, device, kept))
    return made


class Meter:
    """Time and CPU since `start`, which is called when all is configured and reading begins."""

    def start(self) -> None:
        """Begin."""
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def figures(self, count: int) -> tuple[float, float]:
        """Return readings a second and CPU microseconds a reading."""
        return count / (time.perf_counter() - self._wall), (time.process_time() - self._cpu) / count * 1e6


async def durable(port: int, every_s: float, meter: Meter) -> int:
    """Read for the time given, and return how many readings are on disk; fewer than were taken is an error."""
    clock = SystemClock()
    connection = SPEC.connection.model_validate({"modbus": "tcp", "host": "127.0.0.1", "port": port})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "buffer.db")
        buffer = await SqliteBuffer.open(path, max_bytes=4 * 10**9, gateway="bench", clock=clock)
        stations = []
        for number in range(CONNECTIONS):
            of = [
                Point(f"{number}-{p.device}", p.name, p.every_s, p.device_options, p.options) for p in points(every_s)
            ]
            driver = SPEC.build(f"line-{number}", connection, of, clock)
            stations.append(Station(f"line-{number}", "modbus", driver, of, buffer, clock))
        meter.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(buffer.run())
            running = [tasks.create_task(station.run()) for station in stations]
            await asyncio.sleep(SECONDS)
            for station in stations:
                station.finish()
            await asyncio.wait(running)
            taken = sum(station.status().readings for station in stations)
            await buffer.flush()
            committed = buffer.stats().committed
            await buffer.close()
    if committed < taken:
        raise AssertionError(f"{taken} readings were taken, {committed} are on disk")
    return taken


async def bare(port: int, every_s: float, meter: Meter) -> int:
    """Read as often with pymodbus' client and its conversion, and keep nothing."""
    meter.start()
    end = time.monotonic() + SECONDS

    async def line() -> int:
        count, start, turn = 0, time.monotonic(), 0
        async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
            while time.monotonic() < end:
                for unit in range(1, UNITS + 1):
                    answer = await client.read_holding_registers(0, count=BLOCK, device_id=unit)
                    count += len(client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32))
                turn += 1
                await asyncio.sleep(max(0.0, start + turn * every_s - time.monotonic()))
        return count

    async with asyncio.TaskGroup() as tasks:
        lines = [tasks.create_task(line()) for _ in range(CONNECTIONS)]
    return sum(each.result() for each in lines)


def measure(read: Callable[[int, float, Meter], Awaitable[int]], every_s: float) -> tuple[float, float]:
    """Return readings a second and CPU microseconds a reading, client on one core and server on another."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(theirs, cores[-1] if len(cores) > 1 else None), daemon=True
    )
    process.start()
    try:
        port = ours.recv()
        _stay_on(cores[0] if len(cores) > 1 else None)
        meter = Meter()
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            count = runner.run(_counted(read, port, every_s, meter))
        return meter.figures(count)
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
        process.kill()
        process.join()


async def _counted(read: Callable[[int, float, Meter], Awaitable[int]], port: int, every_s: float, meter: Meter) -> int:
    return await read(port, every_s, meter)


def _stay_on(core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})


def main() -> int:
    """Measure and print; the exit code tells whether what is asked was reached."""
    logs.configure("console", "ERROR")
    paced_s = CONNECTIONS * UNITS * FLOATS / PACED
    print(f"{CONNECTIONS} connections, {UNITS} units each, blocks of {FLOATS} float32, every sample on disk:")
    figures = {}
    for name, read in (("bare pymodbus", bare), ("tezgah, durable", durable)):
        for pace, every_s in (("paced", paced_s), ("limit", 1e-4)):
            figures[name, pace] = rate, cpu = measure(read, every_s)
            print(f"  {name:16} {pace}  {rate:10,.0f} readings/s  {cpu:6.2f} CPU s per million")
    rate, cpu = figures["tezgah, durable", "limit"][0], figures["tezgah, durable", "paced"][1]
    ratio = figures["bare pymodbus", "paced"][1] / cpu
    is_missed = rate < AT_LEAST or cpu > AT_MOST_US
    said = "MISSED" if is_missed else "reached"
    print(f"  {ratio:.1f} times less CPU than bare pymodbus")
    print(f"  asked: {AT_LEAST:,} readings/s at the limit, {AT_MOST_US} CPU s per million paced: {said}")
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
